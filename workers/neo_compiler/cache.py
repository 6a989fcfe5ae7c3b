"""A cache of artifacts by their inputs, so that equal jobs are compiled once.

    <cache folder>/ab/<key>/artifact.tar.gz, entry.json       one result, published by renaming a complete folder
                   /locks/abc                                 locks of compilations, shared by keys with this prefix
                   /new-*                                     results being written

The first of several equal jobs compiles, the others wait for its lock (flock). The kernel releases
a lock when its holder ends for any reason, so a stopped or killed job blocks nobody, and no lease is needed. Locks
only save time: where they do not work (some network file systems), both compile and the first result is kept.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import logging
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from functools import lru_cache
from importlib import metadata
from pathlib import Path

import neo_compiler
import neo_targets
from neo_compiler.artifact.bundle import digest
from neo_compiler.settings import CompilerSettings

log = logging.getLogger(__name__)
ARTIFACT, ENTRY = "artifact.tar.gz", "entry.json"
_KEY_BYTES = 32
_ABANDONED_SECONDS = 3600.0
"""An unfinished result older than this was left by a killed process."""


@dataclass(frozen=True)
class Entry:
    """The metadata of a cached artifact."""

    digest: str  # BLAKE2b of the artifact, 128 hex digits
    derived: str | None  # DerivedDataInputConfig


def key_of(model: Path, facts: object) -> str:
    """The key (64 hex digits) of a model archive and everything else that the result depends on, any JSON value."""
    parts = [digest(model), toolchain(), facts]
    text = json.dumps(parts, separators=(",", ":"))  # keeps the order: the order of inputs may matter
    return hashlib.blake2b(text.encode(), digest_size=_KEY_BYTES).hexdigest()


def key_with(key: str, facts: object) -> str:
    """The key that depends on `key` and on `facts`, any JSON value; `key` itself if `facts` is empty."""
    if not facts:
        return key
    return hashlib.blake2b(json.dumps([key, facts]).encode(), digest_size=_KEY_BYTES).hexdigest()


@lru_cache(maxsize=1)
def toolchain() -> str:
    """A digest of the installed software that results depend on: this project's sources and the packages' versions."""
    result = hashlib.blake2b(digest_size=_KEY_BYTES)
    for package in (neo_compiler, neo_targets):
        root = Path(str(package.__file__)).parent
        for path in sorted(root.rglob("*")):
            if path.is_file() and path.suffix != ".pyc":
                result.update(f"{path.relative_to(root)} {path.stat().st_size}\n".encode())
                result.update(path.read_bytes())
    result.update(repr(os.uname().machine).encode())
    versions = sorted({f"{item.name} {item.version}" for item in metadata.distributions()})
    result.update("\n".join(versions).encode())
    return result.hexdigest()


class Cache:
    """One folder of results with at most `max_bytes`; safe to use from several processes."""

    @classmethod
    def open(cls, settings: CompilerSettings) -> Cache | None:
        """The cache of the settings, None if it is off or its folder cannot be created."""
        folder = settings.cache_folder
        if not settings.cache or folder is None:
            return None
        try:
            return cls(folder, settings.cache_max_bytes)
        except OSError as error:
            log.info("the cache is off: %s", error)
            return None

    def __init__(self, root: Path, max_bytes: int) -> None:
        """Raises OSError if the folder cannot be created."""
        self.root, self.max_bytes = root, max_bytes
        (root / "locks").mkdir(parents=True, exist_ok=True, mode=0o700)

    def get(self, key: str, target: Path) -> Entry | None:
        """Puts the verified artifact of `key` at `target`. None if there is none; a damaged one is deleted."""
        folder = self._folder(key)
        try:
            entry = Entry(**json.loads((folder / ENTRY).read_text(encoding="utf-8")))
            _link(folder / ARTIFACT, target)
            if digest(target) == entry.digest:
                os.utime(folder)
                return entry
        except FileNotFoundError:
            if not folder.exists():
                return None
        except (ValueError, TypeError):
            pass
        target.unlink(missing_ok=True)
        self._remove(folder)
        return None

    def put(self, key: str, artifact: Path, entry: Entry) -> None:
        """Adds a result, unless the key exists. Raises OSError."""
        if artifact.stat().st_size > self.max_bytes:
            return
        folder = Path(tempfile.mkdtemp(prefix="new-", dir=self.root))
        try:
            _link(artifact, folder / ARTIFACT)
            (folder / ENTRY).write_text(json.dumps(asdict(entry)), encoding="utf-8")
            self._folder(key).parent.mkdir(exist_ok=True, mode=0o700)
            self._publish(folder, self._folder(key))
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        self._evict()

    @staticmethod
    def _publish(folder: Path, place: Path) -> None:
        """Renames the folder to its final name, unless that exists."""
        try:
            folder.rename(place)
        except OSError as error:
            if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
                raise

    @contextmanager
    def alone(self, key: str) -> Iterator[None]:
        """Holds the lock of `key`, so that no other process compiles it (where locks work)."""
        with ExitStack() as stack:
            with suppress(OSError):
                file = stack.enter_context((self.root / "locks" / key[:3]).open("wb"))
                fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _folder(self, key: str) -> Path:
        return self.root / key[:2] / key

    def _remove(self, folder: Path) -> None:
        """Deletes an entry atomically; files that are open stay readable."""
        gone = Path(tempfile.mkdtemp(prefix="new-", dir=self.root))
        with suppress(FileNotFoundError):
            folder.rename(gone / "old")
        shutil.rmtree(gone, ignore_errors=True)

    def _evict(self) -> None:
        entries = []
        for folder in self.root.glob("??/*"):
            with suppress(OSError):
                entries.append((folder.stat().st_mtime, (folder / ARTIFACT).stat().st_size, folder))
        total = sum(size for _, size, _ in entries)
        for _, size, folder in sorted(entries):
            if total <= self.max_bytes:
                break
            total -= size
            self._remove(folder)
        for folder in self.root.glob("new-*"):
            with suppress(OSError):
                if time.time() - folder.stat().st_mtime > _ABANDONED_SECONDS:
                    shutil.rmtree(folder, ignore_errors=True)


def through(cache: Cache, key: Callable[[], str], target: Path, make: Callable[[], Entry]) -> Entry:
    """The result of `key` with its artifact at `target`: from the cache, else from `make`; failures are not cached.

    `key` is called each time, since tuning by this job or others may change it. A failing cache is treated
    as empty. Raises what `make` raises.
    """
    if (found := _get(cache, key(), target)) is not None:
        return found
    with cache.alone(key()):
        if (found := _get(cache, key(), target)) is not None:  # finished between the lookup and the lock
            return found
        made = make()
        try:
            cache.put(key(), target, made)
        except OSError as error:
            log.info("cannot add the artifact to the cache: %s", error)
        return made


def _get(cache: Cache, key: str, target: Path) -> Entry | None:
    try:
        found = cache.get(key, target)
    except OSError as error:
        log.info("cannot read the cache: %s", error)
        return None
    if found is not None:
        log.info("cache hit %s", key)
    return found


def _link(source: Path, target: Path) -> None:
    """Creates a hard link, or a copy on another file system."""
    try:
        target.hardlink_to(source)
    except OSError as error:
        if error.errno not in (errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP):
            raise
        shutil.copyfile(source, target)
