"""The log of a compilation has its own lines and no other's."""

import logging
import threading

from neo_compiler.job_log import LOGGER, written_to

log = logging.getLogger("neo_compiler.pipeline")


def test_lines_of_the_compiler_are_written_while_it_is_asked_for() -> None:
    lines: list[str] = []
    log.info("before")
    with written_to(lines.append):
        log.info("one")
        log.debug("too much")
        logging.getLogger("neo_workers").info("another package's")
        log.warning("two")
    log.info("after")
    assert lines == ["one", "two"]
    assert LOGGER.handlers == []


def test_two_compilations_in_one_process_have_a_log_each() -> None:
    both = threading.Barrier(2)
    lines: dict[str, list[str]] = {"a": [], "b": []}

    def compile_(name: str) -> None:
        with written_to(lines[name].append):
            both.wait()
            log.info("line of %s", name)
            both.wait()

    threads = [threading.Thread(target=compile_, args=(name,)) for name in lines]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert lines == {"a": ["line of a"], "b": ["line of b"]}
