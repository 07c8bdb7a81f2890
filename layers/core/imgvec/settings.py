"""The validated model of all settings; each is an environment variable `IMGVEC_<NAME>`."""

import os
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

import platformdirs
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    HttpUrl,
    ValidationError,
)
from pydantic_core import PydanticCustomError

from imgvec.errors import SettingsError

PREFIX = "IMGVEC_"
MEGABYTE = 1_000_000


def _user_data() -> Path:
    return Path(platformdirs.user_data_dir("imgvec", appauthor=False))


def _split(value: object) -> object:
    """Split a comma-separated string; pydantic validates any other type."""
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


def _at_home(path: Path) -> Path:
    """Read `~` as a shell does, which leaves it alone in quotes."""
    try:
        return path.expanduser()
    except RuntimeError:
        raise PydanticCustomError("no_home", "there is no home folder for its ~") from None


Folder: TypeAlias = Annotated[Path, AfterValidator(_at_home)]

Provider: TypeAlias = Literal["cpu", "cuda", "tensorrt"]
"""Execution providers of ONNX Runtime."""

ExtraFormat: TypeAlias = Literal["avif", "heic"]
"""Formats of images that are read if an operator asks for them."""

_DECODERS = {
    "avif": ("PIL._avif", "avif needs Pillow with libavif, as in Pillow's wheels"),
    "heic": ("pillow_heif", "heic is not installed here: pip install 'imgvec[heic]'"),
}


def _installed(formats: tuple[ExtraFormat, ...]) -> tuple[ExtraFormat, ...]:
    """Say at the start, and not at the first image, that a decoder is missing; import none."""
    for format in formats:
        module, fix = _DECODERS[format]
        if find_spec(module) is None:
            raise PydanticCustomError("not_installed", fix)
    return formats


CommaSeparated = Annotated[tuple[str, ...], BeforeValidator(_split)]


