"""Tests of the trainer, which need torch: `make test-training` runs them, `make test` does not."""

from tests.unit.training.conftest import features_folder, one_thread

__all__ = ["features_folder", "one_thread"]
