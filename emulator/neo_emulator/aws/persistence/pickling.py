"""Serializes moto's objects. Bodies, locks and the contents of buckets are left out.

Attributes are restored onto a new object of the class, so that those added by a newer moto get their defaults.
"""

from __future__ import annotations

import io
import pickle
import re
import threading
from functools import lru_cache, reduce
from importlib import import_module
from typing import Any

from moto.s3 import models as s3

from neo_emulator.aws.persistence.object_body import Body

_ROOTS = frozenset({"moto", "datetime", "collections", "requests", "werkzeug"})
_BUILTINS = frozenset({"set", "frozenset", "bytearray", "object", "dict", "list", "tuple", "complex"})
_KEY_PARTS = ("_value_buffer", "lock")
_BUCKET_PARTS = ("keys", "multiparts")
_TEMPLATES: dict[Any, dict[str, Any]] = {}


def dump(value: object) -> tuple[bytes, list[Body]]:
    """The serialized value, and the bodies of the keys in it. Raises what pickle raises."""
    out = io.BytesIO()
    pickler = _Pickler(out)
    pickler.dump(value)
    return out.getvalue(), pickler.bodies


def load(data: bytes) -> Any:
    """The inverse of `dump`. Raises pickle.UnpicklingError for classes other than moto's and plain data."""
    return _Unpickler(io.BytesIO(data)).load()


def remember_templates() -> None:
    """Records the attributes of a new key and a new bucket. Call it before any bucket exists."""
    key = s3.FakeKey("template", b"", "0" * 12, "us-east-1")
    _TEMPLATES[s3.FakeKey] = _without(key, _KEY_PARTS)
    bucket = s3.FakeBucket("template", "0" * 12, "us-east-1")
    s3.s3_backends.bucket_accounts.pop("template")
    _TEMPLATES[s3.FakeBucket] = _without(bucket, _BUCKET_PARTS)


def revive(cls: Any, state: dict[str, Any], body: tuple[str, int] | None = None) -> Any:
    """An object of `cls` with `state`. Stored pickles refer to this function: never change its name or arguments."""
    made = cls.__new__(cls)
    made.__dict__.update(_TEMPLATES.get(cls, {}))
    made.__dict__.update(state)
    if body is not None:
        made._value_buffer, made.lock = Body(name=body[0], size=body[1]), threading.Lock()
    return made


def _without(value: Any, parts: tuple[str, ...]) -> dict[str, Any]:
    return {name: part for name, part in value.__dict__.items() if name not in parts}


class _Pickler(pickle.Pickler):
    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file, protocol=5)
        self.bodies: list[Body] = []

    def reducer_override(self, obj: Any) -> Any:
        if type(obj) is s3.FakeKey:
            body: Body = obj._value_buffer
            if not obj.disposed:
                self.bodies.append(body)
            place = (body.name, 0 if obj.disposed else body.size)
            return revive, (s3.FakeKey, _without(obj, _KEY_PARTS), place)
        if type(obj) is s3.FakeBucket:
            return revive, (s3.FakeBucket, _without(obj, _BUCKET_PARTS))
        return NotImplemented


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        return _find(module, name)


def _member(holder: Any, name: str) -> Any:
    return getattr(holder, name, None)


@lru_cache(maxsize=1024)
def _find(module: str, name: str) -> Any:
    if (module, name) == (revive.__module__, revive.__name__):
        return revive
    if (module, name) == ("re", "_compile"):  # moto's event patterns hold compiled expressions
        return re.compile
    known = module.partition(".")[0] in _ROOTS or (module == "builtins" and name in _BUILTINS)
    found: object = reduce(_member, name.split("."), import_module(module)) if known else None
    # the class's own module counts: a dotted name could reach what a module of moto imports
    if isinstance(found, type) and found.__module__.partition(".")[0] in (_ROOTS | {"builtins"}):
        return found
    raise pickle.UnpicklingError(f"{module}.{name} is not allowed in a data folder")
