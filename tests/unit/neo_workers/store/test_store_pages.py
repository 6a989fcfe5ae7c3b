"""ListCompilationJobs' pages on a real Valkey: orders, filters, cursors, and the searches behind the scan limit."""

import random
from collections.abc import Iterator
from itertools import product

import pytest

from neo_workers.jobs import Job, JobId, JobStatus, Query, Scope, SortBy
from neo_workers.settings import Settings
from neo_workers.store.store import Store

SCOPE = Scope("123456789012", "us-east-1")


@pytest.fixture
def store(redis_url: str) -> Iterator[Store]:
    store = Store(Settings(redis_url=redis_url))
    yield store
    store._redis.close()


@pytest.fixture
def many(store: Store) -> list[str]:
    """30 jobs, some INPROGRESS, some COMPLETED; names do not sort like creation times."""
    names = [f"{'cab'[i % 3]}-{i:02d}" for i in range(30)]
    for i, name in enumerate(names):
        job_id = JobId(SCOPE, name)
        store.add(job_id, {}, {})
        if i % 3 and (claim := store.claim(job_id, "w")) and i % 3 == 2:
            store.finish(claim, JobStatus.COMPLETED)
    store.add(JobId(Scope("123456789012", "eu-west-1"), "elsewhere"), {}, {})
    return names


def walk(store: Store, query: Query, limit: int) -> list[str]:
    """Names over all pages."""
    names: list[str] = []
    after = None
    while True:
        page = store.page(SCOPE, Query(**{**vars(query), "limit": limit, "after": after}))
        names += [job.id.name for job in page.jobs]
        if not page.more:
            return names
        last = page.jobs[-1]
        after = (last.status.value, round(last.created.timestamp() * 1000), last.id.name)


@pytest.mark.parametrize("limit", [1, 7, 30, 100])
@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("sort_by", SortBy)
def test_pages_show_every_job_once_in_order(
    store: Store, many: list[str], sort_by: SortBy, descending: bool, limit: int
) -> None:
    jobs = [store.get(JobId(SCOPE, name)) for name in many]
    order = {
        SortBy.NAME: lambda job: job.id.name,
        SortBy.CREATION_TIME: lambda job: (job.created, job.id.name),
        SortBy.STATUS: lambda job: (job.status.value, job.created, job.id.name),
    }[sort_by]
    expected = [job.id.name for job in sorted(jobs, key=order, reverse=descending)]
    assert walk(store, Query(sort_by=sort_by, descending=descending), limit) == expected


@pytest.mark.parametrize("sort_by", SortBy)
def test_filters(store: Store, many: list[str], sort_by: SortBy) -> None:
    jobs = [store.get(JobId(SCOPE, name)) for name in many]
    middle = jobs[15].created
    cut = round(middle.timestamp() * 1000)

    def names(**filters: object) -> set[str]:
        return set(walk(store, Query(sort_by=sort_by, **filters), 4))  # type: ignore[arg-type]

    assert names(name_contains="a-") == {name for name in many if "a-" in name}
    assert names(status=JobStatus.COMPLETED) == {j.id.name for j in jobs if j.status is JobStatus.COMPLETED}
    assert names(created_after_ms=cut) == {j.id.name for j in jobs if j.created >= middle}
    assert names(created_before_ms=cut) == {j.id.name for j in jobs if j.created <= middle}
    assert names(modified_before_ms=0) == set()
    assert names(modified_after_ms=0, status=JobStatus.STARTING, name_contains="c") == set(many[::3])


def test_pages_stay_right_when_jobs_come_and_go(store: Store, many: list[str]) -> None:
    page = store.page(SCOPE, Query(sort_by=SortBy.NAME, limit=10))
    last = page.jobs[-1]
    claim = store.claim(last.id, "w")
    if claim is None:
        store._redis.hset(f"neo:job:{last.id}", "status", "COMPLETED")
        store._redis.zadd(f"neo:{SCOPE}:status:COMPLETED", {last.id.name: 1})
    else:
        store.finish(claim, JobStatus.FAILED, "x")
    store.delete(last.id)
    store.add(JobId(SCOPE, "a-00-new"), {}, {})
    store.add(JobId(SCOPE, "zz-new"), {}, {})
    after = (last.status.value, round(last.created.timestamp() * 1000), last.id.name)
    rest = store.page(SCOPE, Query(sort_by=SortBy.NAME, limit=100, after=after))
    assert [job.id.name for job in rest.jobs] == [*sorted(many)[10:], "zz-new"]


