"""The editable tables of the package (data/*.tsv): acceleration, doubling times, expansion times, with sources."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from phylometa.errors import InputError

__all__ = [
    "AccelerationPrior",
    "DoublingTime",
    "acceleration_prior",
    "doubling_time",
    "expansion_years",
    "gene_recurrence",
    "read_reference_table",
    "reference_histories",
]

COLUMNS = {
    "acceleration": ("cancer_type", "aliases", "median", "sigma", "source"),
    "doubling_times": ("cancer_type", "aliases", "site", "lesion", "days", "sd", "note", "source"),
    "expansion_times": ("cancer_type", "aliases", "years", "source"),
    "recurrence": ("gene", "share", "source"),
    "reference_histories": ("metastases", "between", "back", "further", "patients", "source"),
}


def read_reference_table(name: str, *, directory: str = "") -> list[dict[str, str]]:
    """Read the rows of a table: the package's own, or the one of the same name in `directory` if it is there.

    Parameters
    ----------
    name : {"acceleration", "doubling_times", "expansion_times", "recurrence", "reference_histories"}
    directory : str
        Directory with edited copies; empty = the package's.

    Raises
    ------
    InputError
        A column is missing or a number cannot be read.
    """
    own = Path(directory) / f"{name}.tsv" if directory else None
    if own is not None and own.exists():
        text, source = own.read_text(encoding="utf-8"), str(own)
    else:
        text, source = (
            resources.files("phylometa.reference").joinpath(f"data/{name}.tsv").read_text(encoding="utf-8"),
            name,
        )
    reader = csv.DictReader(text.splitlines(), delimiter="\t")
    missing = set(COLUMNS[name]) - set(reader.fieldnames or ())
    if missing:
        raise InputError(f"columns missing: {', '.join(sorted(missing))}", file=source, row=1)
    rows = []
    for number, row in enumerate(reader, start=2):
        for column in ("median", "sigma", "days", "years", "sd", "share"):
            value = row.get(column)
            if value is None or (column == "sd" and value == "NA"):
                continue
            try:
                is_positive = float(value) > 0
            except ValueError:
                is_positive = False
            if not is_positive:
                raise InputError(f"{value!r} is not a positive number", file=source, row=number, column=column)
        rows.append({key: value or "" for key, value in row.items() if key})
    return rows


def _matches(row: dict[str, str], cancer_type: str) -> bool:
    names = [row["cancer_type"], *row["aliases"].split(";")]
    return bool(cancer_type.strip()) and cancer_type.strip().lower() in {name.strip().lower() for name in names}


@dataclass(frozen=True, slots=True)
class AccelerationPrior:
    """Lognormal prior of the acceleration: median, standard deviation of the logarithm, where it comes from."""

    median: float
    sigma: float
    source: str


def acceleration_prior(cancer_type: str, *, median: float, sigma: float, directory: str = "") -> AccelerationPrior:
    """Find the prior of a cancer type, or the given default if its row is missing.

    Examples
    --------
    >>> acceleration_prior("ovarian", median=5.0, sigma=0.4).median
    7.5
    """
    for row in read_reference_table("acceleration", directory=directory):
        if row["cancer_type"] != "default" and _matches(row, cancer_type):
            return AccelerationPrior(float(row["median"]), float(row["sigma"]), row["source"])
    return AccelerationPrior(median, sigma, "default of the settings")


@dataclass(frozen=True, slots=True)
class DoublingTime:
    """Volume doubling time (days), its standard deviation between patients, and the source.

    `is_default`: the row of all types.
    """

    days: float
    sd: float
    source: str
    sd_is_assumed: bool
    is_default: bool = False


# Coefficient of variation taken if a source gives no spread.
ASSUMED_VARIATION = 0.5


def doubling_time(cancer_type: str, site: str, *, is_metastasis: bool, directory: str = "") -> DoublingTime | None:
    """Find the doubling time of a lesion; None if none is tabulated (metastases need not grow like their primary).

    A row applies if its cancer type (or alias) is the patient's, its lesion class is the site's, and its site is
    ``any`` or a word of the site's name.

    Examples
    --------
    >>> doubling_time("colorectal", "liver_1", is_metastasis=True).days
    155.0
    """
    words = site.lower().replace("_", " ").replace("-", " ").split()
    lesion = "metastasis" if is_metastasis else "primary"
    for row in read_reference_table("doubling_times", directory=directory):
        fits = row["site"] == "any" or row["site"].lower() in words
        if fits and row["lesion"] == lesion and _matches(row, cancer_type):
            days = float(row["days"])
            assumed = row["sd"] == "NA"
            sd = ASSUMED_VARIATION * days if assumed else float(row["sd"])
            return DoublingTime(days, sd, row["source"], assumed, row["cancer_type"] == "default")
    return None


def expansion_years(cancer_type: str, *, directory: str = "") -> float | None:
    """Find T_exp of the hu2020 mode (years); None if the cancer type has none.

    Examples
    --------
    >>> expansion_years("colorectal")
    5.2
    """
    for row in read_reference_table("expansion_times", directory=directory):
        if _matches(row, cancer_type):
            return float(row["years"])
    return None


def gene_recurrence(*, directory: str = "") -> dict[str, float]:
    """Map genes to the probability that another tumour of the kind has the same mutation of it (recurrence.tsv)."""
    return {row["gene"]: float(row["share"]) for row in read_reference_table("recurrence", directory=directory)}


@cache
def reference_histories() -> dict[int, tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Routes of the simulated patients on which the weights of histories were chosen (reference_histories.tsv).

    Returns
    -------
    dict
        Number of metastases -> share of the patients by row (n,), and their routes between metastases, routes back into
        the primary and further sources of sites (n, 3).
    """
    names = COLUMNS["reference_histories"][:-1]
    rows = [[int(row[name]) for name in names] for row in read_reference_table("reference_histories")]
    table = np.array(rows, dtype=np.float64)
    found = {}
    for n in sorted({int(value) for value in table[:, 0]} - {0}):
        of_n = table[table[:, 0] == n]
        found[n] = (of_n[:, 4] / of_n[:, 4].sum(), of_n[:, 1:4])
    return found
