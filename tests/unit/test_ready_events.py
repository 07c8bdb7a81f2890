"""The files in `events/`: what the contract tests send, and the key of `sam local`."""

from contextlib import closing
from pathlib import Path

import pytest

from imgvec.aws.function import add_local_key
from imgvec.settings import load_settings
from imgvec.stores.sqlite import FILE_NAME, SqliteStore
from tests.support.aws.sample_events import FOLDER, SAM_LOCAL, files
from tests.support.aws.translated_template import written


@pytest.mark.parametrize("name", list(files()))
def test_no_drift(name: str) -> None:
    assert (FOLDER / name).read_text() == files()[name], "run `make events`"


def test_no_file_of_a_request_that_is_gone() -> None:
    assert {path.name for path in FOLDER.glob("*.json")} == set(files())


def test_the_key_of_sam_local_is_added_once(tmp_path: Path) -> None:
    environment = {**SAM_LOCAL, "IMGVEC_DATA": str(tmp_path)}
    for _ in range(2):
        add_local_key(load_settings(environment), environment)
    with closing(SqliteStore(tmp_path)) as store:
        (record,) = store.list_keys()
    assert (record.consumer, record.digest) == ("local", SAM_LOCAL["LOCAL_KEY_SHA256"])


@pytest.mark.parametrize("without", ["AWS_SAM_LOCAL", "LOCAL_KEY_SHA256"])
def test_elsewhere_no_key_is_added(tmp_path: Path, without: str) -> None:
    environment = {**SAM_LOCAL, "IMGVEC_DATA": str(tmp_path), without: ""}
    add_local_key(load_settings(environment), environment)
    assert not (tmp_path / FILE_NAME).exists()


def test_a_table_has_keys_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("imgvec.aws.function.store_of", pytest.fail)
    environment = {**SAM_LOCAL, "IMGVEC_TABLE": "imgvec-dev"}
    add_local_key(load_settings(environment), environment)


def test_sam_local_sets_variables_that_the_template_names() -> None:
    """SAM passes on no others; on AWS the key is none."""
    variables = written()["Globals"]["Function"]["Environment"]["Variables"]
    assert set(SAM_LOCAL) - {"AWS_SAM_LOCAL"} <= set(variables)
    assert variables["LOCAL_KEY_SHA256"] == ""
