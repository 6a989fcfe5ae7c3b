"""What the timing process says of numbers."""

import numpy as np

from neo_compiler.tuning.measure import difference


def test_difference_is_relative_to_the_greatest_number() -> None:
    one = [np.array([1.0, -4.0], "float32")]
    assert difference(one, one) == 0
    assert difference(one, [np.array([1.0, -3.0], "float32")]) == 0.25
    assert difference(one, [np.array([1.0, np.nan], "float32")]) == float("inf")
