from pathlib import Path

import numpy as np
import pytest

from neo_compiler.artifact.params import PAD, write

ARRAYS = {
    "p0": np.arange(7, dtype="float32"),
    "p1": np.array(5, "int64"),
    "a name": np.ones((3, 5), "bool"),
    "p3": np.empty((0, 4), "uint8"),
    "half": np.arange(3, dtype="float16"),
    "turned": np.arange(6, dtype="int32").reshape(2, 3).T,
}


def test_tvm_reads_it(tmp_path: Path) -> None:
    import tvm

    write(ARRAYS, tmp_path / "p")
    loaded = tvm.runtime.load_param_dict_from_file(str(tmp_path / "p"))
    assert [name for name in loaded if not name.startswith(PAD)] == list(ARRAYS)
    for name, array in ARRAYS.items():
        assert str(loaded[name].dtype) == str(array.dtype)
        assert np.array_equal(loaded[name].numpy(), array)


def test_data_is_where_the_offsets_say(tmp_path: Path) -> None:
    offsets = write(ARRAYS, tmp_path / "p")
    data = (tmp_path / "p").read_bytes()
    for name, array in ARRAYS.items():
        assert offsets[name] % 64 == 0
        assert data[offsets[name] : offsets[name] + array.nbytes] == array.tobytes()


def test_unknown_type(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="complex64"):
        write({"x": np.zeros(1, "complex64")}, tmp_path / "p")
