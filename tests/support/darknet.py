"""Small Darknet networks and what OpenCV makes of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Net:
    """A network: its sections in short, "kind key=value key=value"."""

    lines: tuple[str, ...]
    shape: tuple[int, int, int, int]  # [N, C, H, W]
    weights: tuple[tuple[int, int, bool], ...]  # (filters, weights of a filter, batch norm) of each layer that has some

    @property
    def cfg(self) -> str:
        """The text of its .cfg."""
        _, channels, height, width = self.shape
        lines = (f"net channels={channels} height={height} width={width}", *self.lines)
        return "\n".join("[{}]\n{}\n".format(words[0], "\n".join(words[1:])) for words in map(str.split, lines))

    def files(self) -> dict[str, bytes]:
        """Both files, the weights random."""
        numbers = np.concatenate([_layer(*layer) for layer in self.weights]).astype("<f4")
        header = np.array([0, 2, 0], "<i4").tobytes() + np.array([0], "<i8").tobytes()
        return {"model.cfg": self.cfg.encode(), "model.weights": header + numbers.tobytes()}


def _layer(filters: int, size: int, normal: bool) -> npt.NDArray[np.float64]:
    random = np.random.default_rng(filters * 1000 + size)
    norm = [1 + 0.1 * random.normal(size=filters), 0.1 * random.normal(size=filters), 0.5 + random.random(filters)]
    weights = random.normal(size=filters * size) / size**0.5
    return np.concatenate([0.1 * random.normal(size=filters), *(norm if normal else []), weights])


ANCHORS = "anchors=10,14,23,27,37,58,81,82,135,169,344,319 num=6 classes=2 thresh=0"
TINY_YOLO = Net(
    (
        "convolutional batch_normalize=1 filters=8 size=3 stride=2 pad=1 activation=leaky",
        "convolutional batch_normalize=1 filters=16 size=3 stride=1 pad=1 activation=mish",
        "route layers=-1 groups=2 group_id=1",
        "convolutional batch_normalize=1 filters=8 size=3 stride=1 pad=1 activation=leaky",
        "route layers=-1,-3",
        "maxpool size=2 stride=2",
        "convolutional batch_normalize=1 filters=16 size=1 stride=1 activation=swish",
        "convolutional batch_normalize=1 filters=16 size=3 stride=1 pad=1 activation=leaky",
        "shortcut from=-2 activation=linear",
        "convolutional filters=21 size=1 activation=linear",
        f"yolo mask=3,4,5 scale_x_y=1.05 {ANCHORS}",
        "route layers=-3",
        "upsample stride=2",
        "route layers=-1,4",
        "convolutional filters=21 size=1 activation=linear",
        f"yolo mask=0,1,2 {ANCHORS}",
    ),
    (1, 3, 64, 64),
    ((8, 27, True), (16, 72, True), (8, 72, True), (16, 24, True), (16, 144, True), (21, 16, False), (21, 40, False)),
)
# OpenCV suppresses overlapping boxes of a region layer: these are crosses of thin ones
YOLO_V2 = Net(
    (
        "convolutional batch_normalize=1 filters=8 size=3 stride=2 pad=1 activation=leaky",
        "maxpool size=2 stride=2",
        "route layers=-2",
        "reorg stride=2",
        "route layers=-1,-3",
        "convolutional filters=14 size=1 activation=linear",
        "region anchors=0.02,0.3,0.3,0.02 classes=2 num=2 softmax=1 thresh=0",
    ),
    (1, 3, 32, 48),
    ((8, 27, True), (14, 40, False)),
)
CLASSIFIER = Net(
    (
        "convolutional batch_normalize=1 filters=8 size=3 stride=1 pad=1 activation=leaky",
        "maxpool size=2 stride=1",
        "convolutional filters=12 size=3 stride=2 groups=4 pad=1 activation=relu",
        "avgpool",
        "connected output=10 activation=linear",
        "softmax",
    ),
    (1, 3, 32, 32),
    ((8, 27, True), (12, 18, False), (10, 12, False)),
)
NETS = {"tiny yolo": TINY_YOLO, "yolo v2": YOLO_V2, "classifier": CLASSIFIER}


def opencv(cfg: Path, weights: Path, data: Array) -> list[Array]:
    """What OpenCV computes for one image, its boxes turned back into what Darknet's own layers give."""
    import cv2

    net = cv2.dnn.readNetFromDarknet(str(cfg), str(weights))
    net.setInput(data)
    names = net.getUnconnectedOutLayersNames()
    results = net.forward(list(names))
    sections = [text for text in cfg.read_text().split("[")[1:] if text.startswith(("yolo", "region"))]
    if not sections:
        return [np.asarray(results[0])]
    kept = [name for name in net.getLayerNames() if name.startswith("permute")]
    grids = [net.forward(name).shape[1:3] for name in kept]
    return [_undecoded(*item, data.shape) for item in zip(results, sections, grids, strict=True)]


def _undecoded(boxes: Array, section: str, grid: tuple[int, int], image: tuple[int, ...]) -> Array:
    """[N, anchors * (5 + classes), H, W] of OpenCV's rows x, y, width, height, objectness, objectness * classes."""
    values = dict(line.split("=") for line in section.splitlines() if "=" in line)
    anchors = np.array(values["anchors"].split(","), "f4").reshape(-1, 2)
    if "mask" in values:
        anchors = anchors[np.array(values["mask"].split(","), int)] / (image[3], image[2])
    else:
        anchors = anchors / (grid[1], grid[0])
    rows = boxes.reshape(*grid, len(anchors), -1).astype("f8")
    down, right = np.meshgrid(np.arange(grid[0]), np.arange(grid[1]), indexing="ij")
    rows[..., 0] = rows[..., 0] * grid[1] - right[..., None]
    rows[..., 1] = rows[..., 1] * grid[0] - down[..., None]
    rows[..., 2:4] = np.log(rows[..., 2:4] / anchors)
    rows[..., 5:] /= rows[..., 4:5]
    return rows.transpose(2, 3, 0, 1).reshape(1, -1, *grid).astype("f4")
