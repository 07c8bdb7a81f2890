"""What is imported where: the laptop's path has no cloud library, a help page no encoder."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = ("boto3", "botocore", "onnxruntime", "uvicorn", "fastapi", "tokenizers")


def imported_by(code: str) -> set[str]:
    """Modules of a fresh interpreter after running `code`."""
    listing = "print(json.dumps(sorted(sys.modules)))"
    script = f"import sys, json\n{code}\n{listing}"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    # The function logs to standard output too, objects.
    (listed,) = [line for line in done.stdout.splitlines() if line.startswith(b"[")]
    return set(json.loads(listed))


def printed_by(code: str, unset: str) -> str:
    """What code prints in a fresh interpreter without one variable of the environment."""
    environment = {name: value for name, value in os.environ.items() if name != unset}
    command = [sys.executable, "-c", code]
    return subprocess.run(
        command, capture_output=True, check=True, env=environment, text=True
    ).stdout


def test_the_application_imports_no_cloud_library() -> None:
    modules = imported_by("import imgvec.app, imgvec.cli")
    assert "PIL" in modules, "positive control"
    assert not modules & {"boto3", "botocore", "aws_lambda_powertools"}


def test_the_function_imports_no_server_no_command_line_and_no_tracer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMGVEC_DATA", str(tmp_path))
    modules = imported_by("import functions.embeddings.app")
    assert "aws_lambda_powertools" in modules, "positive control"
    assert not modules & {"uvicorn", "click", "boto3", "aws_xray_sdk", "imgvec_models", "dns"}
    # The HTTP client comes with the first URL; pydantic's past would be a tenth of the start.
    assert not modules & {"httpcore2", "h11", "pydantic.v1"}


def test_a_start_imports_the_stores_and_the_encoder_that_are_meant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMGVEC_DATA", str(tmp_path))
    modules = imported_by("import functions.embeddings.app")
    assert {"imgvec.stores.sqlite", "imgvec.stores.folder", "onnxruntime"} <= modules, "control"
    others = ("imgvec.stores.dynamodb", "imgvec.stores.s3", "imgvec.encoders.sagemaker")
    assert not [name for name in modules if name.startswith(others)]


def test_a_table_and_a_bucket_bring_no_database(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("IMGVEC_TABLE", "table")
    monkeypatch.setenv("IMGVEC_BUCKET", "bucket")
    modules = imported_by(
        "from imgvec.settings import load_settings\n"
        "from imgvec.stores import open_blobs\n"
        "from imgvec.stores import store_of\n"
        "settings = load_settings()\n"
        "store_of(settings), open_blobs(settings)"
    )
    assert {"imgvec.stores.dynamodb", "imgvec.stores.s3"} <= modules, "positive control"
    assert not modules & {"imgvec.stores.sqlite", "imgvec.stores.folder"}


@pytest.mark.skipif(sys.platform != "linux", reason="threads are counted in Linux's /proc")
@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="on one core NumPy's BLAS has no threads")
def test_a_start_makes_no_threads_that_only_spin() -> None:
    """NumPy's BLAS has one for each further core, and burns a tenth of a second in it."""
    threads = {}
    for first in ("imgvec", "imgvec.coldstart"):
        code = f"import os, {first}, numpy; print(len(os.listdir('/proc/self/task')))"
        threads[first] = int(printed_by(code, unset="OPENBLAS_NUM_THREADS"))
    assert threads["imgvec"] > 1, "positive control"
    assert threads["imgvec.coldstart"] == 1


def test_the_function_is_light_where_an_endpoint_encodes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its image then has neither of the two: `functions/embeddings/Dockerfile`."""
    monkeypatch.setenv("IMGVEC_DATA", str(tmp_path))
    monkeypatch.setenv("IMGVEC_ENDPOINT", "far-away")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    # Nobody listens on it.
    monkeypatch.setenv("AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME", "http://127.0.0.1:9")
    # A thread that finds nobody there warns, now and then before the modules are printed.
    monkeypatch.setenv("IMGVEC_LOG_LEVEL", "error")
    modules = imported_by("import functions.embeddings.app")
    assert "boto3" in modules, "positive control"
    assert not modules & {"onnxruntime", "tokenizers", "uvicorn"}


@pytest.mark.parametrize("heavy", HEAVY)
def test_the_command_line_imports_little(heavy: str) -> None:
    assert heavy not in imported_by("import imgvec.cli")


def test_a_start_builds_no_validator_that_only_a_description_needs() -> None:
    """Should pydantic or FastAPI no longer heed what `imgvec.coldstart` sets, this tells."""
    told = (
        "from fastapi.openapi.models import OpenAPI\n"
        "from imgvec.dialects.coreviz.routes import CoreVizProblem\n"
        "print(OpenAPI.__pydantic_complete__, CoreVizProblem.__pydantic_complete__)"
    )
    for first, built in (("imgvec.coldstart, imgvec.app", "False"), ("imgvec.app", "True")):
        code = f"import {first}\n{told}"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
        assert done.stdout.decode().split() == [built, "False"]


def test_a_start_reads_no_metadata_of_packages() -> None:
    """Pydantic looks for plugins with its first validator; every package has a file to be read."""
    watch = "from importlib import metadata as m\nm.entry_points = lambda **_: read.append(1) or ()"
    for first, times in (("imgvec.coldstart, imgvec.app", 0), ("imgvec.app", 1)):
        code = f"read = []\n{watch}\nimport {first}\nprint(len(read))"
        assert int(printed_by(code, unset="PYDANTIC_DISABLE_PLUGINS")) == times


def test_garbage_is_collected_again_behind_a_start() -> None:
    code = (
        "import gc\nfrom imgvec import coldstart\nassert not gc.isenabled()\n"
        "coldstart.over()\nassert gc.isenabled() and gc.get_freeze_count() > 1000"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
