"""The page about cost, from the same sums as `imgvec cost`."""

from typing import get_args

from imgvec.cost import (
    ANSWER_BYTES,
    AVX2_SLOWER,
    COLD_SHARE,
    ENCODE_MS,
    FETCH_MS,
    LAMBDA_SLOWER,
    LOSES,
    MILLION,
    PHOTO_BYTES_PER_MEGAPIXEL,
    STORES_MS,
    UPLOAD_BYTES,
    Gateway,
    Processor,
    Workload,
    bill,
    container,
    gib_seconds,
    gpu_endpoint,
)

HEAD = """# What it costs

`imgvec cost` gives the sums of this page for your own images: list prices of us-east-1, x86,
1,769 MB, egress, logs and authorizer included, free tiers not. The vendors ask about $100 a
million.
"""


def _millisecond() -> float:
    """Dollars that a million calls cost more when each takes a millisecond longer."""
    return MILLION * gib_seconds(1 / 1000)


ASSUMED = f"""## What is assumed

- A processor of Lambda takes {LAMBDA_SLOWER} times as long as a fast, quiet core
  with AVX512-VNNI: 15 ms for `clip-vit-b32`. [performance.md](performance.md) has slower ones.
- Without VNNI an encoder takes {AVX2_SLOWER} times as long: measured on a processor
  whose VNNI was hidden, 2.1 to 2.7 times ([performance.md](performance.md)). Each further
  millisecond of a function adds ${_millisecond():.3f} to a million.
- The stores take {STORES_MS:.0f} ms of waiting, an image URL {FETCH_MS:.0f} ms.
- A JPEG has {PHOTO_BYTES_PER_MEGAPIXEL / 1000:.0f} kB a megapixel; an answer has
  {ANSWER_BYTES / 1000} kB: it is compressed for clients that ask, as most do.
- One call of {1 / COLD_SHARE:.0f} is a cold start. A container and a GPU are busy half of their
  time.
- Uploads above {UPLOAD_BYTES / 1e6} MB go by the bucket and are kept; `DELETE` or a lifecycle
  rule ends that.
"""


def cost_page() -> str:
    """`docs/cost.md`, without its note."""
    return "\n".join([HEAD, _gateways(), _encoders(), ASSUMED])


def _gateways() -> str:
    works = {gate: Workload(MILLION, 2.0, gateway=gate) for gate in get_args(Gateway)}
    parts = [line.part for line in bill(works["rest"])]
    lines = [
        "## By front door",
        "",
        "A million uploads of 2 megapixels (0.7 MB), `clip-vit-b32`, on processors without VNNI.",
        "",
        f"| front door | {' | '.join(parts)} | total |",
        "|---" * (len(parts) + 2) + "|",
    ]
    for gate, work in works.items():
        sums = [line.dollars for line in bill(work)]
        cells = " | ".join(f"{dollars:.2f}" for dollars in sums)
        lines.append(f"| `{gate}` | {cells} | **{sum(sums):.2f}** |")
    lines += ["", *(f"- `{gate}`: {told}" for gate, told in LOSES.items()), ""]
    return "\n".join(lines)


def _encoders() -> str:
    lines = [
        "## By encoder",
        "",
        "The same behind the REST API, and from how many images a month another host is cheaper:",
        "one Fargate container (one processor, 2 GB, a load balancer) in the place of gateway and",
        "functions, or one SageMaker ml.g4dn.xlarge that encodes for the functions.",
        "",
        "| encoder | processor | ms of a function | $ a million | container from | GPU from |",
        "|---|---|---|---|---|---|",
    ]
    for encoder in ENCODE_MS:
        for processor in get_args(Processor):
            lines.append(_row(Workload(MILLION, 2.0, encoder=encoder, processor=processor)))
    return "\n".join([*lines, ""])


def _row(work: Workload) -> str:
    total = sum(line.dollars for line in bill(work))
    gpu = gpu_endpoint(work)
    cells = [
        f"`{work.encoder}`",
        work.processor,
        f"{work.function_ms:.0f}",
        f"{total:.2f}",
        f"{container(work).images / MILLION:,.0f} million",
        "never" if gpu is None else f"{gpu.images / MILLION:,.0f} million",
    ]
    return f"| {' | '.join(cells)} |"
