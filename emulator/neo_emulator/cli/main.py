"""The `neo-emulator` command: its arguments. What each subcommand does is in a file beside this, imported on demand."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from neo_emulator.version import VERSION

DEFAULT_HOST, DEFAULT_PORT = "127.0.0.1", 4577
DEFAULT_URL = f"http://{DEFAULT_HOST}:{DEFAULT_PORT}"

app = typer.Typer(
    help="A local stand-in for Amazon SageMaker Neo. Settings: NEO_EMULATOR_* (see the documentation).",
    no_args_is_help=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Json = Annotated[bool, typer.Option("--json", help="Say it as JSON.")]
Host = Annotated[str, typer.Option(metavar="ADDRESS", help="Address to listen on.")]
Port = Annotated[int, typer.Option(min=0, max=65535, metavar="PORT", help="0 picks a free one.")]
Tls = Annotated[bool | None, typer.Option("--tls", help="HTTPS too, with a certificate made now.")]
Cert = Annotated[Path | None, typer.Option("--cert", metavar="PEM", help="HTTPS too, with this one.")]
Key = Annotated[Path | None, typer.Option("--key", metavar="PEM", help="The key of --cert.")]
Url = Annotated[str, typer.Option(metavar="URL", envvar="AWS_ENDPOINT_URL", help="Where the emulator runs.")]
Artifact = Annotated[
    Path, typer.Argument(metavar="ARTIFACT", help="The tar.gz of a compilation job, or its unpacked folder.")
]


def _targets() -> list[str]:
    from neo_targets import platforms, registry

    return [*registry.DEVICES, *platforms.names()]


def _frameworks() -> list[str]:
    from neo_compiler.frontends import FRAMEWORKS

    return list(FRAMEWORKS)


def _show_version(asked: bool) -> None:
    if asked:
        print(f"neo-emulator {VERSION}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Say the version.")
    ] = False,
) -> None:
    """Options of the command itself."""


@app.command()
def serve(
    host: Host = DEFAULT_HOST,
    port: Port = DEFAULT_PORT,
    data_dir: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", help="Keep jobs, S3 and the cache here over a restart (default: nothing is kept)."
        ),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(min=1, max=256, metavar="N", help="Jobs compiled at the same time (default: one per CPU core)."),
    ] = None,
    tls: Tls = None,
    cert: Cert = None,
    key: Key = None,
    json_: Json = False,
) -> None:
    """Run the API, a worker and a private Valkey until Ctrl-C."""
    from neo_emulator.cli import serving

    given = {"data_dir": data_dir, "workers": workers, "tls": tls, "tls_cert": cert, "tls_key": key}
    serving.serve(host, port, with_worker=True, json_=json_, **given)


@app.command()
def api(
    host: Host = DEFAULT_HOST,
    port: Port = DEFAULT_PORT,
    tls: Tls = None,
    cert: Cert = None,
    key: Key = None,
    json_: Json = False,
) -> None:
    """Run the API alone, on the Redis of NEO_EMULATOR_REDIS_URL."""
    from neo_emulator.cli import serving

    serving.serve(host, port, with_worker=False, json_=json_, tls=tls, tls_cert=cert, tls_key=key)


@app.command()
def worker(
    check: Annotated[bool, typer.Option("--check", help="Only say whether a worker of this host is alive.")] = False,
    json_: Annotated[bool, typer.Option("--json", help="Say it, or write the log, as JSON.")] = False,
) -> None:
    """Run a worker alone, on the Redis of NEO_EMULATOR_REDIS_URL."""
    from neo_emulator.cli import serving

    serving.check_worker(json_=json_) if check else serving.work(json_=json_)


@app.command("compile")
def compile_(
    model: Annotated[
        Path, typer.Argument(metavar="MODEL", help="A model file, a folder of them, or a tar.gz as Neo takes it.")
    ],
    target: Annotated[
        str,
        typer.Option(metavar="TARGET", help="A TargetDevice, or Os/Arch[/Accelerator].", autocompletion=_targets),
    ] = "ml_c5",
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="PATH", help="Folder, or name of the tar.gz.")
    ] = Path(),
    inputs: Annotated[
        list[str] | None,
        typer.Option(
            "--input", "-i", metavar="SHAPE", help="As data=1,3,224,224, once per input; or the whole DataInputConfig."
        ),
    ] = None,
    framework: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="ONNX, ... (default: what the file's name tells).", autocompletion=_frameworks
        ),
    ] = None,
    options: Annotated[str | None, typer.Option(metavar="JSON", help="CompilerOptions.")] = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show the compiler's log.")] = False,
    json_: Json = False,
) -> None:
    """Compile a model on this machine; no server is needed."""
    from neo_emulator.cli import compiling

    compiling.compile_model(
        model,
        target,
        output,
        framework=framework,
        inputs=inputs or [],
        options=options,
        verbose=verbose,
        json_=json_,
    )


@app.command()
def run(
    artifact: Artifact,
    inputs: Annotated[
        Path | None, typer.Option("--input", metavar="FILE.npz", help="One array per input (default: zeros).")
    ] = None,
    outputs: Annotated[
        Path | None, typer.Option("--output", metavar="FILE.npz", help="Where the outputs go (default: only shown).")
    ] = None,
    json_: Json = False,
) -> None:
    """Run an artifact on this machine."""
    from neo_emulator.cli import artifacts

    artifacts.run(artifact, inputs, outputs, json_=json_)


@app.command()
def inspect(artifact: Artifact, json_: Json = False) -> None:
    """Say what an artifact is: target, inputs, outputs, runtime."""
    from neo_emulator.cli import artifacts

    artifacts.inspect(artifact, json_=json_)


@app.command()
def jobs(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="One job, in detail (default: all).")] = None,
    status: Annotated[str, typer.Option(metavar="STATUS", help="Only jobs with this status, e.g. FAILED.")] = "",
    url: Url = DEFAULT_URL,
    json_: Json = False,
) -> None:
    """Show the jobs of a running emulator."""
    from neo_emulator.cli import jobs

    jobs.show_jobs(url, name, status.upper(), json_=json_)


@app.command()
def logs(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The job.")],
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the job has ended.")] = False,
    url: Url = DEFAULT_URL,
    json_: Json = False,
) -> None:
    """Show the compiler's log of a job."""
    from neo_emulator.cli import jobs

    jobs.show_log(url, name, follow=follow, json_=json_)


