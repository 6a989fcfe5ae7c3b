"""The dashboard's addresses on a live server; the engine's side is walked by hand."""

import io
import re
import tarfile
from collections.abc import Callable
from html import unescape
from html.parser import HTMLParser
from typing import Any
from urllib.parse import quote

import pytest

from neo_compiler.artifact.bundle import Meta, TensorMeta, target_meta
from neo_emulator.control.dashboard import views
from neo_targets.registry import DEVICES
from neo_workers.jobs import JobId, JobResult, JobStatus, Scope
from neo_workers.settings import Settings
from neo_workers.store.job_streams import LineWriter
from neo_workers.store.store import Store

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'&{{7*7}}"
FOLDER = "/_neo/jobs/123456789012:us-east-1"
ALLOWED_SCRIPT = "/_neo/static/dashboard.js"


class Tags(HTMLParser):
    """What a browser would make of a page: tags with attributes, and the text between."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture
def hostile(store: Store, engine: Any) -> JobId:
    """A FAILED job, every text of which is an attack."""
    job_id = JobId(engine.scope, "hostile")
    request = {
        "InputConfig": {"S3Uri": f"s3://b/{HOSTILE}", "Framework": HOSTILE, "DataInputConfig": HOSTILE},
        "OutputConfig": {"S3OutputLocation": HOSTILE, "TargetDevice": HOSTILE, "CompilerOptions": HOSTILE},
        "RoleArn": HOSTILE,
    }
    store.add(job_id, request, {HOSTILE: HOSTILE})
    claim = engine.start("hostile")
    store.beat(claim, HOSTILE)
    lines = LineWriter(store, job_id)
    for text in ("attempt 1", "step: fetch", f"step: {HOSTILE}", HOSTILE, "\x1b[31m\x00"):
        lines.add(text)
    lines.flush()
    engine.finish(claim, JobStatus.FAILED, HOSTILE)
    return job_id


def test_hostile_texts_stay_texts(curl: Callable[..., Any], hostile: JobId) -> None:
    for path in ("/_neo/", f"{FOLDER}:hostile", "/_neo/?contains=%3Cscript%3E", f"/_neo/?status={'%3Cb%3E'}"):
        answer = curl("GET", path)
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        seen = Tags(answer.body)
        assert [attrs.get("src") for tag, attrs in seen.tags if tag == "script"] == [ALLOWED_SCRIPT]
        assert all(name != "style" and not name.startswith("on") for _, attrs in seen.tags for name in attrs)
        assert [attrs["src"] for tag, attrs in seen.tags if tag == "img"] == ["/_neo/static/icon.svg"]
    page = Tags(curl("GET", f"{FOLDER}:hostile").body)
    assert page.text.count(HOSTILE) >= 8
    assert curl("GET", f"{FOLDER}:hostile/log.txt").headers["content-type"].startswith("text/plain")


def test_pages_name_no_other_host(curl: Callable[..., Any], hostile: JobId) -> None:
    for path in ("/_neo/", f"{FOLDER}:hostile", "/_neo/targets", "/_neo/status"):
        answer = curl("GET", path)
        assert answer.status == 200
        places = [
            value for _, attrs in Tags(answer.body).tags for name, value in attrs.items() if name in ("src", "href")
        ]
        assert [place for place in places if not str(place).startswith(("/_neo/", "#"))] == []
    for name in ("dashboard.css", "dashboard.js", "icon.svg"):
        text = curl("GET", f"/_neo/static/{name}").body.decode()
        assert "//" not in text.replace("http://www.w3.org/2000/svg", "").replace("// ", "")


def test_jobs_of_all_scopes_newest_first(curl: Callable[..., Any], store: Store, engine: Any) -> None:
    for number, region in enumerate(("us-east-1", "eu-west-1", "us-east-1")):
        store.add(JobId(Scope("123456789012", region), f"job-{number}"), {"OutputConfig": {}}, {})
    rows = curl("GET", "/_neo/jobs.json").json["jobs"]
    assert [(row["name"], row["region"]) for row in rows] == [
        ("job-2", "us-east-1"),
        ("job-1", "eu-west-1"),
        ("job-0", "us-east-1"),
    ]
    engine.start("job-0")
    assert [row["name"] for row in curl("GET", "/_neo/jobs.json?status=INPROGRESS").json["jobs"]] == ["job-0"]
    assert [row["name"] for row in curl("GET", "/_neo/jobs.json?contains=b-1").json["jobs"]] == ["job-1"]


def test_older_jobs_are_on_further_pages(
    curl: Callable[..., Any], store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "MOST_JOBS", 2)
    for number in range(5):
        region = ("us-east-1", "eu-west-1")[number % 2]
        store.add(JobId(Scope("123456789012", region), f"job-{number}"), {"OutputConfig": {}}, {})
    pages, query = [], "?contains=job"
    while query:
        answer = curl("GET", f"/_neo/jobs.json{query}").json
        rows = answer["jobs"]
        pages.append([row["name"] for row in rows])
        html = curl("GET", f"/_neo/{query}").body.decode()
        assert all(name in html for name in pages[-1])
        older = re.search(r'href="/_neo/(\?[^"]*)" rel="next"', html)
        query = unescape(older[1]) if older else ""
        assert query.endswith(quote(answer["older"]))
    assert pages == [["job-4", "job-3"], ["job-2", "job-1"], ["job-0"]]
    assert curl("GET", "/_neo/jobs.json?before=nonsense").status == 400


def test_phases_and_log(curl: Callable[..., Any], store: Store, engine: Any, request_for: Any, sagemaker: Any) -> None:
    sagemaker.create_compilation_job(**request_for())
    assert curl("GET", f"{FOLDER}:job.json").json["phases"] == []
    claim = engine.start("job")
    lines = LineWriter(store, claim.id)
    for text in ("attempt 1", "step: fetch", "attempt 2", "step: fetch", "a line", "step: compile", "step: link"):
        lines.add(text)
    lines.flush()
    job = curl("GET", f"{FOLDER}:job.json").json
    assert [phase["name"] for phase in job["phases"]] == ["start", "fetch", "compile", "link"]
    assert job["description"]["CompilationJobName"] == "job"
    log = curl("GET", f"{FOLDER}:job/log.json?after=5").json
    assert ([text for _, text in log["lines"]], log["next"], log["ended"]) == (
        ["step: compile", "step: link"],
        7,
        False,
    )
    engine.finish(claim, JobStatus.FAILED, "ClientError: nothing")
    assert curl("GET", f"{FOLDER}:job/log.json?after=7").json["ended"] is True


def _meta(tensor: TensorMeta) -> str:
    return Meta("ONNX", "1", (tensor,), (), (), target_meta(DEVICES["ml_c5"], []), {}).to_json()


def test_an_artifact_can_be_looked_into_and_taken(
    curl: Callable[..., Any], store: Store, engine: Any, client: Any, sagemaker: Any, request_for: Any
) -> None:
    sagemaker.create_compilation_job(**request_for())
    assert curl("GET", f"{FOLDER}:job/artifact").status == 404
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        info = tarfile.TarInfo("compiled.meta")
        text = _meta(TensorMeta(HOSTILE, None, "float32")).encode()
        info.size = len(text)
        tar.addfile(info, io.BytesIO(text))
    client("s3").create_bucket(Bucket="models")
    client("s3").put_object(Bucket="models", Key="out.tar.gz", Body=buffer.getvalue())
    claim = engine.start("job")
    store.finish(claim, JobStatus.COMPLETED, None, JobResult("s3://models/out.tar.gz", "5" * 128))
    taken = curl("GET", f"{FOLDER}:job/artifact")
    assert (taken.status, taken.body) == (200, buffer.getvalue())
    assert taken.headers["content-disposition"].startswith("attachment")
    page = Tags(curl("GET", f"{FOLDER}:job").body)
    assert "compiled.meta" in page.text
    assert HOSTILE in page.text


def test_what_is_not_there(curl: Callable[..., Any]) -> None:
    for path, status in (
        (f"{FOLDER}:nobody", 404),
        (f"{FOLDER}:nobody.json", 404),
        (f"{FOLDER}:nobody/log.json", 404),
        ("/_neo/jobs.json?status=odd", 400),
        ("/_neo/static/x.css", 404),
        ("/_neo/static/..%2fpages.py", 404),
        ("/_neo", 302),
    ):
        assert curl("GET", path).status == status, path
    assert curl("POST", "/_neo/", b"").status == 404
    assert curl("HEAD", "/_neo/").status == 200


def test_artifacts_are_not_given_to_those_who_do_not_sign(redis_url: str) -> None:
    from support.live import serving

    from neo_emulator.gateway.app import create_app

    store = Store(Settings(redis_url=redis_url, auth="sigv4", access_keys="a:b"))
    job_id = JobId(Scope("123456789012", "us-east-1"), "job")
    store.add(job_id, {"OutputConfig": {"S3OutputLocation": "s3://b"}, "InputConfig": {}}, {})
    claim = store.claim(job_id, "w")
    assert claim is not None
    store.finish(claim, JobStatus.COMPLETED, None, JobResult("s3://b/k", "5" * 128))
    import urllib.error
    import urllib.request

    with serving(create_app(store.settings, store, lambda _: None)) as url:
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(f"{url}{FOLDER}:job/artifact", timeout=60)
        refused.value.close()
    assert refused.value.code == 403
