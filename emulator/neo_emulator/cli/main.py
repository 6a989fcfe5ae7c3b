"""The `neo-emulator` command and its arguments. The modules of the subcommands are imported on demand."""

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

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Host = Annotated[str, typer.Option(metavar="ADDRESS", help="Address to listen on, unix:PATH, or fd:NUMBER.")]
Port = Annotated[int, typer.Option(min=0, max=65535, metavar="PORT", help="0 picks a free one.")]
Tls = Annotated[bool | None, typer.Option("--tls", help="Also serve HTTPS with a generated development certificate.")]
Cert = Annotated[Path | None, typer.Option("--cert", metavar="PEM", help="Also serve HTTPS with this certificate.")]
Key = Annotated[Path | None, typer.Option("--key", metavar="PEM", help="The key of --cert.")]
Url = Annotated[str, typer.Option(metavar="URL", envvar="AWS_ENDPOINT_URL", help="URL of the emulator.")]
Artifact = Annotated[
    Path, typer.Argument(metavar="ARTIFACT", help="The tar.gz of a compilation job, or the folder it was unpacked to.")
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
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Options of `neo-emulator` itself."""


@app.command()
def serve(
    host: Host = DEFAULT_HOST,
    port: Port = DEFAULT_PORT,
    data_dir: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", help="Keep jobs, S3 and the cache here across restarts (default: keep nothing)."
        ),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            min=1, max=256, metavar="N", help="Number of jobs compiled in parallel (default: one per CPU core)."
        ),
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
    """Run only the API, on the Redis of NEO_EMULATOR_REDIS_URL."""
    from neo_emulator.cli import serving

    serving.serve(host, port, with_worker=False, json_=json_, tls=tls, tls_cert=cert, tls_key=key)


@app.command()
def worker(
    check: Annotated[
        bool, typer.Option("--check", help="Check whether a worker on this host is alive, and exit.")
    ] = False,
    json_: Annotated[bool, typer.Option("--json", help="Print JSON; log as JSON.")] = False,
) -> None:
    """Run only a worker, on the Redis of NEO_EMULATOR_REDIS_URL."""
    from neo_emulator.cli import serving

    serving.check_worker(json_=json_) if check else serving.work(json_=json_)


@app.command("compile")
def compile_(
    model: Annotated[
        Path, typer.Argument(metavar="MODEL", help="A model file, a folder, or a tar.gz as Neo expects it.")
    ],
    target: Annotated[
        str,
        typer.Option(metavar="TARGET", help="A TargetDevice, or Os/Arch[/Accelerator].", autocompletion=_targets),
    ] = "ml_c5",
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="PATH", help="Folder for the artifact, or the name of its tar.gz.")
    ] = Path(),
    inputs: Annotated[
        list[str] | None,
        typer.Option(
            "--input",
            "-i",
            metavar="SHAPE",
            help="Input shape, e.g. data=1,3,224,224; once per input, or a complete DataInputConfig (JSON).",
        ),
    ] = None,
    framework: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Framework (default: inferred from the file name).", autocompletion=_frameworks
        ),
    ] = None,
    options: Annotated[str | None, typer.Option(metavar="JSON", help="CompilerOptions.")] = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show the compiler's log.")] = False,
    json_: Json = False,
) -> None:
    """Compile a model on this machine, without a server."""
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
        Path | None,
        typer.Option("--output", metavar="FILE.npz", help="File for the outputs (default: print them only)."),
    ] = None,
    json_: Json = False,
) -> None:
    """Run an artifact on this machine."""
    from neo_emulator.cli import artifacts

    artifacts.run(artifact, inputs, outputs, json_=json_)


@app.command()
def inspect(artifact: Artifact, json_: Json = False) -> None:
    """Show an artifact's target, inputs, outputs and runtime."""
    from neo_emulator.cli import artifacts

    artifacts.inspect(artifact, json_=json_)


@app.command()
def jobs(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="Show this job in detail (default: list all).")
    ] = None,
    status: Annotated[str, typer.Option(metavar="STATUS", help="Only jobs with this status, e.g. FAILED.")] = "",
    url: Url = DEFAULT_URL,
    json_: Json = False,
) -> None:
    """List the jobs of a running emulator."""
    from neo_emulator.cli import jobs

    jobs.show_jobs(url, name, status.upper(), json_=json_)


@app.command()
def logs(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the job.")],
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Print new lines until the job has ended.")] = False,
    url: Url = DEFAULT_URL,
    json_: Json = False,
) -> None:
    """Print the compilation log of a job."""
    from neo_emulator.cli import jobs

    jobs.show_log(url, name, follow=follow, json_=json_)


@app.command()
def deploy(
    source: Annotated[str, typer.Argument(metavar="JOB", help="A COMPLETED job, or the S3 URI of its artifact.")],
    name: Annotated[str, typer.Option(metavar="NAME", help="Name of the endpoint (default: a new one).")] = "",
    url: Url = DEFAULT_URL,
    json_: Json = False,
) -> None:
    """Deploy a compiled model to an endpoint of a running emulator."""
    from neo_emulator.cli import endpoints

    endpoints.deploy(url, source, name, json_=json_)


@app.command()
def invoke(
    name: Annotated[str, typer.Argument(metavar="ENDPOINT", help="Name of the endpoint.")],
    source: Annotated[Path, typer.Option("--input", metavar="FILE", help="The request body; - is standard input.")],
    kind: Annotated[str, typer.Option("--content-type", metavar="TYPE", help="Default: by the file name.")] = "",
    accept: Annotated[str, typer.Option(metavar="TYPE", help="Content type of the response.")] = "",
    target: Annotated[Path | None, typer.Option("--output", metavar="FILE", help="File for the response.")] = None,
    url: Url = DEFAULT_URL,
) -> None:
    """Send a request to an endpoint and print the response."""
    from neo_emulator.cli import endpoints

    endpoints.invoke(url, name, source, kind, accept, target)


@app.command()
def targets(json_: Json = False) -> None:
    """List the targets."""
    from neo_emulator.cli import jobs

    jobs.show_targets(json_=json_)


@app.command()
def env(
    url: Url = DEFAULT_URL,
    shell: Annotated[str, typer.Option(metavar="SHELL", help="sh, fish, powershell or dotenv.")] = "sh",
    json_: Json = False,
) -> None:
    """Print environment variables that point AWS SDKs and the CLI at the emulator."""
    from neo_emulator.cli import jobs

    jobs.show_environment(url, shell, json_=json_)


@app.command()
def demo(json_: Json = False) -> None:
    """Compile a pretrained model for five targets and check the artifacts."""
    from neo_emulator.cli import demo

    raise typer.Exit(demo.main(json_=json_))


@app.command()
def doctor(json_: Json = False) -> None:
    """Check this machine and suggest fixes."""
    from neo_emulator.cli import doctor

    doctor.diagnose(json_=json_)


def main(argv: list[str] | None = None) -> int:
    """Runs the command. Returns the exit status: 0, 1 for an error (printed on stderr), 2 for wrong arguments."""
    from neo_emulator.cli.output import CommandError, printable

    try:
        app(args=argv, prog_name="neo-emulator")
    except CommandError as error:
        print(f"neo-emulator: {printable(str(error))}", file=sys.stderr)
        return 1
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    return 0
