"""PyTorch nets built as real ones are: image, text, audio and tabular; weights are random but fixed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

SEED = 0


def conv(before: int, after: int, size: int, stride: int = 1, groups: int = 1, act: Any = nn.ReLU) -> nn.Sequential:
    layers = nn.Conv2d(before, after, size, stride, size // 2, groups=groups, bias=False), nn.BatchNorm2d(after), act()
    return nn.Sequential(*layers)


class Residual(nn.Module):
    """ResNet's basic block."""

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.main = nn.Sequential(conv(before, after, 3, stride), conv(after, after, 3, act=nn.Identity))
        self.skip = nn.Identity() if before == after else conv(before, after, 1, stride, act=nn.Identity)

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(self.main(x) + self.skip(x))


class ResNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(conv(3, 16, 7, 2), nn.MaxPool2d(3, 2, 1))
        self.body = nn.Sequential(Residual(16, 16, 1), Residual(16, 32, 2))
        self.pool, self.head = nn.AdaptiveAvgPool2d((1, 1)), nn.Linear(32, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(torch.flatten(self.pool(self.body(self.stem(x))), 1))


class Inverted(nn.Module):
    """MobileNetV3's block: expand, depthwise, squeeze and excite, project."""

    def __init__(self, size: int, hidden: int) -> None:
        super().__init__()
        self.main = nn.Sequential(conv(size, hidden, 1, act=nn.Hardswish), conv(hidden, hidden, 3, 1, hidden, nn.ReLU6))
        gate = nn.Conv2d(hidden, 8, 1), nn.SiLU(), nn.Conv2d(8, hidden, 1), nn.Hardsigmoid()
        self.gate = nn.Sequential(nn.AdaptiveAvgPool2d(1), *gate)
        self.project = conv(hidden, size, 1, act=nn.Identity)

    def forward(self, x: Tensor) -> Tensor:
        y = self.main(x)
        return x + self.project(y * self.gate(y))


class MobileNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(conv(3, 16, 3, 2, act=nn.Hardswish), Inverted(16, 32), conv(16, 24, 3, 2))
        self.head = nn.Sequential(nn.Dropout(0.2), nn.Linear(24, 10))

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.body(x).mean([2, 3]))


class UNet(nn.Module):
    """Every way to grow an image again: transposed convolution, nearest and both bilinear resizes."""

    def __init__(self) -> None:
        super().__init__()
        self.down, self.deep, self.pool = conv(3, 8, 3), conv(8, 16, 3), nn.MaxPool2d(2)
        self.up, self.mix, self.out = nn.ConvTranspose2d(16, 8, 2, 2), conv(16, 8, 3), nn.Conv2d(11, 2, 1)
        self.corners = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True)
        self.centres = nn.Upsample(scale_factor=2, mode="bilinear")

    def forward(self, x: Tensor) -> Tensor:
        first = self.down(x)
        second = self.deep(self.pool(first))
        second = second + self.corners(self.pool(second))
        y = self.mix(torch.cat([self.up(second), first], 1))
        y = self.centres(self.pool(functional.interpolate(self.pool(y), scale_factor=2.0)))
        return torch.sigmoid(self.out(torch.cat([y, x], 1)))


class Yolo(nn.Module):
    """A detector's head: boxes from a grid and anchors."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 8, 3, 4, 1), nn.LeakyReLU(0.1), nn.Conv2d(8, 21, 1))
        self.register_buffer("anchors", torch.tensor([[10.0, 13], [16, 30], [33, 23]]).view(1, 3, 1, 1, 2))

    def forward(self, x: Tensor) -> Tensor:
        y = self.body(x)
        batch, _, height, width = y.shape
        y = y.view(batch, 3, 7, height, width).permute(0, 1, 3, 4, 2).contiguous().sigmoid()
        rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
        grid = torch.stack((columns, rows), 2).view(1, 1, height, width, 2).float()
        centres, sizes = (y[..., 0:2] * 2 - 0.5 + grid) * 4, (y[..., 2:4] * 2) ** 2 * self.anchors
        return torch.cat((centres, sizes, y[..., 4:]), -1).view(batch, -1, 7)


class Recurrent(nn.Module):
    """The last step of a recurrent layer, x[:, -1]: a negative index."""

    def __init__(self, kind: Any, **options: Any) -> None:
        super().__init__()
        self.layer = kind(8, 16, batch_first=True, **options)
        self.head = nn.Linear(32 if options.get("bidirectional") else 16, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.layer(x)[0][:, -1])


class TextLstm(nn.Module):
    """Token ids to a class."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.layer, self.head = nn.Embedding(100, 16), nn.LSTM(16, 16, batch_first=True), nn.Linear(16, 2)

    def forward(self, ids: Tensor) -> Tensor:
        return self.head(self.layer(self.words(ids))[1][0][-1])


class Encoder(nn.Module):
    """nn.TransformerEncoder, which a trace in evaluation mode holds as one fused operator."""

    def __init__(self, layers: int = 1, **options: Any) -> None:
        super().__init__()
        layer = nn.TransformerEncoderLayer(32, 4, 64, batch_first=True, **options)
        self.body, self.head = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False), nn.Linear(32, 5)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.body(x).mean(1))


