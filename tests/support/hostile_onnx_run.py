"""Imports hostile ONNX models, one process per case.

python -m support.hostile_onnx_run FOLDER [CASE...]    a JSON line per case: case, outcome, text, bytes
"""

import json
import os
import resource
import sys
from pathlib import Path

import onnx
from support.hostile_onnx import CASES

LIMIT_SECONDS = 60
"""CPU time after which a case counts as one that never ends: the kernel kills it."""
ROOM_BYTES = 2 << 30
"""What a case may take beside what TVM has taken, as the engine's own limit would have it."""


def lay_out(case: str, folder: Path) -> list[Path]:
    """The case's files as an archive would leave them, and links that no archive could."""
    folder.mkdir(parents=True)
    for name, data in CASES[case]().items():
        (folder / name).write_bytes(data)
    (folder / "link.bin").symlink_to("/etc/passwd")
    (folder / "linked").symlink_to("/etc")
    return [path for path in sorted(folder.iterdir()) if path.is_file() and not path.is_symlink()]


def attempt(case: str, folder: Path) -> dict[str, str]:
    """What the importer makes of it."""
    from neo_compiler.errors import CompileError
    from neo_compiler.frontends.onnx.load import load

    try:
        load(lay_out(case, folder), None)
    except CompileError as error:
        return {"outcome": type(error).__name__, "text": error.reason}
    except BaseException as error:
        return {"outcome": "crash", "text": f"{type(error).__name__}: {error}"}
    return {"outcome": "loaded", "text": ""}


def in_its_own_process(case: str, folder: Path) -> dict[str, object]:
    ours = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.dup2(2, 1)  # TVM prints warnings
        resource.setrlimit(resource.RLIMIT_CPU, (LIMIT_SECONDS,) * 2)
        taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (taken + ROOM_BYTES,) * 2)
        os.write(writer, json.dumps(attempt(case, folder)).encode())
        os._exit(0)
    os.close(writer)
    answer = b"".join(iter(lambda: os.read(reader, 1 << 16), b""))
    os.close(reader)
    _, status, usage = os.wait4(pid, 0)
    result: dict[str, object] = {"outcome": f"status {os.waitstatus_to_exitcode(status)}", "text": ""}
    result.update(json.loads(answer) if answer else {})
    more = {"case": case, "bytes": max(0, usage.ru_maxrss - ours) << 10}
    return {**result, **more}


def main(root: Path, cases: list[str]) -> None:
    from neo_compiler.frontends.onnx import load as importer  # loads TVM once, before the forks

    assert importer.load and onnx.__version__
    os.chdir(root)
    for number, case in enumerate(cases):
        print(json.dumps(in_its_own_process(case, root / "a/b/c" / str(number))), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]).absolute(), sys.argv[2:] or list(CASES))
