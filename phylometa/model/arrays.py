"""Array types, and how the arrays of a data object are checked and made read-only."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["BoolArray", "FloatArray", "IntArray", "freeze_array"]

FloatArray = NDArray[np.float64]


IntArray = NDArray[np.int64]


BoolArray = NDArray[np.bool_]


def freeze_array(instance: object, name: str, dtype: Any, shape: tuple[int | None, ...]) -> None:
    """Convert field `name` of a frozen dataclass to a read-only array of `dtype`; check its shape (None = any).

    Rows lie one after the other in memory, since a kernel that meets another order is compiled anew; a view of one
    value stays one.
    """
    array = np.asarray(getattr(instance, name), dtype=dtype)
    if array.ndim != len(shape) or any(want is not None and have != want for have, want in zip(array.shape, shape)):
        raise ValueError(f"{type(instance).__name__}.{name}: shape {array.shape}, expected {shape}")
    if not array.flags.c_contiguous and 0 not in array.strides:
        array = np.ascontiguousarray(array)
    if array.flags.writeable:
        array = array.view()
        array.flags.writeable = False
    object.__setattr__(instance, name, array)
