"""Dollars and hours of bulk jobs on Step Functions, from the times and prices of `imgvec cost`."""

from dataclasses import replace
from typing import Final

from imgvec_benchmarks.cost import (
    AVX2_SLOWER,
    BUCKET_READ,
    BUCKET_WRITE,
    LAMBDA_REQUEST,
    MILLION,
    TABLE_READ,
    TABLE_WRITE,
    Workload,
    gib_seconds,
)

TRANSITION: Final = 25.0 / MILLION
"""Of a standard workflow."""
TRANSITIONS: Final = 2
"""Of a chunk: its start and its one state."""
WRITES: Final = 12
"""Units of a chunk's four writes to the table; the consumer's item has 4 KB with 100 holds."""
READS: Final = 4
WRITES_OF_A_BUCKET: Final = 2
READS_OF_A_BUCKET: Final = 6
ROWS: Final = 1000
"""Images of a chunk, and those where as many would take longer than a function may."""
FEWER_ROWS: Final = 400
CHUNK_SECONDS: Final = 900


def dollars(work: Workload) -> float:
    """Of a job over photos in S3; their storage and that of the parts are not in it."""
    chunks = work.images / rows(work)
    chunk = (
        LAMBDA_REQUEST
        + TRANSITIONS * TRANSITION
        + WRITES * TABLE_WRITE
        + READS * TABLE_READ
        + WRITES_OF_A_BUCKET * BUCKET_WRITE
        + READS_OF_A_BUCKET * BUCKET_READ
    )
    return work.images * (gib_seconds(work.compute_ms / 1000) + BUCKET_READ) + chunks * chunk


def rows(work: Workload) -> int:
    """Images of a chunk, on a processor without VNNI too."""
    slowest = replace(work, processor="avx2", measured_ms=work.vnni_ms * AVX2_SLOWER)
    return FEWER_ROWS if ROWS * slowest.compute_ms / 1000 > CHUNK_SECONDS else ROWS


def hours(work: Workload, concurrency: int) -> float:
    """Of a job, with so many chunks at the same time all along."""
    return work.images * work.compute_ms / 1000 / 3600 / concurrency
