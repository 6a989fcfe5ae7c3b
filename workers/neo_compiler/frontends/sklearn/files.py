"""Reads .joblib and .skops files without running what lies in them.

A pickle may name any function to be called. Ours gets scikit-learn's estimators and the data classes that they are made
of, NumPy's arrays and random states; every other name of scikit-learn and NumPy becomes an object that only knows its
name; anything else is refused. NEO_EMULATOR_UNSAFE_PICKLES=1 loads files as joblib itself does.
Source: joblib's numpy_pickle.py, whose arrays stand between the pickle's own bytes.
"""

from __future__ import annotations

import bz2
import gzip
import importlib
import io
import lzma
import pickle
import sys
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import joblib
from joblib.numpy_pickle import NumpyArrayWrapper, NumpyUnpickler
from sklearn.base import BaseEstimator

from neo_compiler.storage import zip_members

MAX_BYTES = 4 << 30
"""Largest unpacked file."""

_NUMPY_CORE = ("numpy.core", "numpy._core")  # before and since NumPy 2
ALLOWED = frozenset(
    {
        *(("builtins", name) for name in ("slice", "set", "frozenset", "bytearray", "complex", "range", "object")),
        *(("collections", name) for name in ("OrderedDict", "defaultdict")),
        ("copyreg", "_reconstructor"),
        *(("numpy", name) for name in ("dtype", "ndarray", "matrix")),
        *(("numpy", f"{kind}{bits}") for kind in ("int", "uint", "float") for bits in (8, 16, 32, 64)),
        *(("numpy", name) for name in ("bool", "bool_", "str_")),
        *((f"{core}.multiarray", name) for core in _NUMPY_CORE for name in ("_reconstruct", "scalar")),
        *((f"{core}.numeric", "_frombuffer") for core in _NUMPY_CORE),
        *(("numpy.random._pickle", f"__{kind}_ctor") for kind in ("bit_generator", "generator", "randomstate")),
        *(("numpy.random._mt19937", "MT19937"), ("numpy.random._pcg64", "PCG64")),
        *(("numpy.random.bit_generator", name) for name in ("SeedSequence", "__pyx_unpickle_SeedSequence")),
        *((f"scipy.sparse._{form}", f"{form}_{kind}") for form in ("csr", "csc") for kind in ("matrix", "array")),
    }
)
"""What a pickle may call besides scikit-learn's classes; none of it runs what it is given."""

DATA_MODULES = (
    "sklearn._loss.",
    "sklearn.ensemble._hist_gradient_boosting.",
    "sklearn.linear_model._sgd_fast",
    "sklearn.neural_network._stochastic_optimizers",
    "sklearn.tree._tree",
    "sklearn.utils._bunch",
)
"""Where scikit-learn has classes that are no estimators, but parts of them."""

INERT = ("sklearn.", "numpy")


class NotSafe(ValueError):  # noqa: N818 - caught by name
    """A file that names what is not to be run."""


class Named:
    """In the place of a function that a file names: says which, and cannot be called."""

    def __init__(self, module: str, name: str) -> None:
        self.module, self.__name__ = module, name


class Partial:
    """In the place of functools.partial: it holds what it is given, and cannot be called."""

    __name__ = "functools.partial"

    def __new__(cls, *_: Any) -> Partial:
        """Whatever a pickle calls it with."""
        return super().__new__(cls)

    def __setstate__(self, state: Any) -> None:
        self.state = state


def read(path: Path, unsafe: bool) -> Any:
    """The object in a .joblib or .skops file. Raises NotSafe, or whatever its reader raises."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        found = _read(path, unsafe)
    for text in sorted({str(item.message).partition(". This might")[0] for item in said}):
        sys.stdout.write(text + "\n")  # another version's file: into the job's log
    return found


def _read(path: Path, unsafe: bool) -> Any:
    if path.suffix.lower() == ".skops":
        return _skops(path)
    if unsafe:
        return joblib.load(path)
    with path.open("rb") as file:
        return _Unpickler("", _plain(file), False).load()


def _skops(path: Path) -> Any:
    import skops.io

    try:
        zip_members.members(path)
    except zip_members.AmbiguousZip as error:
        raise NotSafe(f"The file may be read in more than one way: {error}.") from error
    untrusted = skops.io.get_untrusted_types(file=path)
    try:
        return skops.io.load(path, trusted=[name for name in untrusted if name.startswith(DATA_MODULES)])
    except skops.io.exceptions.UntrustedTypesFoundException as error:
        raise NotSafe(f"The file holds types that are not trusted: {error}.") from error


class _Unpickler(NumpyUnpickler):  # type: ignore[misc]
    """joblib's, with the names it may find."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("joblib.numpy_pickle", "NumpyArrayWrapper"):
            return _Array
        if (module, name) in ALLOWED:
            return super().find_class(module, name)
        if (module, name) == ("functools", "partial"):
            return Partial
        found = _class(module, name) if name.isidentifier() and module.startswith("sklearn.") else None
        if found is not None:
            return found
        if module.startswith(INERT):
            return Named(module, name)
        raise NotSafe(
            f"The file names {module}.{name}, which may be anything. Set NEO_EMULATOR_UNSAFE_PICKLES=1 to run "
            "whatever such files say"
        )


class _Array(NumpyArrayWrapper):  # type: ignore[misc]
    """joblib's array, whose objects are read by the same rules: joblib itself takes plain pickle for them."""

    def read_array(self, unpickler: Any, *options: Any) -> Any:
        """The array at the place where `unpickler` is."""
        if self.dtype.hasobject:
            return _Unpickler("", unpickler.file_handle, False).load()
        return super().read_array(unpickler, *options)


def _class(module: str, name: str) -> Any:
    """scikit-learn's estimator or part of one; None for everything else there."""
    try:
        found = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise pickle.UnpicklingError(f"This scikit-learn has no {module}.{name}") from error
    if module.startswith(DATA_MODULES) and name.startswith("__pyx_unpickle_"):
        return found  # makes an instance of one of these classes
    if not isinstance(found, type) or not found.__module__.startswith("sklearn."):
        return None
    return found if issubclass(found, BaseEstimator) or module.startswith(DATA_MODULES) else None


_OPENERS: dict[bytes, Callable[[BinaryIO], Any]] = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ": lzma.LZMAFile,
    b"\x5d\x00": lzma.LZMAFile,
}
"""First bytes of joblib's compressions -> what unpacks them; zlib stands apart."""


def _plain(file: BinaryIO) -> io.BytesIO | BinaryIO:
    """`file` unpacked. Raises NotSafe when that is more than MAX_BYTES."""
    head = file.read(8)
    file.seek(0)
    if head[:1] == b"\x78":
        unpacker = zlib.decompressobj()
        data = unpacker.decompress(file.read(), MAX_BYTES)
        if unpacker.unconsumed_tail:
            raise NotSafe(f"The file unpacks to more than {MAX_BYTES} bytes")
        return io.BytesIO(data)
    for magic, opener in _OPENERS.items():
        if head.startswith(magic):
            data = opener(file).read(MAX_BYTES + 1)
            if len(data) > MAX_BYTES:
                raise NotSafe(f"The file unpacks to more than {MAX_BYTES} bytes")
            return io.BytesIO(data)
    return file
