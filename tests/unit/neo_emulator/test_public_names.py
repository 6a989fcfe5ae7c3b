"""What users' code imports stays importable, by each of its addresses."""

import subprocess
import sys

import pytest

import neo_emulator
from neo_emulator import testing
from neo_emulator.testing import emulator, endpoint, fixtures, waiters


def test_public_names_are_those_of_their_modules() -> None:
    assert neo_emulator.NeoEmulator is emulator.NeoEmulator
    assert neo_emulator.Endpoint is endpoint.Endpoint
    assert neo_emulator.JobEnded is endpoint.JobEnded
    assert neo_emulator.compilation_job_completed_or_stopped is waiters.compilation_job_completed_or_stopped
    assert set(neo_emulator.__all__) == set(dir(neo_emulator))


def test_earlier_addresses_are_aliases() -> None:
    from neo_emulator import endpoint as old_endpoint
    from neo_emulator import factories
    from neo_emulator import waiters as old_waiters

    assert old_endpoint.Endpoint is endpoint.Endpoint
    assert old_endpoint.JobEnded is endpoint.JobEnded
    assert old_waiters.compilation_job_completed_or_stopped is waiters.compilation_job_completed_or_stopped
    assert all(getattr(factories, name) is getattr(fixtures, name) for name in factories.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Emulator'"):
        _ = neo_emulator.Emulator
    assert not hasattr(testing, "Emulator")


def test_the_package_alone_imports_none_of_them() -> None:
    code = "import sys, neo_emulator; print([m for m in sys.modules if m.startswith('neo_emulator.testing')])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_the_package_is_the_command() -> None:
    run = subprocess.run([sys.executable, "-m", "neo_emulator", "--version"], capture_output=True, text=True)
    assert (run.returncode, run.stdout) == (0, f"neo-emulator {neo_emulator.__version__}\n")


def test_the_plugin_can_be_named_where_plugins_are_not_found_by_themselves(
    tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    command = [sys.executable, "-m", "pytest", "-p", "neo_emulator.pytest_plugin", "--fixtures", "-q"]
    run = subprocess.run(command, capture_output=True, text=True, cwd=str(tmp_path))
    assert "neo_wait" in run.stdout
    assert "neo_server_noproc" in run.stdout
