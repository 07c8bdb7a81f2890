"""Asks which of the locked packages have known vulnerabilities, and remembers the answers.

    make audit

Where the vulnerability service does not answer, what was remembered counts, and a loud note says
how old it is. The exit code is 1 only where a vulnerability is known.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Final, TypedDict

from tests.support.server.places import ROOT

PIP_AUDIT: Final = ROOT / ".cache" / "tools" / "bin" / "pip-audit"
ANSWERS: Final = ROOT / ".cache" / "vulnerabilities.json"
LOCKS: Final = (ROOT / "layers" / "core" / "requirements.txt", ROOT / "requirements" / "run.txt")
OLD_DAYS: Final = 7
_PIN: Final = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", re.MULTILINE)


class Answer(TypedDict):
    """What the service said of one package in one version."""

    asked: str
    """ISO date."""
    known: list[str]
    """Ids of advisories."""


Answers = dict[str, Answer]
"""By `name==version`."""


def ask(lock: Path, today: date, service: str | None) -> Answers:
    """What the service says of a lock's packages; nothing where it does not answer."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command = [
            str(PIP_AUDIT),
            "--vulnerability-service",
            "osv",
            "--disable-pip",
            "--require-hashes",
        ]
        command += ["--requirement", str(lock), "--format", "json", "--output", str(report)]
        command += ["--progress-spinner", "off", "--cache-dir", folder]
        command += ["--osv-url", service] if service else []
        subprocess.run(command, capture_output=True, check=False)
        found = json.loads(report.read_text())["dependencies"] if report.exists() else []
    return {
        f"{package['name']}=={package['version']}": {
            "asked": today.isoformat(),
            "known": [advisory["id"] for advisory in package["vulns"]],
        }
        for package in found
        if "vulns" in package
    }


def audit(
    locks: Iterable[Path], remembered: Path, today: date, service: str | None = None
) -> tuple[bool, str]:
    """Whether nothing is known against the locked packages, and what there is to say."""
    answers: Answers = json.loads(remembered.read_text()) if remembered.exists() else {}
    pins: set[str] = set()
    for lock in locks:
        pins |= {f"{name}=={version}" for name, version in _PIN.findall(lock.read_text())}
        answers |= ask(lock, today, service)
    remembered.parent.mkdir(parents=True, exist_ok=True)
    remembered.write_text(json.dumps(answers, indent=1, sort_keys=True))
    answered = {pin: answers[pin] for pin in sorted(pins & set(answers))}
    bad = [f"{pin}: {', '.join(one['known'])}" for pin, one in answered.items() if one["known"]]
    asked = [date.fromisoformat(one["asked"]) for one in answered.values()]
    age = max(((today - day).days for day in asked), default=0)
    said = [f"{len(pins)} packages, {len(bad)} with known vulnerabilities.", *bad]
    if age or len(answered) < len(pins):
        said.insert(0, _note(len(pins), len(answered), age))
    return not bad, "\n".join(said)


def _note(packages: int, answered: int, age: int) -> str:
    rule = "!" * 78
    old = " THAT IS OLD." if age > OLD_DAYS else ""
    return (
        f"{rule}\nNOT AUDITED TODAY: the vulnerability service did not answer for all packages.\n"
        f"{answered} of {packages} are known from {age} days ago at the oldest.{old}\n"
        f"{packages - answered} were never asked about. Repeat where the service is in reach.\n"
        f"{rule}"
    )


if __name__ == "__main__":
    passed, said = audit(LOCKS, ANSWERS, date.today(), os.environ.get("OSV_URL"))
    print(said)
    sys.exit(0 if passed else 1)
