"""compose.yaml, read by Compose itself."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from neo_workers.settings import unknown_names

ROOT = Path(__file__).parents[3]
PROFILES = {"torch": "worker-torch", "tensorflow": "worker-tensorflow", "gpu": "worker-gpu", "flower": "flower"}


def compose() -> list[str]:
    """Compose v2's command, or a skip: $DOCKER_COMPOSE, docker-compose, or docker's plugin."""
    for name in (os.environ.get("DOCKER_COMPOSE"), "docker-compose"):
        if name and (found := shutil.which(name)):
            return [found]
    if shutil.which("docker") and subprocess.run(["docker", "compose", "version"], capture_output=True).returncode == 0:
        return ["docker", "compose"]
    pytest.skip("needs Compose v2 (docker compose, docker-compose or $DOCKER_COMPOSE)")


def configuration() -> dict[str, Any]:
    """The services of every profile, as Compose reads them."""
    profiles = [word for name in PROFILES for word in ("--profile", name)]
    shown = subprocess.run(
        [*compose(), "-f", "compose.yaml", *profiles, "config", "--format", "json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert shown.returncode == 0, shown.stderr
    services: dict[str, Any] = json.loads(shown.stdout)["services"]
    return services


def test_compose_file_is_valid_and_wired() -> None:
    services = configuration()
    assert set(services) == {"redis", "emulator", "worker", *PROFILES.values()}
    for name, service in services.items():
        assert service["read_only"] is True, name
        assert service["mem_limit"], name
        assert service["pids_limit"], name
        assert service["healthcheck"]["test"], name
        assert service.get("profiles", []) == [key for key, value in PROFILES.items() if value == name]
        for port in service.get("ports", ()):
            assert port["host_ip"] == "127.0.0.1"
    for name in set(services) - {"redis", "flower"}:
        environment = services[name]["environment"]
        assert environment["NEO_EMULATOR_REDIS_URL"].startswith("redis://redis:")
        assert environment["NEO_EMULATOR_S3_ENDPOINT_URL"] == "http://emulator:4577"
        assert services[name]["depends_on"]["redis"]["condition"] == "service_healthy"
        assert unknown_names(environment) == []


def test_dockerfile_installs_what_the_lock_says() -> None:
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert "--constraint constraints.txt" in text
    assert "USER neo" in text
    assert "cuda-toolkit==0" in text  # no gigabytes of CUDA
