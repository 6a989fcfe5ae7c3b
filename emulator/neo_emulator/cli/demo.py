"""`make demo`: compiles a real pretrained model for five targets through the complete stack, and prints a table.

The model is Google's Magika (file type detection), from the PyPI package of that name, Apache-2.0.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import platform
import sys
import tarfile
import tempfile
import time
from dataclasses import asdict, dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from neo_emulator.cli.dlr_client import predict
from neo_emulator.testing.server_process import ServerProcess
from neo_targets import registry
from neo_targets.binary import elf
from neo_targets.spec import Cuda, TargetSpec

BUCKET = "neo-demo"
ROLE = "arn:aws:iam::123456789012:role/demo"
TARGETS = ("ml_c5", "ml_m6g", "rasp3b", "ml_g4dn", "jetson_xavier")
MACHINES = {3: "x86 32-bit", 40: "ARM 32-bit", 62: "x86-64", 183: "AArch64"}
TERMINAL = ("COMPLETED", "FAILED", "STOPPED")
POLL_SECONDS = 0.1
TOLERANCE = 1e-4


@dataclass
class Row:
    """One target, a line of the table."""

    target: str  # as in the artifact's name
    output: dict[str, Any]  # members of OutputConfig
    begun: float = 0.0
    status: str = "STARTING"
    seconds: float = 0.0  # without the time in the queue
    reason: str = ""
    artifact: str = ""
    size_bytes: int = 0
    code: str = ""  # machine code according to the library's headers
    check: str = ""
    good: bool = False
    ran: bool = False  # on this machine
    description: dict[str, Any] = field(default_factory=dict)

    @property
    def job_name(self) -> str:
        """The compilation job's name."""
        return f"demo-{self.target.replace('_', '-').lower()}"


class Model:
    """Magika's network, and this source file as its input."""

    def __init__(self) -> None:
        spec = find_spec("magika")
        if spec is None or spec.origin is None:
            raise SystemExit("the demo's model is missing: pip install 'neo-emulator[demo]'")
        self.path = next((Path(spec.origin).parent / "models").glob("standard_*/model.onnx"))
        self.config = json.loads((self.path.parent / "config.min.json").read_text(encoding="utf-8"))

    def archive(self) -> bytes:
        """The model as Neo expects it: one .onnx in a tar.gz."""
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
            tar.add(self.path, "model.onnx")
        return buffer.getvalue()

    def features(self) -> Any:
        """int32 [1, 2048]: the first and the last 1024 bytes of this source file, as Magika reads them."""
        import numpy as np

        content = Path(__file__).read_bytes().strip()
        first = list(content[: self.config["beg_size"]])
        last = list(content[-self.config["end_size"] :])
        return np.array([first + last], dtype=np.int32)

    def label(self, scores: Any) -> str:
        """The file type with the highest score."""
        return str(self.config["target_labels_space"][int(scores.argmax())])


def main(*, json_: bool = False) -> int:
    """The exit status: 0 if every target compiled and passed its check. With `json_` only the result is printed."""
    with contextlib.redirect_stdout(sys.stderr) if json_ else contextlib.nullcontext():
        rows = compile_for_all()
        if not json_:
            show(rows)
    if json_:
        print(json.dumps([asdict(row) for row in rows], indent=2, default=str))
    return 0 if all(row.good for row in rows) else 1


def compile_for_all() -> list[Row]:
    """Compiles the model for all targets. Returns the table's rows, one per target."""
    model = Model()
    say(f"model   Magika, {model.path.stat().st_size / 1e6:.1f} MB of ONNX, from the PyPI package of that name")
    begun = time.monotonic()
    with ServerProcess(log_level=os.environ.get("NEO_EMULATOR_LOG_LEVEL", "ERROR")) as server:
        say(f"stack   API, S3, Valkey and worker on {server.url}, up in {time.monotonic() - begun:.1f} s")
        rows = compile_all(server, model, [Row(name, {"TargetDevice": name}) for name in TARGETS])
        if not any(row.ran for row in rows):
            say("none of these targets runs on this machine: adding a job for this CPU")
            rows += compile_all(server, model, [Row(*this_machine())])
    return rows


def this_arch() -> str:
    """This machine's architecture in AWS's words."""
    return "ARM64" if platform.machine() in ("aarch64", "arm64") else "X86_64"


def this_machine() -> tuple[str, dict[str, Any]]:
    """The target for this machine's CPU: as in the artifact's name, and as members of OutputConfig."""
    from neo_compiler.runtime.execute import this_cpu_flags

    arch = this_arch()
    output: dict[str, Any] = {"TargetPlatform": {"Os": "LINUX", "Arch": arch}}
    if {"avx2", "fma"} <= this_cpu_flags():
        output["CompilerOptions"] = json.dumps({"mcpu": "core-avx2"})
    return f"LINUX_{arch}", output


def compile_all(server: ServerProcess, model: Model, rows: list[Row]) -> list[Row]:
    """Runs one compilation job per row and checks its artifact. Returns the completed rows."""
    sagemaker, s3 = server.client("sagemaker"), server.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    s3.put_object(Bucket=BUCKET, Key="magika.tar.gz", Body=model.archive())
    for row in rows:
        sagemaker.create_compilation_job(
            CompilationJobName=row.job_name,
            RoleArn=ROLE,
            InputConfig={
                "S3Uri": f"s3://{BUCKET}/magika.tar.gz",
                "DataInputConfig": '{"bytes": [1, 2048]}',
                "Framework": "ONNX",
            },
            OutputConfig={"S3OutputLocation": f"s3://{BUCKET}/compiled", **row.output},
            StoppingCondition={"MaxRuntimeInSeconds": 900},
        )
    watch(sagemaker, rows)
    with tempfile.TemporaryDirectory(prefix="neo-demo-") as folder:
        for row in rows:
            if row.status == "COMPLETED":
                inspect(server, row, model, Path(folder))
    return rows


