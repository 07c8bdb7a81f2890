"""`make mutations` takes many minutes; that its table still fits the code is seen at once."""

from pathlib import Path

import pytest

from guards import GUARDS, PACKAGE, Guard
from places import ROOT


@pytest.mark.parametrize("guard", GUARDS, ids=lambda guard: guard.name)
def test_a_guard_can_be_switched_off(guard: Guard) -> None:
    text = (ROOT / PACKAGE / guard.file).read_text()
    assert text.count(guard.text) == 1
    compile(text.replace(guard.text, guard.instead), guard.file, "exec")
    for test in guard.tests.split():
        file, _, name = test.partition("::")
        assert f"def {name}" in Path(ROOT, file).read_text()


def test_no_guard_is_named_twice() -> None:
    assert len({guard.name for guard in GUARDS}) == len(GUARDS)
