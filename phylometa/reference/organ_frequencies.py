"""How often tumours of an organ have metastases in another: a table of published series (data/organ_frequencies.tsv).

A series that does not list a target says nothing of it: absent rows are unknown, not zero.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from phylometa.errors import InputError, Problem

__all__ = ["PUBLISHED", "OrganFrequency", "log_preference", "read_organ_frequencies"]

PUBLISHED = "published"
"""Word that stands for the package's own table."""
_COLUMNS = ("cancer_type", "aliases", "organ", "target", "patients", "frequency", "note", "source")
# Patients by which a frequency is drawn towards the mean over organs; what a series of unknown size counts as.
_SHRINKAGE, _UNKNOWN_SIZE = 10.0, 100.0


@dataclass(frozen=True, slots=True)
class OrganFrequency:
    """One row: of the patients with metastases of a cancer, the share that has one in an organ.

    Parameters
    ----------
    cancer_types : frozenset of str
        The cancer type and its aliases, lower case.
    organ, target : str
        Organ of the primary tumour, and of the metastasis (`phylometa.reference.organs`).
    patients : float
        Size of the series.
    frequency : float
        Above 0, at most 1.
    source : str
    """

    cancer_types: frozenset[str]
    organ: str
    target: str
    patients: float
    frequency: float
    source: str


def read_organ_frequencies(table: str) -> tuple[OrganFrequency, ...]:
    """Read a table of frequencies.

    Parameters
    ----------
    table : str
        Path of a tab-separated table with the columns ``cancer_type aliases organ target patients frequency note
        source``, or ``published`` for the package's own.

    Raises
    ------
    InputError
        Naming every row and column that cannot be used.

    Examples
    --------
    >>> {row.organ for row in read_organ_frequencies("published") if row.target == "peritoneum"} >= {"stomach"}
    True
    """
    if table == PUBLISHED:
        text = resources.files("phylometa.reference").joinpath("data/organ_frequencies.tsv").read_text(encoding="utf-8")
    else:
        try:
            text = Path(table).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "is not UTF-8 text"
            raise InputError(f"cannot be read: {reason}", file=table) from None
    reader = csv.DictReader(text.splitlines(), delimiter="\t")
    missing = [name for name in _COLUMNS[2:6] if name not in (reader.fieldnames or ())]
    if missing:
        raise InputError(
            f"columns missing: {', '.join(missing)}; expected {' '.join(_COLUMNS)}, tab-separated", file=table, row=1
        )
    rows, problems = [], []
    for number, row in enumerate(reader, start=2):
        frequency = _number(row["frequency"])
        if frequency is None or not 0 < frequency <= 1:
            message = f"{row['frequency']!r} is not a share above 0, at most 1"
            problems.append(Problem(message, table, number, "frequency"))
        is_unknown = (row["patients"] or "").strip() in ("NA", "")
        patients = _UNKNOWN_SIZE if is_unknown else _number(row["patients"])
        if patients is None or not patients > 0:
            message = f"{row['patients']!r} is not a positive number of patients, or NA"
            problems.append(Problem(message, table, number, "patients"))
        empty = (name for name in ("organ", "target") if not (row[name] or "").strip())
        problems += [Problem("is empty", table, number, column) for column in empty]
        if problems:
            continue
        assert frequency is not None and patients is not None
        words = [row.get("cancer_type") or "", *(row.get("aliases") or "").split(";")]
        types = frozenset(word.strip().casefold() for word in words if word.strip())
        organ, target = row["organ"].strip().casefold(), row["target"].strip().casefold()
        rows.append(OrganFrequency(types, organ, target, patients, frequency, (row.get("source") or "").strip()))
    if problems:
        raise InputError(problems)
    if not rows:
        raise InputError("has no row", file=table)
    return tuple(rows)


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def log_preference(rows: Sequence[OrganFrequency], *, cancer_type: str | None, organ: str | None, target: str) -> float:
    r"""Compute how much more often a source has metastases in a target than other organs have, as a logarithm.

    .. math:: \log \frac{n f + a \bar f}{(n + a) \bar f}

    with f the frequency in the n patients of the source's series, the mean of :math:`\bar f` over the organs of the
    table, and a = 10.

    Parameters
    ----------
    rows : sequence of OrganFrequency
    cancer_type : str or None
        Rows of this type go before all of the organ.
    organ : str or None
        Organ of the source.
    target : str
        Organ of the metastasis.

    Returns
    -------
    float
        0 if the table says nothing of the two.

    Examples
    --------
    >>> rows = read_organ_frequencies("published")
    >>> log_preference(rows, cancer_type=None, organ="prostate", target="bone") > 0.3
    True
    >>> log_preference(rows, cancer_type=None, organ="prostate", target="heart")
    0.0
    """
    of_target = [row for row in rows if row.target == target.casefold()]
    by_organ: dict[str, list[OrganFrequency]] = {}
    for row in of_target:
        by_organ.setdefault(row.organ, []).append(row)
    if len(by_organ) < 2:
        return 0.0
    word = (cancer_type or "").strip().casefold()
    own = [row for row in of_target if word and word in row.cancer_types]
    own = own or by_organ.get((organ or "").casefold(), [])
    if not own:
        return 0.0
    overall = sum(_pooled(same) for same in by_organ.values()) / len(by_organ)
    patients = sum(row.patients for row in own)
    return math.log((patients * _pooled(own) + _SHRINKAGE * overall) / ((patients + _SHRINKAGE) * overall))


def _pooled(rows: Sequence[OrganFrequency]) -> float:
    """Frequency over several series, weighted by their patients."""
    return sum(row.patients * row.frequency for row in rows) / sum(row.patients for row in rows)
