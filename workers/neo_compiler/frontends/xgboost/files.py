"""The forms that XGBoost models are saved in: JSON, UBJSON, the binary form before 2.0's end, and pickled Boosters.

Nothing of a pickle is run: the two classes it may name stand in for XGBoost's own. XGBoost itself is not needed.
Source: xgboost's docs "Introduction to Model IO", src/learner.cc for the binary form.
"""

from __future__ import annotations

import io
import json
import pickle
import struct
from dataclasses import dataclass
from typing import Any

from neo_compiler.frontends.xgboost import ubjson

JSON, UBJSON, BINARY = "json", "ubjson", "binary"

_OLD_MAGIC = b"binf"
_OLD_PARAMETERS = struct.Struct("<fIiiiII108x")
"""base_score, num_feature, num_class, contain_extra_attrs, contain_eval_metrics, major, minor, then room."""

_OLD_PICKLE = b"CONFIG-offset:"
"""What the binary form in a pickle begins with; the place of its configuration follows, which ends the model."""


class NotXGBoost(ValueError):  # noqa: N818 - caught by name
    """No model that XGBoost saved; the text says why."""


@dataclass(frozen=True)
class Saved:
    """A model's bytes in one of the three forms, and what treelite does not tell of it."""

    form: str
    data: bytes
    objective: str
    version: str  # of the XGBoost that saved it
    document: dict[str, Any]  # the model as JSON has it; empty for the binary form
    pickled: bool = False  # the bytes are those of a Booster's state: a configuration beside the model

    @property
    def booster(self) -> str:
        """gbtree, dart or gblinear; "" when the form does not say."""
        return str(self.document.get("learner", {}).get("gradient_booster", {}).get("name", ""))


def read(data: bytes) -> Saved:
    """The model in a file. Raises NotXGBoost."""
    if data[:1] == b"\x80":
        data = _unpickled(data)
    if data[:1] != b"{":
        return _binary(data)
    form = JSON if data[1:2] in b'" \t\r\n}' else UBJSON
    try:
        document = json.loads(data) if form == JSON else ubjson.decode(data)
        model = document.get("Model", document)  # a pickle's holds Config beside it
        objective = model["learner"]["objective"]["name"]
        version = ".".join(str(int(part)) for part in model.get("version", ()))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise NotXGBoost(f"It is no XGBoost model in {form.upper()}: {type(error).__name__}: {error}.") from error
    return Saved(form, data, str(objective), version, model, pickled=model is not document)


def _binary(data: bytes) -> Saved:
    start = len(_OLD_MAGIC) if data.startswith(_OLD_MAGIC) else 0
    try:
        *_, major, minor = _OLD_PARAMETERS.unpack_from(data, start)
        (length,) = struct.unpack_from("<Q", data, start + _OLD_PARAMETERS.size)
        name = data[start + _OLD_PARAMETERS.size + 8 :][: min(length, 64)].decode("ascii")
    except (struct.error, UnicodeDecodeError) as error:
        raise NotXGBoost("Its bytes are those of no form that XGBoost saves.") from error
    if ":" not in name:
        raise NotXGBoost("Its bytes are those of no form that XGBoost saves.")
    return Saved(BINARY, data, name, f"{major}.{minor}" if major else "", {})


class _Booster:
    """In the place of xgboost.Booster and of the classes that have one, when a pickle is read."""

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)


class _Unpickler(pickle.Unpickler):
    """Knows the names that XGBoost's pickles have, none of which does anything."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in {("builtins", "bytearray"), ("builtins", "object"), ("copyreg", "_reconstructor")}:
            return super().find_class(module, name)
        if module in ("xgboost.core", "xgboost.sklearn") and name.isidentifier():
            return _Booster
        raise NotXGBoost(f"Its pickle names {module}.{name}, which no XGBoost model needs.")


def _unpickled(data: bytes) -> bytes:
    """The model inside a pickled Booster or XGBModel."""
    try:
        found = _Unpickler(io.BytesIO(data)).load()
        found = getattr(found, "_Booster", found)
        handle = bytes(found.handle)
    except NotXGBoost:
        raise
    except Exception as error:  # a pickle can fail in any way
        raise NotXGBoost(f"It is no pickled XGBoost model: {type(error).__name__}: {error}.") from error
    if handle.startswith(_OLD_PICKLE):
        start = len(_OLD_PICKLE)
        (end,) = struct.unpack_from("<q", handle.ljust(start + 8, b"\0"), start)
        return handle[start + 8 : end]
    return handle
