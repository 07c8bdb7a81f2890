"""The circuit breaker, with a clock that is set by hand."""

from dataclasses import dataclass

import pytest

from imgvec.encoders.circuit import Circuit
from imgvec.errors import NotReady


@dataclass
class Clock:
    """Seconds."""

    now: float = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def circuit(clock: Clock) -> Circuit:
    """Opens after three failures, for ten seconds."""
    return Circuit(limit=3, pause=10, clock=clock)


def fail(circuit: Circuit, times: int) -> None:
    for _ in range(times):
        circuit.admit()
        circuit.failed()


def test_failures_that_are_not_in_a_row_do_not_open_it(circuit: Circuit) -> None:
    for _ in range(5):
        fail(circuit, 2)
        circuit.admit()
        circuit.succeeded()


def test_it_opens_and_says_for_how_long(circuit: Circuit, clock: Clock) -> None:
    fail(circuit, 3)
    clock.now += 3.5
    with pytest.raises(NotReady) as refused:
        circuit.admit()
    assert refused.value.retry_after == 7


def test_after_the_pause_one_call_tries_and_the_others_wait(circuit: Circuit, clock: Clock) -> None:
    fail(circuit, 3)
    clock.now += 10
    circuit.admit()
    with pytest.raises(NotReady):
        circuit.admit()


def test_a_try_that_succeeds_closes_it(circuit: Circuit, clock: Clock) -> None:
    fail(circuit, 3)
    clock.now += 10
    circuit.admit()
    circuit.succeeded()
    fail(circuit, 2)
    circuit.admit()


def test_a_try_that_fails_opens_it_for_another_pause(circuit: Circuit, clock: Clock) -> None:
    fail(circuit, 3)
    clock.now += 10
    fail(circuit, 1)
    clock.now += 9
    with pytest.raises(NotReady):
        circuit.admit()
    clock.now += 1
    circuit.admit()
