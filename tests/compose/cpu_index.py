"""PyTorch's builds for CPUs as an index for pip, from what this machine's pip is set up to find."""

import contextlib
import functools
import http.server
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

PORT = 14578
"""Always the same: it is part of what the builder keeps layers by."""
VERSION = "2.13.0"


class Handler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@contextlib.contextmanager
def cpu_index(folder: Path) -> Iterator[str | None]:
    """The index's URL: $PYTORCH_CPU_INDEX, else one of its own on this machine; None where there is no such build."""
    if given := os.environ.get("PYTORCH_CPU_INDEX"):
        yield given
        return
    wheels = folder / "torch"
    # no index: pip's --find-links alone, so that never gigabytes of CUDA are fetched
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-index", "--dest", str(wheels)]
    subprocess.run([*command, f"torch=={VERSION}"], capture_output=True, timeout=300)
    if not list(wheels.glob("torch-*+cpu-*.whl")):
        yield None
        return
    with http.server.ThreadingHTTPServer(("127.0.0.1", PORT), functools.partial(Handler, directory=folder)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{PORT}"
        server.shutdown()
