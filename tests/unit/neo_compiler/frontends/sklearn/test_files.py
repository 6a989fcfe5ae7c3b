"""Files that run what they like do not get to; those of estimators are read in every form."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import tabular

joblib = pytest.importorskip("joblib")
ensemble = pytest.importorskip("sklearn.ensemble")
from neo_compiler.frontends.sklearn.files import Named, NotSafe, read  # noqa: E402


class Evil:
    """A pickle that makes a folder when it is read."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.path),)


def dumped(value: Any, path: Path, **options: Any) -> Path:
    joblib.dump(value, path, **options)
    return path


@pytest.mark.parametrize("place", [lambda evil: evil, lambda evil: np.array([evil, None], dtype=object)])
def test_nothing_in_a_file_is_run(place: Any, tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    path = dumped(place(Evil(mark)), tmp_path / "m.joblib")
    with pytest.raises(NotSafe, match=r"names (posix|nt)\.mkdir, which may be anything. Set NEO_EMULATOR_UNSAFE_PICK"):
        read(path, unsafe=False)
    assert not mark.exists()
    read(path, unsafe=True)
    assert mark.exists()


@pytest.mark.parametrize(
    "name",
    ["sklearn.datasets._base\nos", "numpy\nload", "numpy.testing._private.utils\nrunstring", "sklearn.base\nclone"],
)
def test_functions_of_known_packages_are_only_names(name: str, tmp_path: Path) -> None:
    path = tabular.written(tmp_path / "m.joblib", b"\x80\x04c" + name.encode() + b"\n.")
    assert isinstance(read(path, unsafe=False), Named)
    called = tabular.written(tmp_path / "c.joblib", b"\x80\x04c" + name.encode() + b"\n)R.")
    with pytest.raises(TypeError, match="not callable"):
        read(called, unsafe=False)


def test_a_name_with_dots_leads_nowhere(tmp_path: Path) -> None:
    path = tabular.written(tmp_path / "m.joblib", b"\x80\x04\x8c\x0csklearn.base\x8c\x09os.system\x93.")
    assert isinstance(read(path, unsafe=False), Named)


def test_what_this_scikit_learn_lacks_is_said(tmp_path: Path) -> None:
    path = tabular.written(tmp_path / "m.joblib", b"\x80\x04csklearn.base\nNoSuchThing\n.")
    with pytest.raises(pickle.UnpicklingError, match=r"no sklearn\.base\.NoSuchThing"):
        read(path, unsafe=False)


@pytest.mark.parametrize("compress", [0, 3, ("gzip", 3), ("bz2", 3), ("xz", 3), ("lzma", 3)])
def test_every_compression(compress: Any, tmp_path: Path) -> None:
    data = tabular.table()
    forest = ensemble.RandomForestRegressor(2, random_state=0).fit(data, tabular.targets(data)["real"])
    found = read(dumped(forest, tmp_path / "m.joblib", compress=compress), unsafe=False)
    np.testing.assert_array_equal(found.predict(data), forest.predict(data))


def test_skops(tmp_path: Path) -> None:
    skops = pytest.importorskip("skops.io")
    data = tabular.table()
    forest = ensemble.RandomForestRegressor(2, random_state=0).fit(data, tabular.targets(data)["real"])
    skops.dump(forest, tmp_path / "m.skops")
    np.testing.assert_array_equal(read(tmp_path / "m.skops", unsafe=False).predict(data), forest.predict(data))
    skops.dump(Evil(tmp_path), tmp_path / "evil.skops")
    with pytest.raises(NotSafe, match="types that are not trusted"):
        read(tmp_path / "evil.skops", unsafe=False)
