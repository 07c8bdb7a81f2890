"""Two servers over one table and one bucket, of which one is killed or stopped under load.

Named so that `make test` passes it by: `make test-emulator` runs it. Each test prints its figures.
"""

import base64
import itertools
import signal
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Final

import boto3
import httpx2
import pytest

from tests.support.accounts.shared_store import Site, counted, prepare
from tests.support.aws.dynamodb import Emulator
from tests.support.aws.ministack import MINISTACK, emulated
from tests.support.contract.checks import small_png
from tests.support.contract.embed_routes import V2
from tests.support.server.places import (
    CAT,
    NOBODY,
    Running,
    create_key,
    imgvec,
    server_environment,
    start_server,
    stop_server,
)

CLIENTS: Final = 8
REQUESTS: Final = 240
CUT: Final = 0
"""In the place of a status: the connection broke before the whole answer."""
HELD_SECONDS: Final = 60
"""Life of a reservation whose process is gone."""
PAUSE_SECONDS: Final = 3.0
IMAGE: Final = base64.b64encode(small_png()).decode()


@dataclass
class Deployment:
    """Replicas, and the part of a load balancer: the next one takes what one does not accept."""

    site: Site
    environment: dict[str, str]
    replicas: list[Running] = field(default_factory=list)
    turn: Iterator[int] = field(default_factory=itertools.count)

    def ask(self, key: str, name: str | None = None) -> int:
        """One image, once; a replica that is not ready, or is gone, has not accepted it."""
        headers = {"Authorization": f"Bearer {key}"}
        if name is not None:
            headers["Idempotency-Key"] = name
        body = {"model": "voyage-multimodal-3", "input": [{"image": IMAGE}]}
        first = next(self.turn)
        # A copy: a replica may be taken out meanwhile.
        replicas = [*self.replicas]
        for number in range(len(replicas)):
            address = replicas[(first + number) % len(replicas)].address
            try:
                answer = httpx2.post(
                    f"{address}/v1/embeddings",
                    json=body,
                    headers=headers,
                    timeout=60,
                    trust_env=False,
                )
            except httpx2.ConnectError:
                continue
            except httpx2.HTTPError:
                return CUT
            if answer.status_code != 503:
                return int(answer.status_code)
        return 503

    def insist(self, key: str, name: str) -> int:
        """The same request again until it is answered, and never under another name."""
        while (status := self.ask(key, name)) in (CUT, 429):
            time.sleep(0.2)
        return status


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """Two replicas over an emulated table and bucket."""
    if not MINISTACK.exists():
        pytest.skip("`make emulator` installs one")
    folder = tmp_path_factory.mktemp("replicas")
    with (
        emulated(folder / "log.txt", "s3,dynamodb") as variables,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.delenv("AWS_ENDPOINT_URL_DYNAMODB", raising=False)
        for name, value in variables.items():
            patch.setenv(name, value)
        table = Emulator(variables["AWS_ENDPOINT_URL"]).new_table()
        bucket = f"imgvec-{uuid.uuid4().hex[:8]}"
        boto3.client("s3").create_bucket(Bucket=bucket)
        environment = server_environment(folder / "data", NOBODY)
        environment |= {"IMGVEC_TABLE": table, "IMGVEC_BUCKET": bucket}
        deployment = Deployment(Site("dynamodb", table, str(folder)), environment)
        deployment.replicas += [start_server(environment), start_server(environment)]
        yield deployment
        for replica in deployment.replicas:
            stop_server(replica)


def under_load(asks: Sequence[Callable[[], int]], disturb: Callable[[], None]) -> list[int]:
    """Ask from many clients, and disturb when a quarter is answered; gives each status."""
    with ThreadPoolExecutor(CLIENTS) as pool:
        jobs: list[Future[int]] = [pool.submit(ask) for ask in asks]
        while sum(job.done() for job in jobs) < len(jobs) / 4:
            time.sleep(0.01)
        disturb()
        return [job.result() for job in jobs]


def settled(site: Site, consumer: str) -> int:
    """Images that are counted when no reservation of a dead process is left."""
    deadline = time.monotonic() + HELD_SECONDS + 15
    while (found := counted(site, consumer=consumer))[1]:
        assert time.monotonic() < deadline, found
        time.sleep(1)
    return found[0]


def test_an_upload_to_one_replica_is_embedded_and_deleted_by_the_other(two: Deployment) -> None:
    key = prepare(two.site, None, "files")
    first, second = (replica.address for replica in two.replicas)
    headers = {"Authorization": key}
    file = {"file": ("cat.jpg", CAT.read_bytes())}
    with httpx2.Client(timeout=60, trust_env=False, headers=headers) as client:
        kept = client.post(f"{first}{V2}/upload", files=file).json()["data"]["asset_id"]
        body = {"asset_id": kept, "model": "mobileclip"}
        embedded = [
            client.post(f"{address}{V2}/embeddings/image", json=body).json()["data"]
            for address in (first, second)
        ]
        assert embedded[0]["embedding"] == embedded[1]["embedding"]
        assert client.delete(f"{second}{V2}/{kept}").json()["success"]
        assert client.post(f"{first}{V2}/embeddings/image", json=body).status_code == 400


def test_a_replica_is_killed_in_the_middle(two: Deployment) -> None:
    """Without an Idempotency-Key a cut request may be counted; with one, each is counted once."""
    plain, named = (prepare(two.site, None, consumer) for consumer in ("plain", "named"))

    def kill() -> None:
        victim = two.replicas[0]
        victim.process.send_signal(signal.SIGKILL)
        stop_server(victim)

    asks: list[Callable[[], int]] = []
    for number in range(REQUESTS // 2):
        asks += [partial(two.ask, plain), partial(two.insist, named, f"n{number}")]
    statuses = under_load(asks, kill)
    without, with_ = Counter(statuses[::2]), Counter(statuses[1::2])
    two.replicas[0] = start_server(two.environment)

    images = settled(two.site, "plain")
    once = settled(two.site, "named")
    print(
        f"\nkilled: 200 {without[200]}, cut off {without[CUT]}, counted {images}"
        f"\nwith an Idempotency-Key, asked again: 200 {with_[200]}, counted {once}"
    )
    assert without[200] + without[CUT] == REQUESTS // 2
    assert without[CUT] <= CLIENTS
    assert without[200] <= images <= without[200] + without[CUT]
    assert with_ == {200: REQUESTS // 2}
    assert once == REQUESTS // 2


def test_a_replica_that_gets_no_more_requests_is_stopped_in_the_middle(two: Deployment) -> None:
    """The order of the manifest: out of the balancer, a pause (preStop), SIGTERM."""
    key = prepare(two.site, None, "drained")

    def stop() -> None:
        victim = two.replicas.pop()
        time.sleep(PAUSE_SECONDS)
        stop_server(victim)
        assert victim.process.returncode == 0

    statuses = Counter(under_load([partial(two.ask, key)] * REQUESTS, stop))
    two.replicas.append(start_server(two.environment))
    images, held = counted(two.site, consumer="drained")
    print(f"\ndrained, SIGTERM: 200 {statuses[200]} of {REQUESTS}, counted {images}, held {held}")
    assert statuses == {200: REQUESTS}
    assert (images, held) == (REQUESTS, 0)


def test_a_replica_is_stopped_while_it_gets_requests(two: Deployment) -> None:
    """A connection may come as the listener closes: it is cut, and the request asked again."""
    key = prepare(two.site, None, "stopped")
    asks = [partial(two.insist, key, f"s{number}") for number in range(REQUESTS)]
    statuses = Counter(under_load(asks, partial(stop_server, two.replicas[0])))
    two.replicas[0] = start_server(two.environment)
    images, held = counted(two.site, consumer="stopped")
    print(f"\nSIGTERM: 200 {statuses[200]} of {REQUESTS}, counted {images}, held {held}")
    assert statuses == {200: REQUESTS}
    assert (images, held) == (REQUESTS, 0)


@pytest.mark.parametrize(
    ("limits", "answered"), [(("--rate", "0.01", "--burst", "3"), 6), (("--daily", "5"), 5)]
)
def test_each_replica_has_a_bucket_for_a_rate_and_all_share_a_quota(
    two: Deployment, limits: tuple[str, ...], answered: int
) -> None:
    plan = f"plan-{answered}"
    imgvec("plans", "create", plan, *limits, environment=two.environment)
    key, _ = create_key(plan, two.environment)
    imgvec("plans", "assign", plan, plan, environment=two.environment)
    statuses = Counter(two.ask(key) for _ in range(12))
    print(f"\n12 requests under {' '.join(limits)}: {dict(statuses)}")
    assert statuses[200] == answered
