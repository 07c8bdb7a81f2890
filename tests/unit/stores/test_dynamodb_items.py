"""Values in DynamoDB's notation."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgvec.stores.dynamodb.notation import Item, read, read_item, write, write_item

LEAVES = st.one_of(
    st.text(),
    st.booleans(),
    st.integers(-(10**15), 10**15),
    st.floats(allow_nan=False, allow_infinity=False),
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(min_size=1), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.text(min_size=1), VALUES, max_size=5))
def test_what_is_written_is_read(item: Item) -> None:
    assert repr(read_item(write_item(item))) == repr(item)


def test_the_notation() -> None:
    item: Item = {"a": "x", "b": 1, "c": True, "d": [1], "e": {"f": 0.5}}
    assert write_item(item) == {
        "a": {"S": "x"},
        "b": {"N": "1"},
        "c": {"BOOL": True},
        "d": {"L": [{"N": "1"}]},
        "e": {"M": {"f": {"N": "0.5"}}},
    }


def test_true_is_no_number() -> None:
    assert write(True) == {"BOOL": True}


def test_what_is_never_written_is_not_read() -> None:
    with pytest.raises(ValueError, match="never written"):
        read({"B": b"bytes"})