class Attention(nn.Module):
    """nn.MultiheadAttention under a causal mask."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.MultiheadAttention(32, 4, batch_first=True)
        self.register_buffer("mask", torch.ones(7, 7).triu(1).bool())

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        result, weights = self.layer(x, x, x, attn_mask=self.mask)
        return result, weights


class Gpt(nn.Module):
    """One causal block over token ids, and the logits of the next token."""

    def __init__(self, words: int = 100, width: int = 32) -> None:
        super().__init__()
        self.words, self.norm = nn.Embedding(words, width), nn.LayerNorm(width)
        self.split, self.merge = nn.Linear(width, 3 * width), nn.Linear(width, width)
        hidden = nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width)
        self.wide, self.head = nn.Sequential(nn.LayerNorm(width), *hidden), nn.Linear(width, words, bias=False)

    def forward(self, ids: Tensor) -> Tensor:
        x = self.words(ids)
        batch, length, width = x.shape
        parts = self.split(self.norm(x)).chunk(3, -1)
        q, k, v = (part.view(batch, length, 4, width // 4).transpose(1, 2) for part in parts)
        y = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.merge(y.transpose(1, 2).reshape(batch, length, width))
        return self.head(x + self.wide(x))


class Vit(nn.Module):
    """Patches, a class token, one encoder layer."""

    def __init__(self) -> None:
        super().__init__()
        self.patches, self.encoder = nn.Conv2d(3, 32, 8, 8), Encoder(norm_first=True, activation="gelu")
        self.token, self.places = nn.Parameter(torch.randn(1, 1, 32)), nn.Parameter(torch.randn(1, 17, 32))

    def forward(self, x: Tensor) -> Tensor:
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(x.shape[0], -1, -1), x], 1) + self.places
        return self.encoder.head(self.encoder.body(x)[:, 0])


class Audio(nn.Module):
    """Convolutions over a waveform, then a recurrent layer."""

    def __init__(self) -> None:
        super().__init__()
        first = nn.Conv1d(1, 8, 9, 4, 4), nn.BatchNorm1d(8), nn.ReLU(), nn.MaxPool1d(2)
        self.body = nn.Sequential(*first, nn.Conv1d(8, 16, 5, 2, 2), nn.ELU(), nn.AdaptiveMaxPool1d(3))
        self.layer, self.head = nn.GRU(16, 8, batch_first=True), nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.layer(self.body(x).transpose(1, 2))[0][:, -1]).log_softmax(-1)


class Tabular(nn.Module):
    """Two inputs, outputs by name."""

    def __init__(self) -> None:
        super().__init__()
        self.numbers, self.flags = nn.Linear(4, 3), nn.Linear(6, 3)

    def forward(self, numbers: Tensor, flags: Tensor) -> dict[str, Tensor]:
        total = self.numbers(numbers) - self.flags(flags)
        return {"total": total, "sign": total.tanh()}


class Flow(nn.Module):
    """Branches and a loop, as only torch.jit.script keeps them."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        for index in range(3):
            if x.shape[0] > index:
                x = self.layer(x)
        if x.dim() == 2:
            x = x.unsqueeze(0)
        return x[..., :-1]


@dataclass(frozen=True)
class Net:
    """A net and the shapes of its inputs; `words` where these are token ids below it."""

    make: Callable[[], nn.Module]
    shapes: Sequence[tuple[int, ...]]
    words: int = 0

    def build(self) -> tuple[nn.Module, list[Tensor]]:
        """The net in evaluation mode, with statistics as after training, and its inputs."""
        torch.manual_seed(SEED)
        net = self.make()
        for module in net.modules():
            if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
                nn.init.uniform_(module.running_mean, -0.2, 0.2)
                nn.init.uniform_(module.running_var, 0.5, 1.5)
        inputs = [torch.randint(self.words, shape) if self.words else torch.randn(shape) for shape in self.shapes]
        return net.eval(), inputs


NETS = {
    "resnet": Net(ResNet, [(1, 3, 64, 64)]),
    "mobilenet": Net(MobileNet, [(1, 3, 64, 64)]),
    "unet": Net(UNet, [(1, 3, 32, 32)]),
    "yolo": Net(Yolo, [(1, 3, 32, 32)]),
    "lstm": Net(lambda: Recurrent(nn.LSTM), [(1, 3, 8)]),
    "bilstm": Net(lambda: Recurrent(nn.LSTM, bidirectional=True), [(1, 5, 8)]),
    "gru": Net(lambda: Recurrent(nn.GRU, num_layers=2), [(1, 5, 8)]),
    "rnn": Net(lambda: Recurrent(nn.RNN), [(1, 5, 8)]),
    "text_lstm": Net(TextLstm, [(1, 8)], words=100),
    "encoder": Net(Encoder, [(1, 7, 32)]),
    "encoder_gelu": Net(lambda: Encoder(2, norm_first=True, activation="gelu"), [(1, 7, 32)]),
    "attention": Net(Attention, [(1, 7, 32)]),
    "gpt": Net(Gpt, [(1, 16)], words=100),
    "vit": Net(Vit, [(1, 3, 32, 32)]),
    "audio": Net(Audio, [(1, 1, 400)]),
    "tabular": Net(Tabular, [(2, 4), (2, 6)]),
    "flow": Net(Flow, [(2, 4)]),
}
