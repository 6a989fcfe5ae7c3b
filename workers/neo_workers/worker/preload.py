"""Imported by the process that compile children fork from: everything a child needs is loaded here, nothing is run.

Loading takes seconds, and only afterwards does that process notice that its worker is gone; until then a timer looks.
"""

import gc
import os
import signal

from neo_compiler import pipeline
from neo_workers.settings import get_settings
from neo_workers.worker import compile_process  # noqa: F401 - where a child begins

_LOOK_SECONDS = 0.2
_worker = os.getppid()


def _look(*_: object) -> None:
    if os.getppid() != _worker:
        os._exit(0)


signal.signal(signal.SIGALRM, _look)
signal.setitimer(signal.ITIMER_REAL, _LOOK_SECONDS, _LOOK_SECONDS)
pipeline.preload(get_settings())
gc.collect()
gc.freeze()  # children leave these objects alone, and the pages that they lie on shared
signal.setitimer(signal.ITIMER_REAL, 0)
signal.signal(signal.SIGALRM, signal.SIG_DFL)