@app.command()
def targets(json_: Json = False) -> None:
    """Show what can be compiled for."""
    from neo_emulator.cli import jobs

    jobs.show_targets(json_=json_)


@app.command()
def env(
    url: Url = DEFAULT_URL,
    shell: Annotated[str, typer.Option(metavar="SHELL", help="sh, fish, powershell or dotenv.")] = "sh",
    json_: Json = False,
) -> None:
    """Show the variables that lead AWS's SDKs and CLI here."""
    from neo_emulator.cli import jobs

    jobs.show_environment(url, shell, json_=json_)


@app.command()
def demo(json_: Json = False) -> None:
    """Compile a pretrained model for five targets, check it."""
    from neo_emulator.cli import demo

    raise typer.Exit(demo.main(json_=json_))


@app.command()
def doctor(json_: Json = False) -> None:
    """Say what is missing on this machine, and how to get it."""
    from neo_emulator.cli import doctor

    doctor.diagnose(json_=json_)


def main(argv: list[str] | None = None) -> int:
    """The exit status: 0, 1 when the command cannot do what it was asked (said on stderr), 2 for wrong arguments."""
    from neo_emulator.cli.output import CommandError

    try:
        app(args=argv, prog_name="neo-emulator")
    except CommandError as error:
        print(f"neo-emulator: {error}", file=sys.stderr)
        return 1
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    return 0
