"""Parquet by pyarrow, which the extra `bulk` brings: lists of images, and parts with vectors."""

from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, BinaryIO

from imgvec.errors import BulkError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MISSING = "Parquet needs pyarrow: pip install 'imgvec[bulk]', or take --format npy or jsonl"


def _pyarrow(name: str) -> ModuleType:
    try:
        return import_module(name)
    except ModuleNotFoundError:
        raise BulkError(MISSING) from None


def parquet_rows(path: Path, columns: Sequence[str]) -> Iterator[Mapping[str, Any]]:
    """The rows of a file, with those of these columns that it has.

    Raises:
        BulkError: pyarrow is not installed, or the file is no Parquet.
    """
    arrow, parquet = _pyarrow("pyarrow"), _pyarrow("pyarrow.parquet")
    try:
        with parquet.ParquetFile(path) as file:
            known = [name for name in columns if name in file.schema_arrow.names]
            for batch in file.iter_batches(columns=known):
                yield from batch.to_pylist()
    except arrow.ArrowInvalid:
        raise BulkError(f"{path}: it is no Parquet file") from None


def parquet_vectors(path: Path) -> Iterator[tuple[list[str], "NDArray[np.float32]"]]:
    """Paths of images and `float32 [n, dimensions]` of a part, some thousand rows at a time.

    Raises:
        BulkError: pyarrow is not installed, or the file is no part.
    """
    arrow, parquet = _pyarrow("pyarrow"), _pyarrow("pyarrow.parquet")
    try:
        with parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(4096, columns=["image_path", "embedding"]):
                flat = batch["embedding"].flatten().to_numpy(zero_copy_only=False)
                yield batch["image_path"].to_pylist(), flat.reshape(len(batch), -1)
    except (arrow.ArrowInvalid, KeyError):
        raise BulkError(f"{path}: it is no part of a job") from None


class ParquetFile:
    """Writes rows with texts and, last, a vector of `float32 [dimensions]` each.

    Raises:
        BulkError: pyarrow is not installed.
    """

    def __init__(self, file: BinaryIO, texts: Sequence[str], dimensions: int | None = None) -> None:
        """Without dimensions there is no vector."""
        self._arrow = _pyarrow("pyarrow")
        self._dimensions = dimensions
        fields = [(name, self._arrow.string()) for name in texts]
        if dimensions is not None:
            fields.append(("embedding", self._arrow.list_(self._arrow.float32(), dimensions)))
        self._schema = self._arrow.schema(fields)
        self._writer = _pyarrow("pyarrow.parquet").ParquetWriter(file, self._schema)

    def write(self, columns: Sequence[Sequence[str]], vectors: "NDArray[np.float32]") -> None:
        """Write one group of rows."""
        arrow = self._arrow
        arrays = [arrow.array(column, arrow.string()) for column in columns]
        if self._dimensions is not None:
            flat = arrow.array(vectors.reshape(-1), arrow.float32())
            arrays.append(arrow.FixedSizeListArray.from_arrays(flat, self._dimensions))
        self._writer.write_table(arrow.table(arrays, schema=self._schema))

    def close(self) -> None:
        """Write the end of the file."""
        try:
            self._writer.close()
        finally:
            # Or the library tries again, and complains, when the file is closed.
            self._writer.is_open = False
