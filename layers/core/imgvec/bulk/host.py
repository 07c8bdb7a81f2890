"""A process that runs the steps of jobs in a bucket: plan, embed a chunk, finish."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final

from pydantic import TypeAdapter

from imgvec.bulk.bucket import BucketJob, Row
from imgvec.bulk.mapped import Worker
from imgvec.bulk.planned import plan
from imgvec.embedding.compute import Compute
from imgvec.embedding.in_flight import InFlight
from imgvec.embedding.metered import NoAccounts
from imgvec.embedding.service import EmbeddingService
from imgvec.embedding.sources import Sources
from imgvec.encoders.registry import load_encoders
from imgvec.errors import AssetNotFound, BadParameter
from imgvec.images.fetch import fetch_of
from imgvec.settings import Settings
from imgvec.stores import store_of
from imgvec.stores.objects import Objects

_ROW: Final = TypeAdapter(Row)


class Host:
    """Stores, bucket and encoders, opened once for each process."""

    def __init__(self, settings: Settings, bucket: str, rows: int) -> None:
        """`rows` are the images of a chunk.

        Raises:
            ImgvecError: an encoder or a store cannot be used.
        """
        self.objects = Objects(bucket)
        self.store = store_of(settings)
        self._rows = rows
        self._encoders = load_encoders(settings)
        self.service = EmbeddingService(
            self._encoders,
            Compute(self._encoders, settings),
            Sources(
                fetch_of(settings),
                _no_assets,
                InFlight(settings.max_bodies),
                settings.fetch_timeout,
            ),
            NoAccounts(),
        )
        self._worker = Worker(self.objects, self.store, self.service, settings.max_image)

    def plan(self, name: str) -> dict[str, str]:
        """Plan a job; gives where its manifest is.

        Raises:
            ImgvecError: it cannot be planned.
        """
        job = BucketJob(self.objects, name)
        encoder = self._encoders.for_dimensions(job.terms().dimensions)
        if encoder is None:
            raise BadParameter("No encoder has these dimensions")
        return {"job": name, "manifest": plan(job, encoder, self._rows).manifest}

    def embed(self, name: str, row: Mapping[str, Any]) -> dict[str, Any]:
        """Embed a chunk; as `Worker.embed`."""
        job = BucketJob(self.objects, name)
        return asdict(self._worker.embed(job, _ROW.validate_python(row)))

    def finish(self, name: str) -> dict[str, Any]:
        """Write the summary of a job, and give it."""
        job = BucketJob(self.objects, name)
        summary = job.summary()
        job.save("summary.json", summary)
        return asdict(summary)

    def close(self) -> None:
        """End the threads and close the stores."""
        self._worker.close()
        self.service.close()
        self.store.close()
        self.objects.close()


async def _no_assets(consumer: str, asset_id: str) -> bytes:
    raise AssetNotFound
