import numpy as np
import pytest

from tests.support.models.packed_table import unpack
from training.table import pack


@pytest.fixture(scope="module")
def table() -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    random = np.random.default_rng(0)
    spread, mean = random.uniform(0.5, 2, 64), random.normal(size=64)
    rows = random.normal(size=(500, 64)) * random.uniform(0.1, 3, (500, 1))
    return (rows * spread + mean).astype(np.float32)


def test_two_values_share_a_byte(table: np.ndarray[tuple[int, int], np.dtype[np.float32]]) -> None:
    packed = pack(table)
    assert packed.codes.dtype == np.uint8
    assert packed.codes.shape == (500, 32)
    assert packed.scale.shape == (500, 1)


def test_a_table_comes_back_within_the_error_of_sixteen_even_steps(
    table: np.ndarray[tuple[int, int], np.dtype[np.float32]],
) -> None:
    """0.0115 is the least squared error of such a quantiser on normal values (Max 1960)."""
    spread = table - table.mean(axis=0)
    even = spread / spread.std(axis=0)
    error = (unpack(pack(table)) - table) / spread.std(axis=0)
    assert np.square(error).mean() < 0.0115 * 1.1 * np.square(even).mean()


def test_all_sixteen_codes_are_used_and_extremes_are_clipped() -> None:
    table = np.random.default_rng(1).normal(size=(100, 32)).astype(np.float32)
    table[0, 0] = 1000.0
    packed = pack(table)
    codes = np.concatenate([packed.codes // 16, packed.codes % 16], axis=1)
    assert set(np.unique(codes)) == set(range(16))
    assert codes[0, 0] == 15


def test_halves_keep_their_places() -> None:
    """The first half of a row must not come back as the second."""
    table = np.zeros((2, 4), np.float32)
    table[0], table[1] = (1, 2, 3, 4), (-1, -2, -3, -4)
    assert np.corrcoef(unpack(pack(table)).ravel(), table.ravel())[0, 1] > 0.9
