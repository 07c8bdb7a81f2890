"""The audit, with a service that answers by script in the place of the real one."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Final

import pytest

from tests.supply.audit import OLD_DAYS, PIP_AUDIT, audit
from tests.supply.licences import licences, questionable
from tests.support.http.scripted_listener import QuietHandler, answering

TODAY: Final = date(2026, 1, 15)
LOCK: Final = f"""\
good-package==1.0 --hash=sha256:{"0" * 64}
bad-package==2.0 --hash=sha256:{"1" * 64}
"""
ADVISORY: Final = {
    "id": "PYSEC-2026-1",
    "details": "It is bad.",
    "affected": [{"package": {"name": "bad-package", "ecosystem": "PyPI"}, "ranges": []}],
}
NOBODY: Final = "http://127.0.0.1:9"

pytestmark = pytest.mark.skipif(
    not PIP_AUDIT.exists(), reason="NOT TESTED, THE AUDIT: `make audit` installs what it needs"
)


@contextmanager
def scripted_service(bad: str) -> Iterator[str]:
    """A service that knows an advisory against one package."""

    class Handler(QuietHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            known = asked["package"]["name"] == bad
            body = json.dumps({"vulns": [ADVISORY]} if known else {}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    with answering(Handler) as address:
        yield address


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    path = tmp_path / "lock.txt"
    path.write_text(LOCK)
    return path


def test_nothing_known_passes_without_a_note(lock: Path, tmp_path: Path) -> None:
    with scripted_service(bad="another") as service:
        passed, said = audit([lock], tmp_path / "answers.json", TODAY, service)
    assert passed
    assert said == "2 packages, 0 with known vulnerabilities."


def test_what_is_known_fails_today_and_offline_later(lock: Path, tmp_path: Path) -> None:
    answers = tmp_path / "answers.json"
    with scripted_service(bad="bad-package") as service:
        passed, said = audit([lock], answers, TODAY, service)
    assert not passed
    assert "bad-package==2.0: PYSEC-2026-1" in said
    assert "NOT AUDITED" not in said

    passed, said = audit([lock], answers, TODAY + timedelta(days=3), NOBODY)
    assert not passed
    assert "NOT AUDITED TODAY" in said
    assert "2 of 2 are known from 3 days ago" in said
    assert "OLD" not in said


def test_offline_passes_with_a_loud_note(lock: Path, tmp_path: Path) -> None:
    answers = tmp_path / "answers.json"
    passed, said = audit([lock], answers, TODAY, NOBODY)
    assert passed
    assert said.startswith("!!!!")
    assert "2 were never asked about" in said

    with scripted_service(bad="another") as service:
        audit([lock], answers, TODAY, service)
    _, said = audit([lock], answers, TODAY + timedelta(days=OLD_DAYS + 1), NOBODY)
    assert "THAT IS OLD" in said


def test_a_licence_that_nobody_has_looked_at_is_questionable() -> None:
    bill = {
        "components": [
            {"name": "b", "version": "1", "licenses": [{"license": {"name": "A :: MIT License"}}]},
            {"name": "a", "version": "2", "licenses": [{"expression": "MIT OR GPL-3.0-only"}]},
            {"name": "c", "version": "3"},
        ]
    }
    found = list(licences(bill))
    assert found == [("a 2", "MIT OR GPL-3.0-only"), ("b 1", "MIT License"), ("c 3", "unknown")]
    assert [questionable(licence) for _, licence in found] == [True, False, True]
