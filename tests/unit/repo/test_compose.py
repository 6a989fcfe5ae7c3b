"""compose.yaml, read by Compose itself."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


def compose() -> list[str]:
    """Compose v2's command, or a skip: $DOCKER_COMPOSE, docker-compose, or docker's plugin."""
    for name in (os.environ.get("DOCKER_COMPOSE"), "docker-compose"):
        if name and (found := shutil.which(name)):
            return [found]
    if shutil.which("docker") and subprocess.run(["docker", "compose", "version"], capture_output=True).returncode == 0:
        return ["docker", "compose"]
    pytest.skip("needs Compose v2 (docker compose, docker-compose or $DOCKER_COMPOSE)")


def test_compose_file_is_valid_and_wired() -> None:
    shown = subprocess.run(
        [*compose(), "-f", "compose.yaml", "config", "--format", "json"], cwd=ROOT, capture_output=True, text=True
    )
    assert shown.returncode == 0, shown.stderr
    services = json.loads(shown.stdout)["services"]
    assert set(services) == {"redis", "emulator", "worker"}
    for name in ("emulator", "worker"):
        environment = services[name]["environment"]
        assert environment["NEO_EMULATOR_REDIS_URL"].startswith("redis://redis:")
        assert environment["NEO_EMULATOR_S3_ENDPOINT_URL"] == "http://emulator:4577"
        assert services[name]["depends_on"]["redis"]["condition"] == "service_healthy"
    assert services["emulator"]["ports"][0]["host_ip"] == "127.0.0.1"


def test_dockerfile_installs_what_the_lock_says() -> None:
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert "--constraint constraints.txt" in text
    assert "USER neo" in text
