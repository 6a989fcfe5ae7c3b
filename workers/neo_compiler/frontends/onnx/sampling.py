"""Where the elements of a resized axis come from, in numbers of float32 as ONNX Runtime has them.

Source: ONNX operators, Resize; ONNX Runtime's upsamplebase.h for the rounding; topi/image/resize.py for TVM's.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neo_compiler.frontends.base import Array

CLOSE = 1e-5
"""Places that far from each other, in parts of an axis, give the same numbers."""

TIE = 1e-6
"""ONNX Runtime rounds what is that near to a half as if it were one (found by trying: 9.5e-7 is, 1.01e-6 is not)."""

TVM_CUT = 1e-5
"""TVM takes no notice of so little before it cuts a fraction off."""

TVM_KNOWS = ("half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric")


@dataclass(frozen=True)
class Sampling:
    """How an axis of `size` elements becomes one of `result`; `scale` is as given, not result / size."""

    size: int
    result: int
    scale: float
    mode: str = "nearest"
    counting: str = "half_pixel"  # coordinate_transformation_mode
    rounding: str = "round_prefer_floor"  # nearest_mode
    cubic: float = -0.75
    exclude_outside: bool = False
    box: tuple[float, float] = (0.0, 1.0)  # of tf_crop_and_resize

    def changes(self) -> bool:
        """Whether the axis is resized at all."""
        return self.scale != 1 or self.result != self.size or self.box != (0, 1)

    def disputed(self) -> bool:
        """Whether a place is whole but for float32's last digits, which ONNX Runtime has otherwise than ONNX' text."""
        if (self.counting, self.mode) != ("half_pixel_symmetric", "nearest") or self.rounding not in ("floor", "ceil"):
            return False
        places = self._places(self.scale).astype("float64")
        return bool((np.abs(places - np.round(places)) <= TIE).any())

    def outside(self) -> Array:
        """[result] whether a place lies beyond the axis."""
        places = self._places(self.scale)
        made: Array = (places < 0) | (places > self.size - 1)
        return made

    def as_tvm_does(self) -> bool:
        """Whether TVM, which knows result / size only, comes to the same."""
        if self.counting not in TVM_KNOWS:
            return False
        if self.mode == "nearest":
            return bool(np.all(self._nearest() == self._nearest_of_tvm()))
        return bool(np.all(np.abs(self._places(self.scale) - self._places_of_tvm()) <= CLOSE * self.size))

    def taps(self) -> list[tuple[Array, Array]]:
        """[result] places and weights of each element that has a part in the result."""
        if self.mode == "nearest":
            return [(self._nearest(), np.ones(self.result, "float32"))]
        places = self._places(self.scale)
        first = np.floor(places)
        part = places - first
        if self.mode == "linear":
            return [(self._within(first), 1 - part), (self._within(first + 1), part)]
        return self._cubic_taps(first, part)

    def _cubic_taps(self, first: Array, part: Array) -> list[tuple[Array, Array]]:
        a = np.float32(self.cubic)
        far, near = [1 + part, 2 - part], [part, 1 - part]
        outer = [a * (t**3 - 5 * t**2 + 8 * t - 4) for t in far]
        inner = [(a + 2) * t**3 - (a + 3) * t**2 + 1 for t in near]
        weights = [outer[0], *inner, outer[1]]
        at = [first + step for step in (-1, 0, 1, 2)]
        if self.exclude_outside:
            weights = [np.where((place >= 0) & (place < self.size), w, 0) for place, w in zip(at, weights, strict=True)]
            total: Array = np.sum(weights, axis=0)
            weights = [w / total for w in weights]
        return [(self._within(place), w.astype("float32")) for place, w in zip(at, weights, strict=True)]

    def _places(self, scale: float) -> Array:
        """[result] the place of each element on the old axis."""
        x: Array = np.arange(self.result, dtype="float32")
        factor, half = np.float32(scale), np.float32(0.5)
        if self.counting == "asymmetric":
            return x / factor
        if self.counting == "align_corners":
            return x * np.float32(self.size - 1) / np.float32(max(1, self.result - 1))
        if self.counting == "tf_crop_and_resize":
            return self._cropped(x)
        if self.counting == "pytorch_half_pixel" and self.result == 1:
            return np.zeros(1, "float32")
        if self.counting not in ("half_pixel", "pytorch_half_pixel", "half_pixel_symmetric"):
            raise ValueError(f"coordinate_transformation_mode {self.counting} is not available in this form")
        offset = np.float32(0)
        if self.counting == "half_pixel_symmetric":
            offset = np.float32(self.size / 2) * (1 - np.float32(self.result) / (factor * np.float32(self.size)))
        return offset + (x + half) / factor - half

    def _cropped(self, x: Array) -> Array:
        begin, end, last = np.float32(self.box[0]), np.float32(self.box[1]), np.float32(self.size - 1)
        if self.result == 1:
            return np.array([np.float32(0.5) * (begin + end) * last], "float32")
        return begin * last + x * (end - begin) * last / np.float32(self.result - 1)

    def _places_of_tvm(self) -> Array:
        x: Array = np.arange(self.result, dtype="float32")
        factor, half = np.float32(self.size) / np.float32(self.result), np.float32(0.5)
        if self.counting == "asymmetric":
            return factor * x
        if self.counting == "align_corners":
            return np.float32(self.size - 1) / np.float32(max(1, self.result - 1)) * x
        if self.counting == "pytorch_half_pixel" and self.result == 1:
            return np.zeros(1, "float32")
        return (x + half) * factor - half

    def _rounded(self, places: Array, cut: float, tie: float) -> Array:
        """Whole places: `cut` is how little of a fraction counts as none, `tie` how near to a half counts as a half."""
        if self.rounding in ("floor", "ceil"):
            whole: Array = np.floor(places + cut) if self.rounding == "floor" else np.ceil(places - cut)
        elif self.rounding == "round_prefer_floor":
            whole = np.ceil(places - (0.5 + tie))
        else:
            whole = np.floor(places + (0.5 + tie))
        return self._within(whole)

    def _nearest(self) -> Array:
        return self._rounded(self._places(self.scale).astype("float64"), 0, TIE)

    def _nearest_of_tvm(self) -> Array:
        return self._rounded(self._places_of_tvm(), TVM_CUT, 0)

    def _within(self, places: Array) -> Array:
        return np.clip(places, 0, self.size - 1).astype("int64")
