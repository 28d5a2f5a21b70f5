"""Copy-number states that DeCiFer's input appends to each row, without a name: copies, copies, share of cells."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from phylometa.io.calls import COPY_NUMBER_FIELDS
from phylometa.io.files import parse_decimal
from phylometa.io.vcf_header import SampleRequest

__all__ = ["DeciferStates"]

NAN = float("nan")


class DeciferStates:
    """States of every cell of a table, collected row by row.

    Parameters
    ----------
    requests : sequence of SampleRequest
        With the purities of the sheet: shares are of all cells of the sample, normal ones included (they are 1+1).

    Notes
    -----
    One state: clonal. Two tumour states: both, with the first one's share of tumour cells. More, or several without a
    stated purity: unknown, so they are marginalised; a warning counts them.
    """

    def __init__(self, requests: Sequence[SampleRequest]) -> None:
        self.purity = [request.purity for request in requests]
        self.rows: list[tuple[float, ...]] = []
        self.n_unknown = 0

    def add(self, fields: Sequence[str], column: int) -> str:
        """Take the fields after the header's; what is wrong with them, '' if nothing is."""
        numbers = [parse_decimal(text) for text in fields if text.strip()]
        if len(numbers) % 3 or any(number is None or number < 0 for number in numbers):
            self.rows.append((NAN,) * 5)
            return f"states of copy number are not triples of copies, copies and share: {' '.join(fields)[:60]}"
        states: dict[tuple[float, float], float] = {}
        for a, b, share in zip(numbers[::3], numbers[1::3], numbers[2::3]):
            state = (max(a, b), min(a, b))  # type: ignore[type-var]
            states[state] = states.get(state, 0.0) + share  # type: ignore[index, operator, arg-type]
        self.rows.append(self._cell(states, column))
        return ""

    def _cell(self, states: dict[tuple[float, float], float], column: int) -> tuple[float, ...]:
        """(major, minor, fraction, major2, minor2)."""
        present = {state: share for state, share in states.items() if share > 0}
        if len(present) <= 1:
            return (*next(iter(present), (NAN, NAN)), 1.0, NAN, NAN)
        purity = self.purity[column] if column < len(self.purity) else NAN
        if np.isnan(purity):
            self.n_unknown += 1
            return (NAN, NAN, 1.0, NAN, NAN)
        normal = (1.0, 1.0)
        present[normal] = present.get(normal, 0.0) - (1 - purity)
        tumour = {state: share / purity for state, share in present.items() if share / purity > 0.01}
        if len(tumour) > 2 or not tumour:
            self.n_unknown += 1
            return (NAN, NAN, 1.0, NAN, NAN)
        ranked = sorted(tumour, key=lambda state: (-tumour[state], state))
        if len(ranked) == 1:
            return (*ranked[0], 1.0, NAN, NAN)
        return (*ranked[0], tumour[ranked[0]] / sum(tumour.values()), *ranked[1])

    def arrays(
        self, rows: NDArray[np.int64], columns: NDArray[np.int32], keep: NDArray[np.int64], shape: tuple[int, int]
    ) -> dict[str, NDArray[np.float32]]:
        """All arrays of `CopyNumberAtLoci` (n, S)."""
        result = {name: np.full(shape, np.nan, dtype=np.float32) for name in COPY_NUMBER_FIELDS}
        result["fraction"][:] = 1
        values = np.array(self.rows, dtype=np.float32).reshape(-1, 5)[keep]
        for i, name in enumerate(("major", "minor", "fraction", "major2", "minor2")):
            result[name][rows, columns] = values[:, i]
        first, second = result["major"] + result["minor"], result["major2"] + result["minor2"]
        mixed = result["fraction"] * first + (1 - result["fraction"]) * second
        result["total"] = np.where(np.isnan(second), first, mixed)
        return result

    def warnings(self, display: str) -> list[str]:
        """What is not read."""
        if not self.n_unknown:
            return []
        return [
            f"{display}: copy number of {self.n_unknown} cells with several states is marginalised: two tumour states "
            "are read if the sheet states the purity, more are not"
        ]
