"""The settings of the compiler. Each is an environment variable NEO_EMULATOR_<NAME>."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

PREFIX = "NEO_EMULATOR_"


class CompilerSettings(BaseSettings):
    """Durations are seconds, sizes bytes. `neo_workers.settings.Settings` adds those of the engine and the API."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore")

    # locations
    s3_endpoint_url: str | None = Field(
        default=None, description="Where workers reach S3. Unset: the emulator's own endpoint."
    )
    region: str = Field(default="us-east-1", description="Region of unsigned requests.")
    data_dir: Path | None = Field(
        default=None, description="Keeps jobs, S3 and the cache across restarts. Unset: nothing is kept."
    )

    # the compile cache
    cache: bool = Field(default=True, description="Whether equal jobs take their artifact from the cache.")
    cache_dir: Path | None = Field(
        default=None,
        description="The cache's folder; hosts may share one. Unset: in the data folder, else temporary.",
    )
    cache_max_bytes: int = Field(
        default=10 << 30, gt=0, description="Maximum size of the cache; the least recently used artifacts are deleted."
    )

    # how a model is compiled
    tune_seconds: float = Field(
        default=0.0,
        ge=0,
        le=86_400,
        description="Time per CPU job for tuning: measuring tile sizes of its slowest kernels on this machine. The "
        "best are stored in the cache's folder and used by all later jobs. 0: no tuning.",
    )
    self_check: bool = Field(
        default=False,
        description="Runs each artifact on random inputs and fails the job if its outputs differ from the framework's.",
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

    # limits of model archives
    max_model_bytes: int = Field(default=4 << 30, gt=0, description="Maximum size of an unpacked model archive.")
    max_model_files: int = Field(default=10_000, gt=0, description="Maximum number of members of a model archive.")
    unsafe_pickles: bool = Field(
        default=False,
        description="SKLEARN: load .joblib files by joblib.load, which runs any code in them. Only for your own files.",
    )

    @property
    def cache_folder(self) -> Path | None:
        """The folder of the artifact cache and the tuning database. None if nothing is kept."""
        return self.cache_dir or (self.data_dir / "cache" if self.data_dir else None)
