"""Sums of products of whole numbers that float32 holds exactly: all of their terms' magnitudes add up to 2^24 at most.

Then every sum of some of the terms is a whole number below 2^24, so neither the order of the additions nor a fused
multiply-add changes anything. That is no longer so once a weight is scaled (`is_whole` says which are not) or a
convolution is computed by Winograd's method.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

FLOAT32_WHOLE = 2**24
"""The whole numbers up to here are float32's."""

MAX_WEIGHT = 255
"""The greatest magnitude of a byte less a zero point."""


def is_whole(array: Array) -> bool:
    """Whether a weight's numbers are bytes less a zero point, which float32 sums exactly."""
    return array.size > 0 and bool((np.abs(array) <= MAX_WEIGHT).all() and (array == np.round(array)).all())


def reach(dtype: str, zero: int | None) -> int:
    """The greatest magnitude of a byte of `dtype` less its zero point; None for one that is not known."""
    limits = np.iinfo(dtype)
    if zero is None:
        return int(limits.max) - int(limits.min)
    return max(abs(int(limits.min) - zero), abs(int(limits.max) - zero))


def chunks(magnitudes: Array, most: int = FLOAT32_WHOLE) -> list[tuple[int, int]] | None:
    """(begin, end) of parts of a sum over the first axis, about equal ones, as few as possible.

    `magnitudes` [depth, results] are the greatest magnitudes of terms; each part's add up to `most` at most. None
    where a single term is greater.
    """
    depth = len(magnitudes)
    if magnitudes.max(initial=0) > most:
        return None
    totals: Array = np.concatenate([np.zeros((1, magnitudes.shape[1]), "int64"), magnitudes.astype("int64").cumsum(0)])
    count = max(1, -(-int(totals[-1].max()) // most))
    while True:
        ends = [depth * part // count for part in range(count + 1)]
        if all((totals[end] - totals[begin]).max() <= most for begin, end in pairwise(ends)):
            return list(pairwise(ends))
        count += 1
