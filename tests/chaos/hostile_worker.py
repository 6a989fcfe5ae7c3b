"""A worker like any other, but for the compiles that hostile.py makes misbehave."""

from chaos import faketime  # noqa: F401

from neo_workers import child, worker

if __name__ == "__main__":
    child.PRELOAD[:] = ["chaos.hostile"]
    worker.main()
