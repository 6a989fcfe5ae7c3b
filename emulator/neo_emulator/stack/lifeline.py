"""Runs a command that must not outlive its parent: `python lifeline.py GRACE [--remove DIR] -- COMMAND...`

Standard input is a pipe from the parent. When it closes because the parent has ended, the command gets SIGTERM and,
after GRACE seconds, SIGKILL; then DIR is removed. Whenever the command ends, the rest of its process group is killed.
Standalone on purpose: it starts in 30 ms and imports no other module of this project.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading

PR_SET_PDEATHSIG = 1


def _in_the_child() -> None:
    os.setpgid(0, 0)  # Ctrl-C goes to the foreground process group, and only the parent shall handle it
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)  # in case this process itself is killed


def main(argv: list[str]) -> int:
    """The command's exit status; 128 + N if signal N ended it."""
    split = argv.index("--")
    options, command = argv[:split], argv[split + 1 :]
    grace_seconds = float(options[0])
    remove = options[options.index("--remove") + 1] if "--remove" in options else None
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    process: subprocess.Popen[bytes] | None = None
    stopped, orphaned = threading.Event(), threading.Event()

    def stop(*_: object) -> None:
        stopped.set()
        if process is not None and process.poll() is None:
            process.terminate()
            threading.Timer(grace_seconds, process.kill).start()

    signal.signal(signal.SIGTERM, stop)
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, preexec_fn=_in_the_child)
    if stopped.is_set():  # while the command was being started
        stop()

    def lifeline() -> None:
        with contextlib.suppress(OSError):
            while os.read(0, 64):
                pass
        orphaned.set()
        stop()

    threading.Thread(target=lifeline, daemon=True).start()
    code = process.wait()
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    if remove and orphaned.is_set():
        shutil.rmtree(remove, ignore_errors=True)
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    os._exit(main(sys.argv[1:]))
