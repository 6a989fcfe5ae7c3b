from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import tabular

from neo_compiler.frontends.xgboost.ubjson import decode


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b"{}", {}),
        (b"[]", []),
        (b"Z", None),
        (b"[TF]", [True, False]),
        (b"i\xff", -1),
        (b"L\x00\x00\x00\x00\x00\x00\x01\x00", 256),
        (b"d\x3f\x80\x00\x00", 1.0),
        (b"Si\x02hi", "hi"),
        (b"{i\x01aU\x07}", {"a": 7}),
        (b"{#i\x01i\x01aU\x07", {"a": 7}),
        (b"[#i\x02i\x01i\x02", [1, 2]),
        (b"[N[Ca]]", [["a"]]),
    ],
)
def test_values(data: bytes, value: Any) -> None:
    assert decode(data) == value


def test_typed_arrays() -> None:
    for marker, dtype in ((b"d", ">f4"), (b"l", ">i4"), (b"L", ">i8"), (b"U", "u1")):
        array = np.arange(3).astype(dtype)
        np.testing.assert_array_equal(decode(b"[$" + marker + b"#i\x03" + array.tobytes()), array)


@pytest.mark.parametrize("data", [b"", b"{", b"[$d#i\x7f", b"Si\x7fa", b"?", b"[" * 100, b"[$U#L" + b"\x7f" * 8])
def test_what_is_no_ubjson(data: bytes) -> None:
    with pytest.raises(ValueError, match="not UBJSON"):
        decode(data)


def test_xgboosts_two_forms_say_the_same(tmp_path: Path) -> None:
    xgb = pytest.importorskip("xgboost")
    data = tabular.table()
    booster = xgb.train({"max_depth": 3}, xgb.DMatrix(data, tabular.targets(data)["real"]), 2)
    for form in ("json", "ubj"):
        booster.save_model(tmp_path / f"m.{form}")
    left = json.loads((tmp_path / "m.json").read_text())
    right = decode((tmp_path / "m.ubj").read_bytes())
    assert left["learner"]["objective"] == right["learner"]["objective"]
    trees = [found["learner"]["gradient_booster"]["model"]["trees"] for found in (left, right)]
    for one, other in zip(*trees, strict=True):
        assert one.keys() == other.keys()
        np.testing.assert_allclose(one["split_conditions"], other["split_conditions"])
        np.testing.assert_array_equal(one["left_children"], other["left_children"])