class Settings(BaseModel):
    """All settings of an operator; `docs/reference/settings.md` is generated from it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    data: Folder = Field(
        default_factory=_user_data,
        description="Folder of the embedded stores: keys, usage and uploaded assets.",
    )
    table: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9._-]{3,255}$",
        description="DynamoDB table of keys, plans, usage and assets. Empty: a file in "
        "`IMGVEC_DATA`.",
    )
    bucket: str | None = Field(
        default=None,
        description="S3 bucket of the bytes of assets. Empty: a folder in `IMGVEC_DATA`.",
    )
    models: Folder = Field(
        default_factory=lambda: _user_data() / "models",
        description="Folder of encoders that you built. Shipped encoders need no setting.",
    )
    hub: HttpUrl = Field(
        default=HttpUrl("https://huggingface.co"),
        description="Base URL of the model hub that weights are pulled from, or of a mirror.",
    )
    encoders: CommaSeparated = Field(
        default=("starter",),
        min_length=1,
        description="Encoders to serve, in order of preference.",
    )
    aliases_off: CommaSeparated = Field(
        default=(),
        description="Vendor models not to serve, as `dialect:model[:dimensions]`. A request for "
        "one gets the dialect's 400.",
    )
    threads: int = Field(
        default=1,
        ge=1,
        le=256,
        description="Threads of one inference. Other inferences run on the other cores.",
    )
    provider: Provider = Field(
        default="cpu",
        description="Processor of the encoder: `cpu`, or an NVIDIA GPU by `cuda` or `tensorrt`.",
    )
    endpoint: str | None = Field(
        default=None,
        pattern=r"^[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}$",
        description="SageMaker endpoint that encodes. Empty: this process does.",
    )
    endpoint_component: str | None = Field(
        default=None,
        pattern=r"^[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}$",
        description="Inference component of the endpoint, if it has components.",
    )
    endpoint_timeout: float = Field(
        default=7.0,
        gt=0,
        le=8,
        description="Seconds that the endpoint has for an answer. After an earlier fault there is "
        "one more try.",
    )
    batch_size: int = Field(
        default=32, ge=1, le=256, description="Most images that the endpoint encodes at once."
    )
    batch_wait: float = Field(
        default=2.0,
        ge=0,
        le=100,
        description="Milliseconds that images wait at the endpoint for others to join their batch.",
    )
    batch_queue: int = Field(
        default=256,
        ge=1,
        description="Most images that wait at the endpoint, and most texts. More are rejected.",
    )
    workers: int | None = Field(
        default=None,
        ge=1,
        le=256,
        description="Images and texts that are computed at the same time. Empty: the cores, "
        "divided by `IMGVEC_THREADS`.",
    )
    queue_seconds: float = Field(
        default=20.0,
        gt=0,
        le=300,
        description="Longest estimated wait in line, in seconds. A request that would wait longer "
        "is rejected at once (429).",
    )
    max_bodies: int = Field(
        default=256 * MEGABYTE,
        ge=1024,
        description="Bytes of all request bodies and fetched images together. More are 429. Images "
        "from URLs and stored ones wait while they hold half of it. One consumer has at most half.",
    )
    body_timeout: float = Field(
        default=60.0,
        gt=0,
        le=3600,
        description="Seconds that a request body has to arrive. After its first 5 it must also "
        "keep 50 kB a second on average.",
    )
    max_body: int = Field(
        default=20 * MEGABYTE, ge=1024, description="Largest request body, in bytes."
    )
    max_image: int = Field(
        default=20 * MEGABYTE,
        ge=1024,
        description="Largest image file from a URL, an upload or an asset, in bytes.",
    )
    max_inputs: int = Field(
        default=2048,
        ge=1,
        le=100_000,
        description="Most inputs of a list in one request.",
    )
    max_images: int = Field(
        default=96,
        ge=1,
        le=10_000,
        description="Most images of a list in one request.",
    )
    max_answer: int | None = Field(
        default=None,
        ge=10_000,
        description="Largest answer to a list, in bytes, judged before any work. Empty: no limit.",
    )
    max_pixels: int = Field(
        default=50_000_000,
        ge=1,
        description="Largest image, in pixels. It is judged before decoding.",
    )
    max_frames: int = Field(
        default=1000,
        ge=1,
        description="Most frames or pages of an image. The first one is embedded.",
    )
    extra_formats: Annotated[
        tuple[ExtraFormat, ...], BeforeValidator(_split), AfterValidator(_installed)
    ] = Field(
        default=(),
        description="Image formats beside the usual ones: `avif`, and `heic`, which needs `pip "
        "install 'imgvec[heic]'`. A process of its own decodes each such image.",
    )
    fetch: bool = Field(
        default=True,
        description="Images by URL. Off, a request with a URL gets the dialect's 400.",
    )
    fetch_allow: CommaSeparated = Field(
        default=(),
        description="Private hosts that images may be fetched from, as `host[:port]`.",
    )
    fetch_timeout: float = Field(
        default=10.0,
        gt=0,
        le=25,
        description="Seconds for a whole fetch: look-up, redirects and the last byte.",
    )
    fetch_contact: str = Field(
        default="",
        pattern=r"^[!-'*-~]{0,200}$",
        description="Web page or mail address of the operator, for the `User-Agent` of fetches. "
        "Some sites ask for one. Empty: `IMGVEC_PUBLIC_URL`.",
    )
    idempotency_hours: float = Field(
        default=24.0,
        ge=1,
        le=24 * 30,
        description="Hours for which the server remembers an `Idempotency-Key`.",
    )
    public_url: HttpUrl | None = Field(
        default=None,
        description="Base URL of links in answers. Empty: that of the request.",
    )
    cors_origins: CommaSeparated = Field(
        default=("*",),
        description="Origins whose web pages may call, `*` for any. A page needs a key of its "
        "own: no browser sends one along, as it would a cookie. To shut other pages out, name "
        "your own origin.",
    )
    playground: bool = Field(
        default=True,
        description="Shows the playground at `/` of `imgvec serve`. Off, `/` leads to `/docs`.",
    )
    metrics_port: int | None = Field(
        default=None,
        ge=0,
        le=65535,
        description="Port at which `imgvec serve` answers Prometheus, without a key. 0 takes a "
        "free one. Empty: none.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Least level of the log on standard error."
    )


def load_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """Read the settings from the environment, or from a mapping like it.

    Raises:
        SettingsError: a variable is unknown or its value is wrong; the sentence names each.
    """
    given = os.environ if environment is None else environment
    values = {
        name.removeprefix(PREFIX).lower(): value
        for name, value in given.items()
        if name.startswith(PREFIX) and value != ""
    }
    try:
        return Settings.model_validate(values)
    except ValidationError as problem:
        raise SettingsError(_sentence(problem)) from None


def _sentence(problem: ValidationError) -> str:
    """Name each wrong variable, without its value, which may be secret."""
    # Slow to import, and needed for no good start.
    from difflib import get_close_matches

    parts = []
    for error in problem.errors(include_url=False, include_context=False, include_input=False):
        name = PREFIX + str(error["loc"][0]).upper()
        if error["type"] == "extra_forbidden":
            near = get_close_matches(name.removeprefix(PREFIX).lower(), Settings.model_fields, 1)
            meant = f", did you mean {PREFIX}{near[0].upper()}?" if near else ""
            parts.append(
                f"{name} is no setting of imgvec{meant} (docs/reference/settings.md lists them)"
            )
        else:
            parts.append(f"{name} is wrong: {error['msg'][:1].lower()}{error['msg'][1:]}")
    return "; ".join(parts)
