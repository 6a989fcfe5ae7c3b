"""Small fitted models of XGBoost and scikit-learn, and what runs their imported form by TVM's VM."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

ROWS, COLUMNS = 120, 6


def run(imported: Any, data: Array) -> dict[str, Array]:
    """The outputs of an imported model by name."""
    import tvm
    from tvm import relax

    executable = tvm.compile(imported.module, target="llvm")
    result = relax.VirtualMachine(executable, tvm.cpu())["main"](tvm.runtime.tensor(data))
    tensors = [result] if len(imported.outputs) == 1 else list(result)
    return {item.name: tensor.numpy() for item, tensor in zip(imported.outputs, tensors, strict=True)}


def table(missing: float = 0.0, categories: int = 0) -> Array:
    """[ROWS, COLUMNS] float32 around 0; some values missing; columns 1 and 2 hold categories, if any."""
    generator = np.random.default_rng(0)
    data = generator.standard_normal((ROWS, COLUMNS)).astype("float32")
    if categories:
        data[:, 1] = generator.integers(0, categories, ROWS)
        data[:, 2] = generator.integers(0, 3, ROWS)
    data[generator.random(data.shape) < missing] = np.nan
    return data


def targets(data: Array) -> dict[str, Array]:
    """What the rows could be trained to predict, by kind."""
    known = np.nan_to_num(data)
    real = 2 * known[:, 0] + np.sin(known[:, 1])
    two = (known[:, 0] * known[:, 1] + known[:, 2] > 0).astype(int)
    return {
        "two": two,
        "three": np.digitize(known[:, 0], [-0.5, 0.5]),
        "sevens": 7 * np.digitize(known[:, 0], [-0.5, 0.5]) - 3,
        "text": np.array(["no", "yes"])[two],
        "real": real,
        "positive": np.abs(real) + 0.1,
        "part": two * 0.5 + 0.2,
        "both": np.stack([real, known[:, 2]], axis=1),
    }


def written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path
