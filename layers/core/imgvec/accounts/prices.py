"""Prices of images and sums of them: exact integers, billionths of the operator's currency."""

import re
from dataclasses import dataclass
from typing import Final

from imgvec.types import Plan

DIGITS: Final = 9
"""Decimal places of a price."""
UNIT: Final = 10**DIGITS
CENT: Final = UNIT // 100

_PRICE: Final = re.compile(rf"([0-9]{{1,4}})(?:\.([0-9]{{1,{DIGITS}}}))?")


@dataclass(frozen=True, slots=True)
class Tariff:
    """A plan and its price, as they were when an image was reserved."""

    plan: str
    price: int
    """Of one image, in billionths."""

    @property
    def text(self) -> str:
        """`PLAN/PRICE`, as stores keep it."""
        return f"{self.plan}/{self.price}"


def tariff_in(text: str) -> Tariff | None:
    """The tariff of a stored text; None for an empty one."""
    plan, _, price = text.partition("/")
    return Tariff(plan, int(price)) if text else None


def tariff_of(plan: Plan | None) -> Tariff | None:
    """The tariff of a plan; None without a price."""
    return None if plan is None or plan.price is None else Tariff(plan.name, plan.price)


def price_in(text: str) -> int | None:
    """The price of a decimal such as `0.0001`; None if it is no price."""
    found = _PRICE.fullmatch(text)
    return int(found[1] + (found[2] or "").ljust(DIGITS, "0")) if found else None


def exact(amount: int) -> str:
    """An amount as a decimal with all its places, at least two."""
    whole, rest = divmod(amount, UNIT)
    places = f"{rest:0{DIGITS}}".rstrip("0").ljust(2, "0")
    return f"{whole}.{places}"


def in_cents(amount: int) -> str:
    """An amount rounded to the cent, half a cent to the even one."""
    cents, rest = divmod(amount, CENT)
    # Twice the rest against a cent: half a cent is no integer for every unit.
    cents += 2 * rest > CENT or (2 * rest == CENT and cents % 2 == 1)
    return f"{cents // 100}.{cents % 100:02}"
