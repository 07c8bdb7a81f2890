"""A job in a folder: begun once, resumed until each image of its plan is in a part.

    _job.json           encoder, format, size of the parts, and the plans
    _plan-0.jsonl       the images, frozen; `--retry-errors` adds `_plan-1.jsonl` and so on
    part-00000.parquet  vectors of the first images of the first plan
    _errors-00000.jsonl the images among them that have none, each with the reason
    _SUCCESS            every part is there

A part is written beside its place and renamed, so a run that is killed costs the part at work.
Parts are never written again: images that are tried once more are planned once more, and their
vectors are in parts of their own.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Any, Final

import orjson

from imgvec.bulk.chunk import Chunk, embed_chunk
from imgvec.bulk.parts import PARTIAL, Format, appearing, errors_path, open_part, part_path
from imgvec.bulk.plan import Named, Plan, PlanReader, copy_lines, digest_of, write_plan
from imgvec.encoder import Encoder
from imgvec.errors import BulkError
from imgvec.stores.sqlite.lock import locked

JOB: Final = "_job.json"
LOCK: Final = "_lock.sqlite"
SUCCESS: Final = "_SUCCESS"
CHUNK: Final = 1000
"""Images whose vectors are in memory at the same time."""


@dataclass(frozen=True, slots=True)
class Terms:
    """The terms of a job, the same in all its runs."""

    model: str
    revision: str
    dimensions: int
    format: Format
    shard: int
    """Images of a part."""
    sources: tuple[str, ...]
    """As they were given."""
    folder: str
    """Relative paths begin there."""


@dataclass(frozen=True, slots=True)
class Shard:
    """The images of one part."""

    number: int
    plan: Path
    begin: int
    end: int


class Job:
    """A job whose folder this process has for itself."""

    def __init__(self, folder: Path, terms: Terms, plans: list[Plan]) -> None:
        """A job as `_job.json` describes it."""
        self.folder = folder
        self.terms = terms
        self._plans = plans

    def check_plans(self) -> None:
        """Raise `BulkError` if a plan is not as it was written: rows would be lost or doubled."""
        for place, plan in enumerate(self._plans):
            path = self._plan(place)
            if not path.is_file() or digest_of(path) != plan.digest:
                raise BulkError(f"{path} has changed: choose a new folder")

    def missing(self) -> list[Shard]:
        """The shards whose part is not there."""
        return [
            one
            for one in self._shards()
            if not part_path(self.folder, one.number, self.terms.format).is_file()
        ]

    def run(self, encoder: Encoder, shards: Iterable[Shard]) -> Iterator[Chunk]:
        """Write the parts of these shards; gives each chunk when it is written.

        Raises:
            BulkError: the format's library is not installed.
            OSError: a part cannot be written.
        """
        folder, form = Path(self.terms.folder), self.terms.format
        for path, of_plan in groupby(shards, attrgetter("plan")):
            with closing(PlanReader(path)) as plan:
                for shard in of_plan:
                    with open_part(self.folder, shard.number, form, encoder) as write:
                        for begin, end in _blocks(shard):
                            chunk = embed_chunk(encoder, plan.items(begin, end), folder)
                            write(chunk)
                            yield chunk

    def finish(self) -> None:
        """Say that every part is there."""
        with appearing(self.folder / SUCCESS):
            pass

    def failures(self) -> int:
        """Images of the last plan that have no vector."""
        return sum(len(lines) for _, lines in self._failed())

    def plan_failures(self) -> None:
        """Plan the images without a vector once more. Every part must be there."""
        name = self._plan(len(self._plans))
        with appearing(name) as file:
            plan = copy_lines(file, ((shard.plan, lines) for shard, lines in self._failed()))
        self._plans.append(plan)
        self.save()
        (self.folder / SUCCESS).unlink(missing_ok=True)

    def save(self) -> None:
        """Write `_job.json`."""
        content = {**asdict(self.terms), "plans": [asdict(plan) for plan in self._plans]}
        with appearing(self.folder / JOB) as file:
            file.write(orjson.dumps(content, option=orjson.OPT_INDENT_2))

    def _failed(self) -> Iterator[tuple[Shard, list[int]]]:
        """Shards of the last plan, each with the lines of the images that failed."""
        last = self._plan(len(self._plans) - 1)
        for shard in self._shards():
            if shard.plan == last:
                with errors_path(self.folder, shard.number).open("rb") as file:
                    yield shard, [orjson.loads(line)["line"] for line in file]

    def _shards(self) -> Iterator[Shard]:
        number = 0
        for place, plan in enumerate(self._plans):
            for begin in range(0, plan.rows, self.terms.shard):
                end = min(begin + self.terms.shard, plan.rows)
                yield Shard(number, self._plan(place), begin, end)
                number += 1

    def _plan(self, place: int) -> Path:
        return plan_path(self.folder, place)


def _blocks(shard: Shard) -> Iterator[tuple[int, int]]:
    for begin in range(shard.begin, shard.end, CHUNK):
        yield begin, min(begin + CHUNK, shard.end)


def plan_path(folder: Path, place: int) -> Path:
    """The file of a plan."""
    return folder / f"_plan-{place}.jsonl"


@contextmanager
def opened(folder: Path, terms: Terms, images: Iterable[Named]) -> Iterator[Job]:
    """The job in a folder, begun where there is none; `images` are read only then.

    Raises:
        BulkError: the folder has a job on other terms, or something else; another process has it.
        OSError: it cannot be written.
    """
    if folder.is_dir() and not (folder / JOB).is_file():
        strange = [one.name for one in folder.iterdir() if not one.name.startswith("_")]
        if strange:
            raise BulkError(f"{folder} holds other files and no job: choose a new folder")
    folder.mkdir(parents=True, exist_ok=True)
    busy = f"Another run writes {folder}: wait until it has ended"
    with locked(folder / LOCK, BulkError, busy):
        for left in folder.glob(f"**/*{PARTIAL}"):
            left.unlink()
        found = read_job(folder)
        if found is None:
            yield _begun(folder, terms, images)
        else:
            _check(folder, found.terms, terms)
            found.check_plans()
            yield found


def read_job(folder: Path) -> Job | None:
    """The job in a folder; None where there is none.

    Raises:
        BulkError: its description is damaged.
    """
    try:
        content: Mapping[str, Any] = orjson.loads((folder / JOB).read_bytes())
        plans = [Plan(**one) for one in content["plans"]]
        own = {name: value for name, value in content.items() if name != "plans"}
        own["sources"] = tuple(own["sources"])
        return Job(folder, Terms(**own), plans)
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, KeyError):
        raise BulkError(f"{folder / JOB} is damaged: choose a new folder") from None


def _begun(folder: Path, terms: Terms, images: Iterable[Named]) -> Job:
    with appearing(plan_path(folder, 0)) as file:
        plan = write_plan(file, images)
    job = Job(folder, terms, [plan])
    job.save()
    return job


def _check(folder: Path, found: Terms, wanted: Terms) -> None:
    """Raise unless the job goes on as it began. Without sources all of it stands."""
    names = ("model", "revision", "dimensions", "format", "shard", "sources")
    for name in names:
        before, now = getattr(found, name), getattr(wanted, name)
        if before != now and now:
            option = name.upper() if name == "sources" else f"--{name}"
            shown = f"the encoder's {name}" if name in ("model", "revision") else option
            raise BulkError(
                f"{folder} holds another job: {shown} is {_shown(now)}, and was {_shown(before)}. "
                "Choose a new folder, or repeat the command that began it."
            )


def _shown(value: str | int | tuple[str, ...]) -> str:
    return " ".join(value) if isinstance(value, tuple) else str(value)[:12]
