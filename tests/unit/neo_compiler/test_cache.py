import json
import multiprocessing
import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.waiting import hangs, takes, until

from neo_compiler import cache as module
from neo_compiler.artifact.bundle import digest
from neo_compiler.cache import Cache, Entry, through
from neo_compiler.compilation import Compilation, CompilationContext
from neo_compiler.job_log import written_to
from neo_workers.settings import Settings

KEY = "ab" * 32
OTHER = "cd" * 32


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache", 1 << 20)


def made(path: Path, content: bytes = b"artifact", derived: str | None = None) -> Entry:
    path.write_bytes(content)
    return Entry(digest(path), derived)


def entries(cache: Cache) -> list[str]:
    return sorted(path.name for path in cache.root.glob("??/*"))


def test_what_was_put_is_had(cache: Cache, tmp_path: Path) -> None:
    assert cache.get(KEY, tmp_path / "out") is None
    entry = made(tmp_path / "a", derived='{"x": [1]}')
    cache.put(KEY, tmp_path / "a", entry)
    (tmp_path / "a").unlink()
    assert cache.get(KEY, tmp_path / "out") == entry
    assert (tmp_path / "out").read_bytes() == b"artifact"
    cache.put(KEY, tmp_path / "out", entry)  # a second result of the same key is dropped
    assert entries(cache) == [KEY]
    assert list(cache.root.glob("new-*")) == []


@pytest.mark.parametrize("victim", ["artifact.tar.gz", "entry.json"])
@pytest.mark.parametrize("damage", [None, b"", b"damaged", b'{"digest": 1}'])
def test_damaged_entries_are_dropped(cache: Cache, tmp_path: Path, victim: str, damage: bytes | None) -> None:
    cache.put(KEY, tmp_path / "a", made(tmp_path / "a"))
    path = cache.root / "ab" / KEY / victim
    path.unlink()
    if damage is not None:
        path.write_bytes(damage)
    assert cache.get(KEY, tmp_path / "out") is None
    assert not (tmp_path / "out").exists()
    assert entries(cache) == []


