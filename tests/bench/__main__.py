"""`make bench`: runs every benchmark in BENCHMARKS and prints one table each. Timings are ratios within one run."""

from collections.abc import Callable

from tests.bench import api, durability, runtime

BENCHMARKS: dict[str, Callable[[], None]] = {
    "api": api.main,
    "durability": durability.main,
    "runtime: libdlr and TVM's VM": runtime.compare,
}
"""Benchmarks by name; the later issues on speed add theirs here."""


def main() -> None:
    """Runs all of them, or says that there is none."""
    if not BENCHMARKS:
        print("no benchmarks yet")
    for name, run in BENCHMARKS.items():
        print(f"== {name}")
        run()


if __name__ == "__main__":
    main()
