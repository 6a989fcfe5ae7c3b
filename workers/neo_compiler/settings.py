"""The settings that a compile reads. Each is an environment variable NEO_EMULATOR_<NAME>."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

PREFIX = "NEO_EMULATOR_"


class CompilerSettings(BaseSettings):
    """Durations are seconds, sizes bytes. `neo_workers.settings.Settings` adds those of the engine and the API."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore")

    # where things are
    s3_endpoint_url: str | None = Field(
        default=None, description="Where workers reach S3. Unset: the emulator's own endpoint."
    )
    region: str = Field(default="us-east-1", description="Region of requests that carry no signature.")
    data_dir: Path | None = Field(
        default=None, description="Keeps jobs, S3 and the cache over a restart. Unset: nothing is kept."
    )

    # the compile cache
    cache: bool = Field(
        default=True, description="Whether a job that was compiled before takes its artifact from the cache."
    )
    cache_dir: Path | None = Field(
        default=None,
        description="The cache's folder; hosts may share one. Unset: in the data folder, else it ends with the run.",
    )
    cache_max_bytes: int = Field(
        default=10 << 30, gt=0, description="The cache's size; what was not used for longest goes first."
    )

    # how a model is compiled
    tune_seconds: float = Field(
        default=0.0,
        ge=0,
        le=86_400,
        description="Spends up to that long of a CPU job on timing tiles of its slowest kernels on this machine. What "
        "wins is kept in the cache's folder, for later jobs whatever this is for them. 0: nothing is timed.",
    )
    self_check: bool = Field(
        default=False,
        description="Run each artifact on random input and fail the job where its numbers are not the framework's own.",
    )
    stand_in: bool = Field(
        default=False,
        description="ml_inf1, ml_inf2, ml_trn1 and ml_eia2, which have no public compiler, get a marked stand-in for "
        "an x86-64 CPU. Off: their jobs FAIL with the reason.",
    )

    dump_ir: Path | None = Field(
        default=None,
        description="For debugging: write the module after each phase of a compilation to numbered files in a folder "
        "per job of this folder, and a GPU's source code. Unset: nothing is written.",
    )

    # what a model's archive may be
    max_model_bytes: int = Field(default=4 << 30, gt=0, description="Largest unpacked model archive.")
    max_model_files: int = Field(default=10_000, gt=0, description="Most members of a model archive.")
    unsafe_pickles: bool = Field(
        default=False, description="SKLEARN: run whatever a .joblib file says, as joblib.load does. Only for your own."
    )

    @property
    def cache_folder(self) -> Path | None:
        """The folder of what outlives a job: artifacts and the tuning database. None when nothing does."""
        return self.cache_dir or (self.data_dir / "cache" if self.data_dir else None)