def test_a_rare_name_is_found_behind_the_scan_limit(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("neo_workers.store.store.SCAN_LIMIT", 7)
    for i in range(40):
        store.add(JobId(SCOPE, f"n{i:02d}"), {}, {})
    for sort_by in SortBy:
        assert [j.id.name for j in store.page(SCOPE, Query(sort_by=sort_by, name_contains="39")).jobs] == ["n39"]


def milliseconds(job: Job) -> int:
    return round(job.created.timestamp() * 1000)


ORDERS = {
    SortBy.NAME: lambda job: job.id.name.encode(),
    SortBy.CREATION_TIME: lambda job: (milliseconds(job), job.id.name.encode()),
    SortBy.STATUS: lambda job: (job.status.value, milliseconds(job), job.id.name.encode()),
}


def passes(job: Job, query: Query) -> bool:
    modified, created = round(job.modified.timestamp() * 1000), milliseconds(job)
    return (
        query.name_contains in job.id.name
        and query.status in (None, job.status)
        and (query.created_after_ms or 0) <= created <= (query.created_before_ms or 1 << 60)
        and (query.modified_after_ms or 0) <= modified <= (query.modified_before_ms or 1 << 60)
    )


@pytest.fixture
def crowd(store: Store) -> list[Job]:
    """150 jobs of all kinds of names and statuses, some deleted, some of these made again; modified over an hour."""
    chance = random.Random(7)
    names = sorted({f"{chance.choice(['A', 'a', 'B', 'b-'])}{chance.randrange(10**6):06}" for _ in range(150)})
    chance.shuffle(names)
    for number, name in enumerate(names):
        job_id = JobId(SCOPE, name)
        store.add(job_id, {}, {})
        if number % 3 == 0:
            continue
        claim = store.claim(job_id, "w")
        assert claim is not None
        if number % 3 == 1:
            store.finish(claim, chance.choice([JobStatus.COMPLETED, JobStatus.FAILED]), "x")
        if number % 12 == 1:
            store.delete(job_id)
        if number % 24 == 1:
            store.add(job_id, {}, {})
    for name in store._redis.zrange(f"neo:{SCOPE}:modified", 0, -1):
        moment = chance.randrange(3600) * 1000
        store._redis.hset(f"neo:job:{SCOPE}:{name}", "modified_ms", moment)
        store._redis.zadd(f"neo:{SCOPE}:modified", {name: moment})
    return [store.get(JobId(SCOPE, name)) for name in store._redis.zrange(f"neo:{SCOPE}:name", 0, -1)]


FILTERS: list[dict[str, object]] = [
    {"name_contains": "12"},
    {"name_contains": "no-such"},
    {"name_contains": "-", "status": JobStatus.COMPLETED},
    {"modified_after_ms": 3_000_000},
    {"modified_before_ms": 500_000, "name_contains": "a"},
    {"status": JobStatus.INPROGRESS, "modified_after_ms": 1_000_000, "modified_before_ms": 2_000_000},
]


@pytest.mark.parametrize("most", [0, 20, 5000], ids=lambda most: f"most{most}")
@pytest.mark.parametrize("filters", FILTERS, ids=lambda filters: "-".join(filters))
def test_searches_find_what_a_walk_finds(
    store: Store, crowd: list[Job], filters: dict[str, object], most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("neo_workers.store.store.SCAN_LIMIT", 5)
    monkeypatch.setattr("neo_workers.store.store.SEARCH_LIMIT", most)
    for sort_by, descending, limit in product(SortBy, (False, True), (3, 100)):
        query = Query(sort_by=sort_by, descending=descending, **filters)  # type: ignore[arg-type]
        expected = sorted((job for job in crowd if passes(job, query)), key=ORDERS[sort_by], reverse=descending)
        assert walk(store, query, limit) == [job.id.name for job in expected]


def test_stores_of_older_versions_are_searched_too(
    store: Store, crowd: list[Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("neo_workers.store.store.SCAN_LIMIT", 5)
    store._redis.delete(f"neo:{SCOPE}:names", f"neo:{SCOPE}:modified")
    store.add(JobId(SCOPE, "new"), {}, {})
    for query in (Query(name_contains="12"), Query(modified_after_ms=3_000_000)):
        expected = {job.id.name for job in crowd if passes(job, query)}
        assert set(walk(store, query, 100)) - {"new"} == expected


def test_names_of_deleted_jobs_do_not_pile_up(store: Store) -> None:
    store.add(JobId(SCOPE, "stays"), {}, {})
    gone = JobId(SCOPE, "x" * 63)
    for _ in range(100):
        store.add(gone, {}, {})
        claim = store.claim(gone, "w")
        assert claim is not None
        store.finish(claim, JobStatus.FAILED, "x")
        store.delete(gone)
    assert store._redis.strlen(f"neo:{SCOPE}:names") < 4500
    assert walk(store, Query(name_contains="stay"), 5) == ["stays"]
