"""The process between a supervisor and its compiler: it does nothing but wait.

It adopts what the compiler's descendants leave behind, so that nothing can hide by forking twice or in a session of
its own, and ends all of them when the compiler has ended or the supervisor closes `orders` (or is gone).
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
from multiprocessing.connection import Connection
from pathlib import Path

from neo_workers.jobs import JobId, JsonObject
from neo_workers.sandbox import process_tree, task_limit
from neo_workers.settings import Settings
from neo_workers.worker import compile_child


def main(
    job_id: str,
    request: JsonObject,
    work_dir: str,
    settings: Settings,
    owner: str,
    orders: Connection,
    events: Connection,
    log: Connection,
) -> None:
    """Forks the compiler, and exits as it did: with its status, or by its signal."""
    os.setpgid(0, 0)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    process_tree.adopt()
    most_tasks = task_limit.most_tasks(settings.max_processes)
    task_limit.limit(most_tasks)
    their_go, go = os.pipe()
    ended, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake)
    compiler = os.fork()
    if compiler == 0:
        signal.set_wakeup_fd(-1)
        for end in (orders.fileno(), go, ended, wake):
            os.close(end)
        compile_child.confine(their_go, log, settings)
        line = compile_child.SupervisorLine(events, their_go)
        compile_child.run(JobId.parse(job_id), request, Path(work_dir), settings, owner, line)
        os._exit(0)  # no interpreter shutdown: nothing of it is of use, and native libraries may hang in it
    os.close(their_go)
    events.close()
    log.close()
    task_limit.confine(most_tasks, compiler)  # the kernel takes its time: the compiler fetches the model meanwhile
    with contextlib.suppress(OSError):
        os.write(go, compile_child.CONFINED)
    status = _await(compiler, orders.fileno(), go, ended)
    process_tree.bury()
    task_limit.leave()
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        with contextlib.suppress(OSError):  # SIGKILL has no handler to take away
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(max(code, 0))


def _await(compiler: int, orders: int, go: int, ended: int) -> int:
    """The compiler's wait status, once it has ended or the supervisor has let go of us and we have ended it."""
    while True:
        ready, _, _ = select.select([orders, ended], [], [])
        if orders in ready:
            if word := os.read(orders, 16):
                with contextlib.suppress(OSError):
                    os.write(go, word)
            else:
                process_tree.kill_below(os.getpid())
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(compiler, signal.SIGKILL)  # where there is no /proc
                return os.waitpid(compiler, 0)[1]
        if ended in ready:
            os.read(ended, 4096)
            while (found := os.waitpid(-1, os.WNOHANG)) != (0, 0):
                if found[0] == compiler:
                    return found[1]
