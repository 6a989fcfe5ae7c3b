"""Random operators of PyTorch are refused by name, whatever way the model was saved."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from frameworks.torch_files import save  # noqa: E402
from torch import Tensor, nn  # noqa: E402
from torch.nn import functional  # noqa: E402

from neo_compiler.errors import InputConfigurationError  # noqa: E402
from neo_compiler.frontends.pytorch import load as pytorch_load  # noqa: E402
from neo_compiler.frontends.pytorch.rewrite import MIXING, Refused, refuse_random  # noqa: E402


class Net(nn.Module):
    """One function as a module."""

    def __init__(self, function: Callable[[Tensor], Any]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Any:
        return self.function(x)


def choose(x: Tensor) -> Tensor:
    return torch.cond(x.sum() > 0, lambda x: x + torch.rand(2, 3), lambda x: x - 1, (x,))


RANDOM: dict[str, Callable[[Tensor], Any]] = {
    "randn": lambda x: x + torch.randn(2, 3),
    "rand_like": lambda x: x * torch.rand_like(x),
    "randint": lambda x: x + torch.randint(0, 9, (2, 3)),
    "randperm": lambda x: x[:, torch.randperm(3)],
    "normal_": lambda x: x + torch.empty(2, 3).normal_(),
    "exponential_": lambda x: x + torch.empty(2, 3).exponential_(),
    "log_normal_": lambda x: x + torch.empty(2, 3).log_normal_(),
    "bernoulli": lambda x: torch.bernoulli(x.sigmoid()),
    "poisson": lambda x: torch.poisson(x.abs()),
    "multinomial": lambda x: torch.multinomial(x.abs() + 1, 2),
    "dropout in training": lambda x: functional.dropout(x, 0.5, True),
    "rrelu in training": lambda x: functional.rrelu(x, 0.1, 0.3, True),
    "attention with dropout": lambda x: functional.scaled_dot_product_attention(x, x, x, dropout_p=0.3),
}

FIXED: dict[str, Callable[[Tensor], Any]] = {
    "dropout in use": lambda x: functional.dropout(x, 0.5, False),
    "dropout of nothing": lambda x: functional.dropout(x, 0.0, True),
    "attention": lambda x: functional.scaled_dot_product_attention(x, x, x),
    "a sample that nobody reads": lambda x: (torch.rand(2, 3), x + 1)[1],
}


def load(function: Callable[[Tensor], Any], kind: str, folder: Path) -> Any:
    return pytorch_load.load([save(Net(function), [torch.ones(2, 3)], kind, folder)], None)


@pytest.mark.filterwarnings("ignore")  # the tracer's, on traces that differ
@pytest.mark.parametrize("kind", ["trace", "export"])
@pytest.mark.parametrize("name", RANDOM)
def test_random_numbers_are_refused(name: str, kind: str, tmp_path: Path) -> None:
    with pytest.raises(InputConfigurationError, match=r"aten\.\w+\.\w+ \(node \w+\) gives other numbers in every run"):
        load(RANDOM[name], kind, tmp_path)


def test_a_branch_is_looked_into(tmp_path: Path) -> None:
    with pytest.raises(InputConfigurationError, match=r"rand.* gives other numbers in every run"):
        load(choose, "export", tmp_path)


@pytest.mark.parametrize("kind", ["trace", "export"])
@pytest.mark.parametrize("name", FIXED)
def test_what_only_training_makes_random_is_taken(name: str, kind: str, tmp_path: Path) -> None:
    assert load(FIXED[name], kind, tmp_path).outputs[0].shape == (2, 3)


def tagged() -> list[Any]:
    """Every operator that torch itself calls random."""
    packets = [getattr(torch.ops.aten, name) for name in dir(torch.ops.aten)]
    packets = [packet for packet in packets if hasattr(packet, "overloads")]
    overloads = [getattr(packet, name) for packet in packets for name in packet.overloads()]
    return [item for item in overloads if torch.Tag.nondeterministic_seeded in item.tags]


def in_training(operator: Any) -> dict[str, Any]:
    """Arguments with which an operator is random."""
    needed = {item.name: 0.5 for item in operator._schema.arguments if not item.has_default_value()}
    switches = {"train": True, "training": True, "dropout_p": 0.5}
    known = {item.name for item in operator._schema.arguments}
    return needed | {name: value for name, value in switches.items() if name in known}


def test_every_random_operator_of_torch_is_known() -> None:
    operators = tagged()
    assert len(operators) > 100
    for operator in operators:
        graph = torch.fx.Graph()
        graph.output(graph.call_function(operator, (), in_training(operator)))
        with pytest.raises(Refused):
            refuse_random(graph)


def test_mixing_operators_are_torchs() -> None:
    assert {operator._schema.name.partition("::")[2] for operator in tagged()} >= MIXING
