"""`make pictures`: the dashboard and the command for docs/pictures, of an emulator that really compiles."""

import io
import os
import pty
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from e2e.models import conv_net
from rich.console import Console
from rich.text import Text
from support import browser, jobs

from neo_emulator.testing.server_process import ServerProcess

FOLDER = Path(__file__).parents[2] / "docs" / "pictures"
SHOTS = {
    "dashboard-jobs": ("", "dark", 560),
    "dashboard-job": ("jobs/123456789012:us-east-1:detector-c5", "light", 900),
    "dashboard-targets": ("targets", "light", 700),
    "dashboard-status": ("status", "dark", 400),
}
JOBS = {
    "detector-c5": "ml_c5",
    "detector-rpi": "rasp3b",
    "detector-jetson": "jetson_xavier",
    "detector-pixel": "qcs605",
}
COMMANDS = (
    "compile detector.onnx --target LINUX/X86_64",
    "run detector-LINUX_X86_64.tar.gz",
    "inspect detector-LINUX_X86_64.tar.gz",
    "jobs",
)
COLUMNS = 112


def dashboard(server: ServerProcess) -> None:
    """Jobs that ended in every way, and one that still runs."""
    s3, sagemaker = server.s3, server.sagemaker
    s3.create_bucket(Bucket="models")
    s3.put_object(Bucket="models", Key="detector.tar.gz", Body=jobs.archive(detector__onnx=conv_net().model))
    create(sagemaker, "detector-typo", "ml_c5", '{"dta": [1, 3, 32, 32]}')
    for name, device in JOBS.items():
        create(sagemaker, name, device)
    for name in JOBS:
        server.wait(name)
    server.pace(min_run_seconds=3600)
    create(sagemaker, "detector-graviton", "ml_m6g")
    with browser.chromium() as page:
        page.size(1280, 900)
        page.go(f"{server.url}/_neo/")
        page.wait("document.body.innerText.includes('upload')")
        for name, (path, theme, height) in SHOTS.items():
            page.theme(theme)
            page.size(1280, height)
            page.go(f"{server.url}/_neo/{path}")
            page.wait("document.readyState === 'complete'")
            page.screenshot(FOLDER / f"{name}.png")


def create(sagemaker: object, name: str, device: str, inputs: str = '{"data": [1, 3, 32, 32]}') -> None:
    sagemaker.create_compilation_job(  # type: ignore[attr-defined]
        CompilationJobName=name,
        RoleArn=jobs.ROLE,
        InputConfig={"S3Uri": "s3://models/detector.tar.gz", "Framework": "ONNX", "DataInputConfig": inputs},
        OutputConfig={"S3OutputLocation": f"s3://models/{name}", "TargetDevice": device},
        StoppingCondition={"MaxRuntimeInSeconds": 900},
        Tags=[{"Key": "team", "Value": "vision"}],
    )


def command(server: ServerProcess) -> None:
    """What a terminal shows, as SVG."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True)
    with TemporaryDirectory() as folder:
        (Path(folder) / "detector.onnx").write_bytes(conv_net().model)
        for words in COMMANDS:
            console.print(Text(f"$ neo-emulator {words}", style="bold"))
            console.print(Text.from_ansi(on_a_terminal(words.split(), Path(folder), server)))
            console.print()
    console.save_svg(str(FOLDER / "command.svg"), title="neo-emulator")


def on_a_terminal(words: list[str], folder: Path, server: ServerProcess) -> str:
    """What a command prints to a terminal once it is done: lines that were redrawn count as they stand at the end."""
    ours, theirs = pty.openpty()
    environment = os.environ | server.environment() | {"COLUMNS": str(COLUMNS), "TERM": "xterm-256color"}
    with subprocess.Popen(
        [sys.executable, "-m", "neo_emulator", *words],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=subprocess.DEVNULL,  # progress
    ):
        os.close(theirs)
        shown = b""
        try:
            while block := os.read(ours, 65536):
                shown += block
        except OSError:  # the terminal's other end is closed
            pass
    os.close(ours)
    return shown.decode().replace("\r\n", "\n").rstrip()


if __name__ == "__main__":
    with ServerProcess("--workers", "2") as server:
        dashboard(server)
        command(server)
