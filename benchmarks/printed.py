"""What the benchmarks printed last: `printed.tsv`, one figure a row, to which tests hold README and docs.

`python benchmarks/all.py --record`, `published.py --record` and `tracerx_labels.py --record` put their figures in the
place of those that the same command printed of the same rows before. Rows of studies that take hours were copied from
what they printed on the day that stands beside them.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import NamedTuple

PRINTED = Path(__file__).with_name("printed.tsv")


class Figure(NamedTuple):
    """A figure as a command printed it: of what row, which measure, and on which day."""

    command: str
    row: str
    measure: str
    value: str
    day: str


def read_figures(path: Path = PRINTED) -> list[Figure]:
    with path.open(newline="", encoding="utf-8") as handle:
        return [Figure(**row) for row in csv.DictReader(handle, delimiter="\t")]


def study_arguments(description: str | None, patients: int) -> argparse.Namespace:
    """Read the command line of a study: how many patients, which seed, whether the figures are recorded."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("patients", nargs="?", type=int, default=patients)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--record", action="store_true", help="keep the figures in printed.tsv")
    return parser.parse_args()


def record(command: str, found: Iterable[tuple[str, str, str]], path: Path = PRINTED) -> None:
    """Put (row, measure, value) of a command in the place of what it printed of these rows before."""
    today = date.today().isoformat()
    new = [Figure(command, *figure, today) for figure in found]
    replaced = {(command, figure.row) for figure in new}
    old = [figure for figure in read_figures(path) if (figure.command, figure.row) not in replaced]
    with path.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle, delimiter="\t", lineterminator="\n")
        writer.writerow(Figure._fields)
        writer.writerows(sorted([*old, *new], key=lambda figure: figure.command))
