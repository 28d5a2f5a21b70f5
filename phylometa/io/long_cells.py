"""Reads of one row of a long table: from counts, from VAF and depth, or from a cancer cell fraction."""

from __future__ import annotations

import math
from array import array

from phylometa.io.files import is_missing, parse_count, parse_decimal, parse_fraction
from phylometa.io.problems import ProblemList

__all__ = ["CellParser"]

# Cells whose counts are held against the table's own allele frequency.
MAX_CHECKED_CELLS = 20000


class CellParser:
    """Reads of a row by the table's rule; what does not fit goes to the list of problems.

    Parameters
    ----------
    rule : str
        ``ref + alt``, ``alt + depth``, ``vaf x depth``, ``vaf``, ``ccf`` or ``ccf interval``.
    problems : ProblemList
    nominal_depth : int
        Reads that stand for a fraction without an interval.
    """

    def __init__(self, rule: str, problems: ProblemList, nominal_depth: int) -> None:
        self.rule = rule
        self.problems = problems
        self.nominal_depth = nominal_depth
        self.fractions = array("d")
        self.is_percent = False  # whether VAFs are percentages without the sign
        self.differences: list[float] = []

    def _count(self, fields: list[str], index: int, column: str, line: int) -> int | None:
        """A count; -1 if missing; None (and a problem) if it is none."""
        text = fields[index]
        if text.isascii() and text.isdigit() and len(text) < 10:
            return int(text)
        if is_missing(text):
            return -1
        count = parse_count(text)
        if count is None:
            self.problems.add(f"{text.strip()!r} is not a read count", row=line, column=column)
        return count

    def read(self, fields: list[str], at: dict[str, int], line: int) -> tuple[int, int] | None:
        """(alternate reads, depth), (0, 0) if unobserved; None after a problem."""
        if self.rule in ("vaf x depth", "vaf"):
            return self._counts_of_vaf(fields, at, line)
        if self.rule.startswith("ccf"):
            return self._counts_of_ccf(fields, at, line)
        alt = self._count(fields, at["alt_counts"], "alt_counts", line)
        ref: int | None = -1
        if at["ref_counts"] >= 0:
            ref = self._count(fields, at["ref_counts"], "ref_counts", line)
        if alt is None or ref is None:
            return None
        if alt >= 0 and ref < 0 and at["depth"] >= 0:
            depth = self._count(fields, at["depth"], "depth", line)
            if depth is None:
                return None
            if 0 <= depth < alt:
                self.problems.add(f"depth {depth} is below alt_counts {alt}", row=line, column="depth")
                return None
            ref = depth - alt if depth >= 0 else -1
        if alt < 0 or ref < 0:
            return 0, 0
        if at["vaf"] >= 0 and len(self.differences) < MAX_CHECKED_CELLS and ref + alt:
            frequency = parse_fraction(fields[at["vaf"]])
            if frequency is not None:
                frequency = frequency / 100 if frequency > 1 else frequency
                self.differences.append(abs(frequency - alt / (ref + alt)))
        return alt, alt + ref

    def threshold(self, fields: list[str], index: int, line: int) -> int:
        """Alternate reads below which a cell is censored; 0 if it is not."""
        return max(self._count(fields, index, "censored_below", line) or 0, 0)

    def _counts_of_vaf(self, fields: list[str], at: dict[str, int], line: int) -> tuple[int, int] | None:
        """Counts from VAF x depth, from a second pair of columns if the first is missing."""
        if self.rule == "vaf":
            vaf = self._vaf(fields[at["vaf"]], line)
            return (0, 0) if math.isnan(vaf) else (round(vaf * self.nominal_depth), self.nominal_depth)
        for vaf_name, depth_name in (("vaf", "depth"), ("vaf2", "depth2")):
            if at[vaf_name] < 0 or at[depth_name] < 0 or is_missing(fields[at[vaf_name]]):
                continue
            vaf = self._vaf(fields[at[vaf_name]], line)
            depth = self._count(fields, at[depth_name], "depth", line)
            if depth is None or math.isnan(vaf):
                return None
            if depth > 0:
                return round(vaf * depth), depth
        return 0, 0

    def _vaf(self, text: str, line: int) -> float:
        if not self.is_percent or text.strip().endswith("%"):
            return self.bounded(text, "vaf", line, 0.0, 1.0, closed=True)
        return self.bounded(text, "vaf", line, 0.0, 100.0, closed=True) / 100

    def _counts_of_ccf(self, fields: list[str], at: dict[str, int], line: int) -> tuple[int, int] | None:
        """(0, nominal depth) of a cancer cell fraction: as many reads as its interval tells; counts follow later."""
        columns = ("ccf",) if self.rule == "ccf" else ("ccf_lo", "ccf_hi")
        values = [self.bounded(fields[at[name]], name, line, 0.0, 1.0, closed=True) for name in columns]
        mean = sum(values) / len(values)
        self.fractions.append(mean)
        if math.isnan(mean):
            return 0, 0
        width = values[-1] - values[0]
        if width < 0:
            self.problems.add("the upper bound is below the lower", row=line, column="ccf_hi")
        if width <= 0:
            return 0, self.nominal_depth
        # 95 % interval of a binomial with VAF = CCF / 2: width of the VAF 2 x 1.96 sqrt(v (1 - v) / depth)
        vaf = min(max(mean, 0.01), 1.0) / 2
        return 0, min(max(round(vaf * (1 - vaf) * (2 * 1.96 / (width / 2)) ** 2), 1), 10000)

    def bounded(self, text: str, column: str, line: int, low: float, high: float, *, closed: bool = False) -> float:
        """Parse a number between bounds (low itself only if `closed`); NaN if missing, or after a problem."""
        if is_missing(text):
            return math.nan
        number = parse_fraction(text) if high <= 1 else parse_decimal(text)
        if number is None:
            self.problems.add(f"{text.strip()!r} is not a number", row=line, column=column)
        elif number > high or number < low or (number == low and not closed):
            bounds = f"{'[' if closed else '('}{low:g}, {high:g}]"
            self.problems.add(f"{text.strip()} is outside {bounds}", row=line, column=column)
        else:
            return number
        return math.nan
