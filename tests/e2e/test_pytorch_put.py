"""PyTorch models that write to parts of a tensor compute what PyTorch computes."""

from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from frameworks.compiled import error, run_compiled  # noqa: E402
from frameworks.torch_files import save, truth  # noqa: E402
from torch import Tensor, nn, tensor  # noqa: E402


class Puts(nn.Module):
    """Each kind of index that aten::index_put takes."""

    def forward(self, x: Tensor, v: Tensor) -> tuple[Tensor, ...]:
        """x [3, 4, 5], v [3, 4]."""
        rows, columns = tensor([0, 2, -1]), tensor([1, 4, 0])
        one, mid, apart, mask, outer, points = (x.clone() for _ in range(6))
        one[tensor([0, -1])] = 0.0
        mid[:, tensor([0, 2, 3])] = v[:, :3, None]
        apart[rows, :, columns] = v
        mask[x > 0] = 7.0
        outer[tensor([[0], [2]]), tensor([[1, 3]])] = v[:2, :1, None]
        points[rows, columns - 1, columns] = v[:, 0]
        added = x.index_put((rows,), v[:, :, None], accumulate=True)
        summed = x.index_add(1, tensor([0, 2, 0]), x[:, :3])
        return one, mid, apart, mask, outer, points, added, summed


@pytest.mark.parametrize("kind", ["trace", "export"])
def test_numbers_are_pytorchs(kind: str, tmp_path: Path) -> None:
    torch.manual_seed(3)
    inputs = [torch.randn(3, 4, 5), torch.randn(3, 4)]
    path = save(Puts(), inputs, kind, tmp_path)
    outputs = run_compiled("PYTORCH", path, [[3, 4, 5], [3, 4]], [item.numpy() for item in inputs], tmp_path / "job")
    assert error(outputs, truth(Puts(), inputs)) < 1e-6
