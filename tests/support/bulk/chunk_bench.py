"""Jobs over emulators of S3 and DynamoDB, whose attempts die between two calls, or overtake."""

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Final

import boto3

from imgvec.accounts.idempotency import IdempotentMeter
from imgvec.accounts.registry import Registry
from imgvec.bulk.bucket import BucketJob, Row, Terms
from imgvec.bulk.host import Host
from imgvec.bulk.mapped import Outcome, Worker
from imgvec.settings import load_settings
from imgvec.types import Plan, Quota, day_of

DIMENSIONS: Final = 512
CONSUMER: Final = "acme"


class Died(BaseException):
    """A function that is killed: no handler of ours runs on."""


@dataclass
class Calls:
    """A real object; something happens before one of its calls."""

    real: object
    moment: "Moment"

    def __getattr__(self, name: str) -> Any:
        """The real one's attribute, watched where it is a method."""
        found = getattr(self.real, name)
        return self.moment.watched(name, found) if callable(found) else found


@dataclass
class Moment:
    """An event before one call of an attempt: before any, or before the first of a name."""

    at: int
    method: str = ""
    happens: Callable[[], None] = lambda: None
    dies: bool = True
    calls: int = field(default=0, init=False)
    reached: bool = field(default=False, init=False)
    dead: bool = field(default=False, init=False)

    def watched(self, name: str, method: Callable[..., Any]) -> Callable[..., Any]:
        """The method, counted."""

        def call(*arguments: Any, **named: Any) -> Any:
            # A process that is killed runs no handler either.
            if self.dead:
                raise Died
            self.calls += self.method in ("", name)
            if self.calls == self.at and not self.reached:
                self.reached = True
                self.happens()
                self.dead = self.dies
                if self.dies:
                    raise Died
            return method(*arguments, **named)

        return call


@dataclass
class Bench:
    """A bucket, a table, and as many processes as are asked for."""

    bucket: str
    hosts: tuple[Host, Host]

    @property
    def host(self) -> Host:
        """The first."""
        return self.hosts[0]

    def photos(self, files: dict[str, bytes], folder: str = "photos") -> str:
        """Put files into the bucket; gives the source."""
        for name, data in files.items():
            self.host.objects.write(f"{folder}/{name}", data)
        return f"s3://{self.bucket}/{folder}/"

    def job(self, source: str, quota: Quota | None = None, *, planned: bool = True) -> BucketJob:
        """A job, planned by default."""
        registry = Registry(self.host.store, "test")
        registry.put_plan(Plan("plan", rate=0.001, quota=quota or Quota()))
        registry.assign_plan(CONSUMER, "plan")
        job = BucketJob(self.host.objects, uuid.uuid4().hex[:8])
        job.save("job.json", Terms(job.name, CONSUMER, DIMENSIONS, source, time.time()))
        if planned:
            self.host.plan(job.name)
        return job

    def embed(
        self, job: BucketJob, row: Row, moment: Moment | None = None, place: int = 0
    ) -> Outcome:
        """One attempt at a chunk, by a worker of its own; two at once are of two places."""
        moment = moment or Moment(0)
        host = self.hosts[place]
        objects: Any = Calls(host.objects, moment)
        store: Any = Calls(host.store, moment)
        with closing(Worker(objects, store, host.service, 10_000_000)) as worker:
            return worker.embed(BucketJob(objects, job.name), row)

    def counted(self) -> int:
        """Images that the consumer pays for, once all reservations of the dead have expired."""
        later = time.time() + 2000
        meter = IdempotentMeter(self.host.store, window=3600, clock=lambda: later)
        return sum(row.images for row in meter.usage(CONSUMER, date.min, date.max))

    def counted_now(self) -> int:
        """Images that the consumer pays for, without waiting for any reservation to expire."""
        rows = self.host.store.usage(CONSUMER, date.min, date.max)
        return sum(row.images for row in rows)

    def taken(self) -> int:
        """Units of the last two days, counted and held."""
        now = time.time()
        days = (day_of(now) - timedelta(days=1), day_of(now))
        return sum(self.host.store.quota_usage(CONSUMER, day, now).day for day in days)


@contextmanager
def opened(table: str, rows: int) -> Iterator[Bench]:
    """A bench over an empty table, and a bucket of its own."""
    bucket = new_bucket()
    settings = load_settings({"IMGVEC_TABLE": table})
    with ExitStack() as stack:
        first, second = (stack.enter_context(closing(Host(settings, bucket, rows))) for _ in "12")
        yield Bench(bucket, (first, second))


def new_bucket() -> str:
    """An empty bucket."""
    name = f"bulk-{uuid.uuid4().hex[:12]}"
    client: Any = boto3.client("s3")
    client.create_bucket(Bucket=name)
    client.close()
    return name
