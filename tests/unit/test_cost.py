"""The bill against sums that were made by hand, from AWS's price pages."""

from typing import get_args

import pytest

from imgvec_benchmarks.bulk_cost import rows
from imgvec_benchmarks.cost import (
    ANSWER_BYTES,
    AVX2_SLOWER,
    COLD_SHARE,
    ENCODE_MS,
    FETCH_MS,
    LAMBDA_SLOWER,
    MILLION,
    PHOTO_BYTES_PER_MEGAPIXEL,
    REST_REQUEST,
    STORES_MS,
    UPLOAD_BYTES,
    Gateway,
    Processor,
    Workload,
    bill,
    container,
    gib_seconds,
    gpu_endpoint,
    tiered,
)
from tests.support.server.places import ROOT

TWO_MEGAPIXELS = Workload(MILLION, 2.0)


def dollars(work: Workload) -> dict[str, float]:
    """The bill, by part, rounded to cents."""
    return {part: round(month, 2) for part, month in bill(work).items()}


def total(work: Workload) -> float:
    """The bill's sum."""
    return sum(bill(work).values())


@pytest.mark.parametrize(
    ("part", "by_hand"),
    [
        ("gateway", 3.50),
        ("metering", 1.38),
        ("authorizer", 0.23),
        ("logs", 0.46),
        ("transfer", 0.30),
        ("cold starts", 0.09),
        ("storage", 0.00),
    ],
)
def test_a_million_images_behind_the_rest_api(part: str, by_hand: float) -> None:
    assert dollars(TWO_MEGAPIXELS)[part] == pytest.approx(by_hand, abs=0.01)


def test_the_function_is_billed_by_memory_and_milliseconds() -> None:
    # 0.2 $ a million requests; 1769 MiB for 49 ms at 0.0000166667 $ a GiB second is 1.41 $.
    work = Workload(MILLION, 2.0, processor="vnni")
    assert work.function_ms == pytest.approx(49, abs=0.5)
    assert dollars(work)["function"] == pytest.approx(1.61, abs=0.02)


@pytest.mark.parametrize(
    ("gateway", "vnni", "avx2"), [("rest", 7.65, 8.50), ("http", 6.15, 7.00), ("url", 3.85, 5.00)]
)
def test_no_front_door_costs_more_than_is_said(gateway: Gateway, vnni: float, avx2: float) -> None:
    assert total(Workload(MILLION, 2.0, gateway=gateway, processor="vnni")) <= vnni
    assert total(Workload(MILLION, 2.0, gateway=gateway)) <= avx2


def test_an_http_api_bills_each_half_mebibyte_of_a_body() -> None:
    assert dollars(Workload(MILLION, 1.4, gateway="http"))["gateway"] == 1.00
    assert dollars(Workload(MILLION, 1.6, gateway="http"))["gateway"] == 2.00
    assert dollars(Workload(MILLION, 1.6, via="url", gateway="http"))["gateway"] == 1.00


def test_a_photo_too_large_for_a_request_goes_by_the_bucket() -> None:
    work = Workload(MILLION, 24.0)
    # A PUT, two GETs, and 8.4 MB for a month.
    assert dollars(work)["storage"] == pytest.approx(5.00 + 0.80 + 193.20)
    assert dollars(work)["gateway"] == 7.00, "the upload is asked for first"


def test_waiting_for_a_url_is_paid_at_full_memory() -> None:
    waits, uploads = (
        bill(work)["function"] for work in (Workload(MILLION, 2.0, via="url"), TWO_MEGAPIXELS)
    )
    assert waits - uploads == pytest.approx(8.64, abs=0.01)


def test_prices_fall_by_tiers() -> None:
    assert tiered(333 * MILLION, REST_REQUEST) == pytest.approx(333 * 3.50)
    assert tiered(1_334 * MILLION, REST_REQUEST) == pytest.approx(
        333 * 3.50 + 667 * 2.80 + 334 * 2.38
    )


def test_a_container_pays_where_the_bills_cross() -> None:
    crossing = round(container(TWO_MEGAPIXELS).images)
    replaced = ("gateway", "function", "cold starts", "authorizer")
    saved = sum(v for part, v in dollars(Workload(crossing, 2.0)).items() if part in replaced)
    assert saved == pytest.approx(58.3, abs=0.1), "a month of the container and its balancer"


@pytest.mark.parametrize("processor", get_args(Processor))
def test_measured_milliseconds_are_those_of_the_processor(processor: Processor) -> None:
    known = Workload(MILLION, 2.0, encoder="clip-vit-l14", processor=processor)
    measured = ENCODE_MS["clip-vit-l14"] * (AVX2_SLOWER if processor == "avx2" else 1)
    other = Workload(MILLION, 2.0, processor=processor, measured_ms=measured)
    assert total(other) == pytest.approx(total(known))
    assert other.encode_ms == pytest.approx(measured * LAMBDA_SLOWER)
    gpus = [gpu_endpoint(one) for one in (known, other)]
    assert gpus[0] is not None
    assert gpus[1] is not None
    assert gpus[0].capacity == pytest.approx(gpus[1].capacity)


@pytest.mark.parametrize(("measured", "images"), [(100.0, 1000), (500.0, 1000), (700.0, 400)])
def test_a_chunk_of_a_slow_encoder_has_fewer_images(measured: float, images: int) -> None:
    assert rows(Workload(MILLION, 2.0, measured_ms=measured)) == images


def test_a_gpu_pays_for_a_large_encoder_and_never_for_a_small_one() -> None:
    assert gpu_endpoint(Workload(MILLION, 2.0, encoder="starter", processor="vnni")) is None
    small, large = (
        gpu_endpoint(Workload(MILLION, 2.0, encoder=name))
        for name in ("clip-vit-b32", "clip-vit-l14")
    )
    assert small is not None
    assert large is not None
    assert large.images < small.images / 10


@pytest.mark.parametrize(
    "assumed",
    [
        f"takes {LAMBDA_SLOWER} times as long",
        f"AVX512-VNNI: {ENCODE_MS['clip-vit-b32']:.0f} ms",
        f"Without VNNI an encoder takes {AVX2_SLOWER} times",
        f"adds ${MILLION * gib_seconds(1 / 1000):.3f} to a",
        f"stores take {STORES_MS:.0f} ms of waiting, an image URL {FETCH_MS:.0f} ms",
        f"has {PHOTO_BYTES_PER_MEGAPIXEL / 1000:.0f} kB a megapixel",
        f"An answer has {ANSWER_BYTES / 1000} kB",
        f"One call of {1 / COLD_SHARE:.0f} is",
        f"Uploads above {UPLOAD_BYTES / 1e6} MB",
    ],
)
def test_the_page_says_what_is_assumed(assumed: str) -> None:
    assert assumed in (ROOT / "docs" / "explanation" / "cost.md").read_text()


def test_the_page_of_quotas_counts_with_the_time_of_an_answer() -> None:
    page = (ROOT / "docs" / "explanation" / "scale.md").read_text()
    assert f"{TWO_MEGAPIXELS.function_ms:.0f} ms an answer" in page