def test_the_least_recently_used_goes_first(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache", 2500)
    for index, key in enumerate((KEY, OTHER)):
        cache.put(key, tmp_path / key, made(tmp_path / key, b"x" * 1000))
        os.utime(cache.root / key[:2] / key, (index, index))
    assert cache.get(KEY, tmp_path / "used")
    cache.put("ef" * 32, tmp_path / "c", made(tmp_path / "c", b"x" * 1000))
    assert entries(cache) == [KEY, "ef" * 32]


def test_what_is_larger_than_the_cache_is_not_kept(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache", 5)
    cache.put(KEY, tmp_path / "a", made(tmp_path / "a"))
    assert entries(cache) == []


def test_abandoned_results_are_swept(cache: Cache, tmp_path: Path) -> None:
    (cache.root / "new-old").mkdir()
    os.utime(cache.root / "new-old", (0, 0))
    (cache.root / "new-young").mkdir()
    cache.put(KEY, tmp_path / "a", made(tmp_path / "a"))
    assert [path.name for path in cache.root.glob("new-*")] == ["new-young"]


def test_a_failure_is_not_kept_and_a_full_cache_fails_no_job(cache: Cache, tmp_path: Path) -> None:
    def fail() -> Entry:
        raise ValueError("compile error")

    with pytest.raises(ValueError, match="compile error"):
        through(cache, lambda: KEY, tmp_path / "a", fail)
    assert entries(cache) == []
    (cache.root / "ab").write_text("in the way of the folder")
    said: list[str] = []
    with written_to(said.append):
        entry = through(cache, lambda: KEY, tmp_path / "b", lambda: made(tmp_path / "b"))
    assert entry.digest == digest(tmp_path / "b")
    assert any(line.startswith("cannot add the artifact to the cache: ") for line in said)


# between processes


def _one(root: Path, number: int, first_hangs: bool, answers: Any) -> None:
    def make() -> Entry:
        with (root / "makers").open("a") as file:
            file.write(f"{os.getpid()}\n")
        if first_hangs and _makers(root) == [os.getpid()]:
            hangs()
        takes(0.5)
        return made(root / f"out{number}")

    said: list[str] = []
    with written_to(said.append):
        through(Cache(root / "cache", 1 << 20), lambda: KEY, root / f"out{number}", make)
    answers.put((said, (root / f"out{number}").read_bytes()))


def _race(root: Path, first_hangs: bool = False) -> tuple[Any, list[Any]]:
    context = multiprocessing.get_context("forkserver")
    answers = context.Queue()
    processes = [context.Process(target=_one, args=(root, number, first_hangs, answers)) for number in range(8)]
    for process in processes:
        process.start()
    return answers, processes


def _makers(root: Path) -> list[int]:
    return [int(line) for line in (root / "makers").read_text().split()] if (root / "makers").exists() else []


def test_eight_at_once_make_one(tmp_path: Path) -> None:
    answers, processes = _race(tmp_path)
    got = [answers.get(timeout=120) for _ in processes]
    assert len(_makers(tmp_path)) == 1
    assert sorted(said for said, _ in got) == [[]] + [[f"cache hit {KEY}"]] * 7
    assert {content for _, content in got} == {b"artifact"}
    for process in processes:
        process.join()


def test_a_killed_maker_is_replaced(tmp_path: Path) -> None:
    answers, processes = _race(tmp_path, first_hangs=True)
    until(lambda: _makers(tmp_path))
    takes(0.3)  # others wait for it now
    os.kill(_makers(tmp_path)[0], signal.SIGKILL)
    got = [answers.get(timeout=120) for _ in range(7)]
    assert len(_makers(tmp_path)) == 2
    assert len([said for said, _ in got if said]) == 6
    for process in processes:
        process.join()


# the key

SOURCE = {"S3Uri": "s3://in/m.tar.gz", "Framework": "ONNX", "DataInputConfig": '{"a": [1], "b": [2]}'}
OUTPUT = {"S3OutputLocation": "s3://out/", "TargetDevice": "ml_c5"}


@pytest.fixture
def key(tmp_path: Path) -> Callable[..., str]:
    """The key of a request with changes, and of a model."""

    def make(model: bytes = b"model", **changes: str) -> str:
        (tmp_path / "model.tar.gz").write_bytes(model)
        source = {**SOURCE, **{k: v for k, v in changes.items() if k in (*SOURCE, "FrameworkVersion")}}
        output = {**OUTPUT, **{k: v for k, v in changes.items() if k not in source}}
        context = CompilationContext(tmp_path, "us-east-1", Settings(), lambda step: None, lambda: None)
        return Compilation.prepare({"InputConfig": source, "OutputConfig": output}, context).cache_key()

    return make


def test_what_shapes_the_result_shapes_the_key(key: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
    keys = [
        key(),
        key(b"another model"),
        key(DataInputConfig='{"a": [1], "b": [3]}'),
        key(DataInputConfig='{"b": [2], "a": [1]}'),  # some frameworks' inputs have only an order
        key(DataInputConfig='{"a": {"shape": [1], "type": "image"}, "b": [2]}'),
        key(TargetDevice="ml_m4"),
        key(CompilerOptions='{"mcpu": "skylake"}'),
        key(FrameworkVersion="1.8"),
    ]
    monkeypatch.setattr(module, "toolchain", lambda: "another compiler")
    keys.append(key())
    assert len(set(keys)) == len(keys)
    assert all(len(key) == 64 for key in keys)


def test_what_does_not_shape_it_does_not(key: Callable[..., str]) -> None:
    others = {
        "S3Uri": "s3://other/name.tar.gz",
        "S3OutputLocation": "s3://elsewhere/x",
        "KmsKeyId": "alias/k",
        "DataInputConfig": "{'a':[1],'b':(2,)}",
    }
    assert {key(**{name: value}) for name, value in others.items()} == {key()}


def test_odd_texts_have_a_key(key: Callable[..., str]) -> None:
    for text in (
        '{"a": {"shape": [1], "x": NaN}}',
        "{'a': {'shape': [1], 'x': {1}}}",
        "{'a': {'shape': [1], (1, 2): 3}}",
    ):
        assert len(key(DataInputConfig=text)) == 64
    assert key(CompilerOptions=" ")


def test_toolchain_hangs_on_the_sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    digests = set()
    for content in ("a = 1", "a = 2"):
        (tmp_path / "__init__.py").write_text(content)
        monkeypatch.setattr(module.neo_compiler, "__file__", str(tmp_path / "__init__.py"))
        module.toolchain.cache_clear()
        digests.add(module.toolchain())
    monkeypatch.undo()
    module.toolchain.cache_clear()
    assert len(digests | {module.toolchain()}) == 3


def test_an_entry_of_another_version_is_dropped(cache: Cache, tmp_path: Path) -> None:
    cache.put(KEY, tmp_path / "a", replace(made(tmp_path / "a")))
    (cache.root / "ab" / KEY / "entry.json").write_text(json.dumps({"digest": "0", "derived": None, "more": 1}))
    assert cache.get(KEY, tmp_path / "out") is None
