"""Which addresses are reached without the environment's proxy."""

import pytest

from neo_emulator.http import proxies

HERE = "http://127.0.0.1:4577"


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.mark.parametrize("url", [HERE, "https://localhost:1", "http://s3.localhost:4577", "http://[::1]:4577"])
def test_this_machine(url: str) -> None:
    assert proxies.is_local(url)


@pytest.mark.parametrize("url", ["http://10.0.0.1:4577", "http://neo.example.com", "http://localhost.example.com", ""])
def test_another_machine(url: str) -> None:
    assert not proxies.is_local(url)


def test_nothing_is_set_without_a_proxy() -> None:
    assert proxies.bypass(HERE) == {}


def test_a_proxy_is_bypassed_for_this_machine_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.example.com:3128")
    assert proxies.bypass(HERE) == {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
    assert proxies.bypass("http://10.0.0.1:4577") == {}


def test_what_is_listed_stays_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example.com:3128")
    monkeypatch.setenv("NO_PROXY", "example.com")
    assert proxies.bypass(HERE)["NO_PROXY"] == "example.com,127.0.0.1"
    monkeypatch.setenv("NO_PROXY", "example.com,127.0.0.1")
    assert proxies.bypass(HERE) == {}
