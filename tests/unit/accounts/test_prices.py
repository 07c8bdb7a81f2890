"""Prices as exact decimals, and amounts to the cent."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgvec.accounts.prices import UNIT, Tariff, exact, in_cents, price_in, tariff_in

AMOUNTS = st.integers(0, 10**27)


@pytest.mark.parametrize(
    ("text", "price"),
    [
        ("0.0001", 100_000),
        ("0", 0),
        ("5", 5 * UNIT),
        ("0.000000001", 1),
        ("1000.50", 10005 * 10**8),
    ],
)
def test_a_price_is_read_exactly(text: str, price: int) -> None:
    assert price_in(text) == price


@pytest.mark.parametrize("text", ["", ".5", "1.", "-1", "1e-4", "nan", "0.0000000001", "$1", "1,5"])
def test_other_texts_are_no_price(text: str) -> None:
    assert price_in(text) is None


@given(AMOUNTS)
def test_an_amount_is_shown_exactly(amount: int) -> None:
    assert Fraction(exact(amount)) == Fraction(amount, UNIT)
    assert len(exact(amount).partition(".")[2]) >= 2


@given(AMOUNTS)
def test_cents_are_the_nearest_and_half_a_cent_goes_to_the_even_one(amount: int) -> None:
    assert Fraction(in_cents(amount)) * 100 == round(Fraction(amount * 100, UNIT))


@pytest.mark.parametrize(
    ("amount", "cents"),
    [("0.005", "0.00"), ("0.015", "0.02"), ("0.0050001", "0.01"), ("4.821", "4.82")],
)
def test_cents(amount: str, cents: str) -> None:
    price = price_in(amount)
    assert price is not None
    assert in_cents(price) == cents


def test_a_tariff_as_stored() -> None:
    tariff = Tariff("small.2026", 100_000)
    assert tariff.text == "small.2026/100000"
    assert tariff_in(tariff.text) == tariff
    assert tariff_in("") is None