def watch(sagemaker: Any, rows: list[Row]) -> None:
    """Polls DescribeCompilationJob until every job has ended, and prints each change."""
    begun = time.monotonic()
    progress = Progress()
    while any(row.status not in TERMINAL for row in rows):
        for row in rows:
            if row.status in TERMINAL:
                continue
            row.description = sagemaker.describe_compilation_job(CompilationJobName=row.job_name)
            status = row.description["CompilationJobStatus"]
            if status != row.status:
                row.status = status
                row.begun = row.begun or time.monotonic()
                row.seconds = time.monotonic() - row.begun
                row.reason = row.description.get("FailureReason", "")
                progress.event(f"{time.monotonic() - begun:6.1f} s  {row.target:<14} {status}")
        progress.tick(f"{time.monotonic() - begun:6.1f} s  {summary(rows)}")
        time.sleep(POLL_SECONDS)
    progress.clear()


def summary(rows: list[Row]) -> str:
    """One status line: how many jobs have ended, and which are compiling."""
    done = sum(row.status in TERMINAL for row in rows)
    running = ", ".join(row.target for row in rows if row.status == "INPROGRESS")
    return f"{done} of {len(rows)} done{'; compiling ' + running if running else ''}"


class Progress:
    """Prints a line per event; on a terminal also a status line that is redrawn."""

    def __init__(self) -> None:
        self.live = sys.stdout.isatty()

    def event(self, text: str) -> None:
        """Prints a line."""
        self.clear()
        say(text)

    def tick(self, text: str) -> None:
        """Redraws the status line, if on a terminal."""
        if self.live:
            print(f"\r\033[K{text[:78]}", end="", flush=True)

    def clear(self) -> None:
        """Erases the status line."""
        if self.live:
            print("\r\033[K", end="", flush=True)


def inspect(server: ServerProcess, row: Row, model: Model, folder: Path) -> None:
    """Downloads one artifact and checks it: by running it if possible on this machine, else by its headers."""
    uri = row.description["ModelArtifacts"]["S3ModelArtifacts"]
    row.artifact = uri.rsplit("/", 1)[1]
    bucket, key = uri.removeprefix("s3://").split("/", 1)
    path = folder / row.artifact
    path.write_bytes(server.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read())
    row.size_bytes = path.stat().st_size
    with tarfile.open(path) as tar:
        library = tar.extractfile("compiled.so")
        assert library is not None
        code = library.read()
    spec = registry.resolve(row.output)
    row.code, row.good = describe_code(code, spec)
    row.check = "by its headers" if row.good else "its headers do not match the target"
    if row.good and spec.device is None and spec.arch == this_arch():
        run(path, row, model)


def describe_code(code: bytes, spec: TargetSpec) -> tuple[str, bool]:
    """The machine code according to the library's headers, and whether it matches the target."""
    head, cubin = elf.header(code), elf.find_cubin(code)
    sm = elf.header(cubin).sm if cubin else None
    words = [f"{MACHINES.get(head.machine, f'machine {head.machine}')}, {spec.host.cpu}"]
    words += [f"({head.float_abi} float)"] if head.float_abi else []
    words += [f"and cubin for sm_{sm}"] if sm else []
    asked = (
        spec.host.arch.elf_machine,
        spec.host.arch.float_abi,
        spec.device.sm if isinstance(spec.device, Cuda) else None,
    )
    return " ".join(words), (head.machine, head.float_abi, sm) == asked


def run(path: Path, row: Row, model: Model) -> None:
    """Runs the artifact, if possible, and compares with ONNX Runtime: the largest difference must be below 1e-4."""
    from neo_compiler.frontends.onnx.reference import session
    from neo_compiler.runtime.execute import CannotRun

    features = {"bytes": model.features()}
    try:
        scores, by = predict(path, features)
    except CannotRun as refused:
        row.check += f"; not run: {str(refused).rpartition('; ')[2]}"
        return
    (expected,) = session(str(model.path)).run(None, features)
    error = float(abs(scores - expected).max())
    row.ran, row.good = True, error < TOLERANCE
    row.check = f'run here by {by}: it classifies this file as "{model.label(scores)}"; largest error {error:.0e}'


def show(rows: list[Row]) -> None:
    """Prints the table."""
    from neo_emulator.cli import output
    from neo_emulator.control.dashboard import formats

    columns = ("target", "status", "seconds", "size", "machine code", "checked")
    cells = [
        (row.target, row.status, f"{row.seconds:.1f}", formats.size(row.size_bytes), row.code, row.reason or row.check)
        for row in rows
    ]
    say()
    output.table(columns, cells)
    say(
        f"{sum(row.good for row in rows)} of {len(rows)} passed: compilation jobs of boto3, with their artifacts in S3."
    )
    say("Next: `make serve` (or `neo-emulator serve`) starts the emulator; continue with docs/quickstart.md.")


def say(text: str = "") -> None:
    """Prints a line on standard output and flushes it."""
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
