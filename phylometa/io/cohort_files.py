"""Tables of a cohort: one row per patient, one per metastasis, and the cohort's frequencies, routes and tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from phylometa.io.ownership import replace_file
from phylometa.io.tsv import write_tsv

__all__ = ["CohortStatistics", "write_cohort_tables"]

DIVERGENCE = ("S", "L_p", "L_m", "W_s", "jsi", "p_value", "call")
MEASURES = (
    *("seeding_age", "seeding_age_lo", "seeding_age_hi", "p_before_diagnosis"),
    *("ploidy", "altered", "loh", "wgii", "wgd"),
)
MULTIQC_HEADER = """# plot_type: 'table'
# section_name: 'phylometa'
# description: 'seeding labels (most probable value and its probability) of each patient'
# pconfig:
#     namespace: 'phylometa'
"""


def _best(values: Mapping[str, float] | None) -> tuple[str | None, float | None]:
    if not values:
        return None, None
    value = max(values, key=lambda name: (values[name], name))
    return value, values[value]


def _patient_row(name: str, status: str, reason: str, summary: Mapping[str, Any], names: Sequence[str]) -> list[Any]:
    labels = (summary.get("labels") or {}).get("labels") or {}
    row: list[Any] = [name, status, reason.replace("\n", "; ")]
    row += [summary.get(key) for key in ("n_mutations", "n_samples", "n_clusters", "n_dropped")]
    for label in names:
        row += _best(labels.get(label))
    return [*row, len(summary.get("warnings") or ())]


def _site_rows(
    name: str, summary: Mapping[str, Any], names: Sequence[str], measures: Mapping[str, Mapping[str, float]]
) -> list[list[Any]]:
    """One row per metastasis: labels with probability, divergence, age at seeding, instability."""
    labels = (summary.get("labels") or {}).get("labels") or {}
    divergence = {row["metastasis"]: row for row in (summary.get("timing") or {}).get("divergence") or ()}
    rows = []
    for site in summary.get("sites") or ():
        if site["site_class"] not in ("lymph_node", "distant"):
            continue
        row: list[Any] = [name, site["name"], site["site_class"]]
        for label in names:
            row += _best((labels.get(label) or {}).get(site["name"]))
        row += [divergence.get(site["name"], {}).get(key) for key in DIVERGENCE]
        rows.append([*row, *(measures.get(site["name"], {}).get(measure) for measure in MEASURES)])
    return rows


@dataclass(frozen=True, slots=True)
class CohortStatistics:
    """What a cohort's tables say of all patients together.

    Parameters
    ----------
    frequencies, routes : sequences of Frequency
        Of labels, and of routes between classes of sites.
    site_frequencies : sequence of SiteFrequency
    associations : sequence of AssociationTest
    drivers : sequence of (gene, patients with any support, expected patients)
        Genes hit twice independently.
    """

    frequencies: Sequence[Any]
    routes: Sequence[Any]
    site_frequencies: Sequence[Any]
    associations: Sequence[Any]
    drivers: Sequence[tuple[str, int, float]]


def write_cohort_tables(
    directory: Path,
    *,
    patients: Sequence[tuple[str, str, str, Mapping[str, Any]]],
    patient_labels: Sequence[str],
    site_labels: Sequence[str],
    measures: Sequence[Mapping[str, Mapping[str, float]]],
    statistics: CohortStatistics,
) -> None:
    """Write all tables of a cohort, each whole or not at all.

    Parameters
    ----------
    directory : Path
    patients : sequence of (name, status, reason, summary)
    patient_labels, site_labels : sequences of str
        Labels that get a column.
    measures : sequence of mapping
        Of each patient: metastasis -> quantity -> number.
    statistics : CohortStatistics
    """
    header = ["patient", "status", "reason", "n_mutations", "n_samples", "n_clusters", "n_dropped"]
    header += _with_probability(patient_labels)
    header += ["n_warnings"]
    rows = [_patient_row(*patient, patient_labels) for patient in patients]
    with replace_file(directory / "cohort.tsv") as path:
        write_tsv(path, header, rows)
    site_header = ["patient", "site", "site_class", *_with_probability(site_labels), *DIVERGENCE]
    site_header += MEASURES
    site_rows = (_site_rows(name, summary, site_labels, at) for (name, _, _, summary), at in zip(patients, measures))
    with replace_file(directory / "cohort_sites.tsv") as path:
        write_tsv(path, site_header, [row for rows_of_patient in site_rows for row in rows_of_patient])
    columns = ["label", "group", "value", "n_patients", "expected", "share", "share_lo", "share_hi"]
    with replace_file(directory / "frequencies.tsv") as path:
        write_tsv(path, columns, ([getattr(row, name) for name in columns] for row in statistics.frequencies))
    columns = ["quantity", "group", "value", "n_patients", "n_sites", "mean", "lo", "hi"]
    with replace_file(directory / "site_frequencies.tsv") as path:
        write_tsv(path, columns, ([getattr(row, name) for name in columns] for row in statistics.site_frequencies))
    with replace_file(directory / "routes.tsv") as path:
        names = ["source", "target", "n_patients", "expected", "share", "share_lo", "share_hi"]
        write_tsv(
            path, names, ([row.group, row.value, *(getattr(row, n) for n in names[2:])] for row in statistics.routes)
        )
    with replace_file(directory / "associations.tsv") as path:
        names = ["label", "value", "column", "n_patients", "p_value", "q_value"]
        cells = ([*(getattr(test, n) for n in names), _shares(test.shares)] for test in statistics.associations)
        write_tsv(path, [*names, "shares"], cells)
    with replace_file(directory / "parallel_drivers.tsv") as path:
        write_tsv(path, ["gene", "n_patients", "expected"], statistics.drivers)
    with replace_file(directory / "phylometa_mqc.tsv") as path:
        kept = [0, 3, 5, *range(7, len(header))]
        write_tsv(path, ["Sample", *(header[i] for i in kept[1:])], ([row[i] for i in kept] for row in rows))
        path.write_text(MULTIQC_HEADER + path.read_text(encoding="utf-8"), encoding="utf-8")


def _with_probability(labels: Sequence[str]) -> list[str]:
    return [column for label in labels for column in (label, f"{label}_probability")]


def _shares(shares: Mapping[str, float]) -> str:
    return "; ".join(f"{group}: {share:.3f}" for group, share in shares.items())
