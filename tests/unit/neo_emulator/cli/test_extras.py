import sys
from importlib.metadata import metadata

import pytest

from neo_compiler.frontends import FRAMEWORKS
from neo_emulator.cli.extras import EXTRAS, PROJECT

BY_NAME = {extra.name: extra for extra in EXTRAS}
FOR_DEVELOPERS = {"test", "dev", "docs", "fuzz"}


def test_every_extra_is_known_and_asks_for_something() -> None:
    declared = set(metadata(PROJECT).get_all("Provides-Extra") or ())
    assert declared - FOR_DEVELOPERS == set(BY_NAME)
    if sys.platform == "linux":
        assert all(extra.packages() for extra in EXTRAS)


def test_packages_are_those_of_the_extra_alone() -> None:
    packages = BY_NAME["otel"].packages()
    assert set(packages) == {
        "opentelemetry-exporter-otlp-proto-http",
        "opentelemetry-instrumentation-celery",
        "opentelemetry-sdk",
    }


def test_frameworks_are_named_where_their_importers_say() -> None:
    for name, framework in FRAMEWORKS.items():
        if framework.extra:
            assert name in BY_NAME[framework.extra].purpose


def test_torch_comes_as_a_build_for_cpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    assert BY_NAME["torch"].install.startswith('pip install torch --index-url "$PYTORCH_CPU_INDEX" && pip install ')
    monkeypatch.setattr(sys, "platform", "darwin")
    assert BY_NAME["torch"].install == "pip install 'neo-emulator[torch]'"
