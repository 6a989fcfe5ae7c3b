"""The table of faults and the tests that bring them about."""

import re
from pathlib import Path

from chaos.faults import TABLE

CHAOS = Path(__file__).parents[2] / "chaos"


def test_every_fault_has_its_test_and_every_test_its_fault() -> None:
    sources = "\n".join(path.read_text(encoding="utf-8") for path in CHAOS.glob("test_*.py"))
    tests = set(re.findall(r"^def (test_\w+)\(", sources, re.MULTILINE))
    named = {fault.test for fault in TABLE}
    assert named <= tests
    assert tests - named == {
        "test_two_hundred_jobs",
        "test_a_few_jobs_over_two_hosts",
        "test_overhead_of_one_job_at_a_time",
    }


def test_all_rows_of_the_plan_are_there() -> None:
    assert {fault.row for fault in TABLE} == set(range(1, 23))
