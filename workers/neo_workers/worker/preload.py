"""Imported by the process that compilers fork from: imports everything that a compiler needs, and runs nothing.

Loading takes seconds, in which that process would not notice its worker's end; therefore a timer checks.
"""

import gc
import os
import signal

from neo_compiler import pipeline
from neo_workers.hosting import serving_process  # noqa: F401 - the other thing that is forked from here
from neo_workers.settings import get_settings
from neo_workers.worker import compile_process, courier  # noqa: F401 - where children begin

_LOOK_SECONDS = 0.2
_worker = os.getppid()


def _look(*_: object) -> None:
    if os.getppid() != _worker:
        os._exit(0)


signal.signal(signal.SIGALRM, _look)
signal.setitimer(signal.ITIMER_REAL, _LOOK_SECONDS, _LOOK_SECONDS)
pipeline.preload(get_settings())
gc.collect()
gc.freeze()  # the collector in children ignores these objects, so their memory pages stay shared
signal.setitimer(signal.ITIMER_REAL, 0)
signal.signal(signal.SIGALRM, signal.SIG_DFL)
