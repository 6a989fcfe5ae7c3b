import logging
from pathlib import Path

import pytest

from neo_workers import settings as module
from neo_workers.settings import Settings, get_settings, unknown_names


@pytest.mark.parametrize(
    ("url", "broker"),
    [
        ("unix:///run/v.sock?db=1", "redis+socket:///run/v.sock?virtual_host=0"),
        ("redis://h:6379/3", "redis://h:6379/3"),
    ],
)
def test_broker_is_the_store_in_celerys_spelling(url: str, broker: str) -> None:
    assert Settings(redis_url=url).celery_broker_url == broker


def test_broker_of_its_own_wins() -> None:
    assert Settings(redis_url="redis://a", broker_url="redis://b/0").celery_broker_url == "redis://b/0"


def test_environment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEO_EMULATOR_MIN_RUN_SECONDS", "2.5")
    monkeypatch.setenv("NEO_EMULATOR_DATA_DIR", "/data")
    assert (Settings().min_run_seconds, Settings().data_dir) == (2.5, Path("/data"))


def test_misspelt_settings_are_warned_about(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    assert unknown_names({"NEO_EMULATOR_WORKER": "1", "NEO_EMULATOR_WORKERS": "1", "PATH": ""}) == [
        "NEO_EMULATOR_WORKER"
    ]
    monkeypatch.setenv("NEO_EMULATOR_MINRUN", "1")
    get_settings.cache_clear()
    with caplog.at_level(logging.WARNING, logger=module.__name__):
        get_settings()
    assert "NEO_EMULATOR_MINRUN" in caplog.text


def test_every_setting_is_documented() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []
