"""A worker like any other, but for the compiles that hostile.py makes misbehave."""

from chaos import faketime  # noqa: F401

from neo_workers.worker import compile_process, main

if __name__ == "__main__":
    compile_process.PRELOAD[:] = ["chaos.hostile"]
    main.main()
