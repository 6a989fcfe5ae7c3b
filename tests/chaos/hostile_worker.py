"""A worker like any other, but for the compiles that hostile.py makes misbehave."""

from neo_workers import child, worker

if __name__ == "__main__":
    child.PRELOAD[:] = ["chaos.hostile"]
    worker.main()
