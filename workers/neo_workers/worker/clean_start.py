"""Imported first by the process that compiles fork from: starts it once more, with a clean environment.

What a process was started with stays in its memory, and in that of all it forks, whatever os.environ says later: the
worker's keys and addresses must not be there. multiprocessing has no way to start it with another environment.
"""

import os
import sys

from neo_workers.sandbox import confinement

clean = confinement.clean_environment()
if dict(os.environ) != clean:
    os.execve(sys.executable, sys.orig_argv, clean)
confinement.prepare()
