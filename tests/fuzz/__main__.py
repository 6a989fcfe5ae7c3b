"""`make fuzz`: python -m fuzz TARGET SECONDS, guided by coverage. What it learns stays in .neo/fuzz/corpus/<target>."""

import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(
    include=["neo_workers", "neo_targets", "tarfile", "json", "ast"], enable_loader_override=False
):
    from fuzz.seeds import seeds
    from fuzz.targets import TARGETS

LEARNED = Path(".neo/fuzz/corpus")


def main(target: str, seconds: str) -> None:
    """Never returns: libFuzzer ends the process, with status 0 when nothing was found."""
    folder = LEARNED / target
    folder.mkdir(parents=True, exist_ok=True)
    for number, data in enumerate(seeds(target).values()):
        (folder / f"seed-{number:03}").write_bytes(data)
    run = TARGETS[target]
    limits = [f"-max_total_time={seconds}", "-timeout=10", "-rss_limit_mb=2048", "-max_len=65536"]
    reports = [f"-artifact_prefix={LEARNED.parent}/crash-{target}-", "-print_final_stats=1", "-verbosity=1"]
    atheris.Setup([sys.argv[0], *limits, *reports, str(folder)], lambda data: run(bytes(data)))
    atheris.Fuzz()


if __name__ == "__main__":
    main(*sys.argv[1:])
