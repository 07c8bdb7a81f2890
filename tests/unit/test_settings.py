"""Settings: read from the environment, validated once, wrong ones named."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from imgvec.errors import SettingsError
from imgvec.settings import Settings, load_settings


def test_without_variables_the_defaults_hold() -> None:
    settings = load_settings({"PATH": "/bin"})
    assert settings.encoders == ("starter",)
    assert settings.max_pixels == 50_000_000
    assert settings.max_body == 20_000_000
    assert settings.fetch_allow == ()
    assert settings.data.name == "imgvec"


def test_variables_are_read_by_name() -> None:
    settings = load_settings(
        {
            "IMGVEC_DATA": "/srv/imgvec",
            "IMGVEC_FETCH_ALLOW": "images.internal, 10.0.0.7:8080 ,",
            "IMGVEC_MAX_PIXELS": "1000",
            "IMGVEC_LOG_LEVEL": "debug",
        }
    )
    assert settings.data == Path("/srv/imgvec")
    assert settings.fetch_allow == ("images.internal", "10.0.0.7:8080")
    assert settings.max_pixels == 1000
    assert settings.log_level == "debug"


def test_folders_may_begin_at_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/reader")
    settings = load_settings({"IMGVEC_DATA": "~/data", "IMGVEC_MODELS": "~/models"})
    assert settings.data == Path("/home/reader/data")
    assert settings.models == Path("/home/reader/models")
    assert load_settings({"IMGVEC_DATA": "/srv/~/x"}).data == Path("/srv/~/x")


def test_an_empty_variable_is_as_good_as_none() -> None:
    assert load_settings({"IMGVEC_THREADS": ""}).threads == 1


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        (
            "IMGVEC_MAXBODY",
            "1",
            "IMGVEC_MAXBODY is no .*, did you mean IMGVEC_MAX_BODY[?]",
        ),
        ("IMGVEC_DATA", "~no-such-user/x", "IMGVEC_DATA is wrong: there is no home folder"),
        ("IMGVEC_THREADS", "many", "IMGVEC_THREADS is wrong"),
        ("IMGVEC_THREADS", "0", "IMGVEC_THREADS is wrong"),
        ("IMGVEC_FETCH_TIMEOUT", "60", "IMGVEC_FETCH_TIMEOUT is wrong"),
        ("IMGVEC_PUBLIC_URL", "example", "IMGVEC_PUBLIC_URL is wrong"),
        ("IMGVEC_LOG_LEVEL", "loud", "IMGVEC_LOG_LEVEL is wrong"),
        ("IMGVEC_ENCODERS", " , ", "IMGVEC_ENCODERS is wrong"),
    ],
)
def test_a_wrong_variable_is_named(name: str, value: str, told: str) -> None:
    with pytest.raises(SettingsError, match=told):
        load_settings({name: value})


def test_every_wrong_variable_is_named_at_once() -> None:
    with pytest.raises(SettingsError) as refused:
        load_settings({"IMGVEC_THREADS": "x", "IMGVEC_NONSENSE": "y"})
    assert "IMGVEC_THREADS" in str(refused.value)
    assert "IMGVEC_NONSENSE" in str(refused.value)


def test_the_value_is_not_repeated() -> None:
    with pytest.raises(SettingsError) as refused:
        load_settings({"IMGVEC_PUBLIC_URL": "hunter2-no-url"})
    assert "hunter2" not in str(refused.value)


def test_settings_do_not_change_once_read() -> None:
    settings = Settings()
    with pytest.raises(ValidationError):
        settings.threads = 2
