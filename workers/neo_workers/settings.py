"""Every setting of the emulator: those of the compiler, and the engine's and API's here.

Each is an environment variable NEO_EMULATOR_<NAME>.
"""

from __future__ import annotations

import logging
import os
from functools import lru_cache
from pathlib import Path
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from neo_compiler.settings import PREFIX, CompilerSettings

__all__ = ["PREFIX", "Settings", "get_settings", "unknown_names"]

log = logging.getLogger(__name__)


class Settings(CompilerSettings):
    """All knobs with their defaults; durations are seconds, sizes bytes. The README's table is made from this class."""

    # where things are
    redis_url: str | None = Field(
        default=None, description="Store and broker. Unset: `serve` starts a private Valkey of its own."
    )
    broker_url: str | None = Field(default=None, description="Celery's broker, if it is not to be the store's Redis.")
    fsync: bool = Field(
        default=False,
        description="With a data folder: what was acknowledged survives a loss of power too, not only a kill. Slower.",
    )
    work_dir: Path | None = Field(
        default=None,
        description="Where compiles have their work folders. Unset: in the data folder, else a temporary one.",
    )
    account_id: str = Field(
        default="123456789012", pattern=r"^\d{12}$", description="Account of requests whose access key is unknown."
    )

    tls: bool = Field(
        default=False, description="Speaks HTTPS too, with a certificate for development made on the spot."
    )
    tls_cert: Path | None = Field(default=None, description="Speaks HTTPS too, with this certificate (PEM).")
    tls_key: Path | None = Field(default=None, description="The key of `tls_cert` (PEM).")

    # what a client may ask of the HTTP server
    max_head_bytes: int = Field(
        default=65_536, ge=1024, description="Largest first line and headers of a request; more is refused (414, 431)."
    )
    max_headers: int = Field(default=200, ge=16, description="Most headers of a request; more are refused (431).")
    max_body_bytes: int = Field(
        default=5 << 30, gt=0, description="Largest body of a request; more is refused (413). 5 GiB is S3's own limit."
    )
    max_connections: int = Field(
        default=512, ge=1, description="Most HTTP connections at the same time; a request on another is refused (503)."
    )
    idle_seconds: float = Field(
        default=75.0,
        gt=0,
        description="A connection is closed when a request's headers, or the next part of a body, take longer.",
    )

    # what is there from the start
    buckets: str = Field(default="", description="S3 buckets made before the emulator is ready: one,two.")
    ready_dir: Path | None = Field(
        default=None, description="Folder of scripts (*.sh, *.py) that run, by name, as soon as it is ready."
    )

    # who may ask
    auth: Literal["none", "sigv4"] = Field(
        default="none", description="sigv4: refuse requests whose signature no known key verifies."
    )
    access_keys: str = Field(
        default="",
        description="Known keys for sigv4, as id:secret,id:secret; workers use the first. Also: keys of moto's IAM.",
    )
    check_roles: bool = Field(
        default=False,
        description="Create needs a RoleArn that exists in moto's IAM and trusts sagemaker.amazonaws.com.",
    )

    # the job engine
    workers: int = Field(default=0, ge=0, le=256, description="Jobs compiled at the same time. 0: one per CPU core.")
    min_run_seconds: float = Field(
        default=0.0, ge=0, description="Keeps a job INPROGRESS at least that long, for tests of Stop."
    )
    min_starting_seconds: float = Field(
        default=0.0, ge=0, description="Keeps a job STARTING at least that long; /_neo/pace changes it at run time."
    )
    max_active_jobs: int = Field(
        default=0,
        ge=0,
        description="Active jobs per account and region before Create is refused (ResourceLimitExceeded). 0: any.",
    )
    lease_seconds: float = Field(default=6.0, gt=0, description="A worker silent for that long has lost its job.")
    beat_seconds: float = Field(
        default=0.25, gt=0, description="How often a worker renews its lease and looks for a Stop."
    )
    reap_seconds: float = Field(default=0.25, gt=0, description="How often lost and unclaimed jobs are looked for.")
    republish_seconds: float = Field(
        default=5.0, gt=0, description="A job unclaimed for that long is announced to the workers again."
    )
    max_attempts: int = Field(
        default=3, ge=1, description="Compiles begun before a job whose worker keeps dying FAILS."
    )
    prefork: bool = Field(default=True, description="Compile children fork from a process that has TVM loaded already.")

    event_status: Literal["COMPLETED", "Completed"] = Field(
        default="COMPLETED", description="How EventBridge events spell CompilationJobStatus."
    )

    # limits of one job
    max_log_bytes: int = Field(default=1 << 20, gt=0, description="Most output kept of one compile.")
    max_memory_bytes: int = Field(
        default=0, ge=0, description="Most memory of one compile. 0: three quarters of what the worker has."
    )
    max_cpu_seconds: int = Field(
        default=86_400, gt=0, description="Most CPU time of one compile, all its threads added."
    )
    max_file_bytes: int = Field(default=8 << 30, gt=0, description="Largest file that a compile may write.")
    max_work_bytes: int = Field(default=16 << 30, gt=0, description="Most disk space of one compile's work folder.")
    max_open_files: int = Field(default=4096, ge=64, description="Most files that a process of a compile has open.")
    max_processes: int = Field(default=256, ge=8, description="Most processes of one compile at the same time.")

    task_events: bool = Field(
        default=False, description="Workers send Celery's events and take its remote control: for Flower."
    )
    log_level: str = Field(default="INFO", description="Level of the emulator's own log.")
    log_format: Literal["text", "json"] = Field(default="text", description="json: one object a line.")
    otel: bool = Field(
        default=False,
        description="Traces Celery with OpenTelemetry (extra `otel`); OTEL_EXPORTER_OTLP_ENDPOINT says where to.",
    )

    @model_validator(mode="after")
    def _keys_for_sigv4(self) -> Self:
        if self.auth == "sigv4" and not self.known_keys:
            raise ValueError(
                f"{PREFIX}AUTH=sigv4 needs {PREFIX}ACCESS_KEYS=id:secret: without one nobody could do anything"
            )
        return self

    @property
    def known_keys(self) -> dict[str, str]:
        """Secret access keys by access key id. Raises ValueError for a text that is not id:secret,..."""
        pairs = [pair.strip().partition(":") for pair in self.access_keys.split(",") if pair.strip()]
        if not all(key and secret for key, _, secret in pairs):
            raise ValueError(f"{PREFIX}ACCESS_KEYS is not id:secret,id:secret")
        return {key: secret for key, _, secret in pairs}

    @model_validator(mode="after")
    def _certificate_with_key(self) -> Self:
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ValueError(f"{PREFIX}TLS_CERT and {PREFIX}TLS_KEY go together")
        return self

    @property
    def bucket_names(self) -> list[str]:
        """The buckets to make at the start."""
        return [name.strip() for name in self.buckets.split(",") if name.strip()]

    @property
    def slots(self) -> int:
        """Jobs compiled at the same time, at least 1."""
        return self.workers or os.cpu_count() or 1

    @property
    def store_url(self) -> str:
        """URL of the store. Raises ValueError when no Redis is configured."""
        if not self.redis_url:
            raise ValueError(f"{PREFIX}REDIS_URL is not set")
        return self.redis_url

    @property
    def celery_broker_url(self) -> str:
        """URL of the broker in Celery's own spelling: unix:///a.sock?db=1 becomes redis+socket:///a.sock?virtual_host=0."""
        url = self.broker_url or self.store_url
        parts = urlsplit(url)
        return f"redis+socket://{parts.path}?virtual_host=0" if parts.scheme == "unix" else url


def unknown_names(environ: dict[str, str]) -> list[str]:
    """NEO_EMULATOR_* variables that no setting has: most likely misspelt."""
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    return sorted(name for name in environ if name.upper().startswith(PREFIX) and name.upper() not in known)


@lru_cache(maxsize=1)
def get_settings() -> Settings:
    """The process's settings, read once from the environment; unknown NEO_EMULATOR_* names are warned about."""
    for name in unknown_names(dict(os.environ)):
        log.warning("%s is not a setting of neo-emulator and has no effect", name)
    return Settings()
