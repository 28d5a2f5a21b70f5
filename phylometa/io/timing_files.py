"""timing/ of a patient's directory: dissemination intervals and divergence rows as tables, the whole as JSON."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from phylometa.io.documents import write_json
from phylometa.io.tsv import format_value, write_tsv

__all__ = ["divergence_text", "read_divergence_table", "write_timing"]

DIVERGENCE_COLUMNS = (
    *("metastasis", "S", "L_p", "L_m", "W_s", "rho", "rho_lo", "rho_hi", "H", "jsi", "p_value", "call"),
    *("ratio", "pm_divergence", "shared_fraction", "jsi_call", "p_carries_all", "n_unknown", "n_lost", "upper_bound"),
    *("hu2020_years", "n_unknown_primary", "notes"),
)


def _cell(value: Any) -> Any:
    return "; ".join(value) if isinstance(value, tuple) else value


def divergence_rows(rows: Sequence[Any], *, with_patient: bool = False) -> tuple[list[str], list[list[Any]]]:
    """Header and cells of divergence.tsv; the patient first if asked."""
    columns = (("patient",) if with_patient else ()) + DIVERGENCE_COLUMNS
    return list(columns), [[_cell(getattr(row, name)) for name in columns] for row in rows]


def divergence_text(rows: Sequence[Any], *, with_patient: bool = False) -> str:
    """Format divergence.tsv as text."""
    header, cells = divergence_rows(rows, with_patient=with_patient)
    return "".join("\t".join(format_value(value) for value in row) + "\n" for row in [header, *cells])


def read_divergence_table(path: str | Path) -> list[dict[str, str]]:
    """Read the rows of a table `patient metastasis L_p L_m W_s [...]` (TSV or CSV), as text."""
    from phylometa.io.table_reader import TableReader

    table = TableReader(Path(path), str(path))
    return [dict(zip(table.original, fields)) for _, fields in table]


def write_timing(timing: Any, directory: Path) -> None:
    """Write intervals.tsv, divergence.tsv and timing.json (everything, with refusals and notes)."""
    events = [event.name for event in timing.events]
    header = ["site", "founding_clone", "unit", "model"]
    for name in ("divergence", "founder", "seeding"):
        header += [name, f"{name}_lo", f"{name}_hi"]
    header += [f"p_before_{event}" for event in events] + [
        "probability",
        "narrowed_by_growth",
        "narrowed_by_clock",
        "notes",
    ]
    rows = []
    for interval in timing.intervals:
        row: list[Any] = [interval.site, interval.founding_clone, interval.unit, interval.model]
        for name in ("divergence", "founder", "seeding"):
            estimate = getattr(interval, name)
            row += [estimate.median, estimate.lo, estimate.hi]
        row += [interval.p_before.get(event) for event in events]
        narrowed = [interval.narrowed_by.get(source) for source in ("growth", "clock")]
        rows.append([*row, interval.probability, *narrowed, "; ".join(interval.notes)])
    write_tsv(directory / "intervals.tsv", header, rows)
    header, cells = divergence_rows(timing.divergence)
    write_tsv(directory / "divergence.tsv", header, cells)
    write_json(directory / "timing.json", dataclasses.asdict(timing))
