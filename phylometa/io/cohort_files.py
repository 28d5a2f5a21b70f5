"""Tables of a cohort: one row a patient, one a metastasis, and the cohort's frequencies, routes and tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from phylometa.io.documents import replace_file
from phylometa.io.tsv import write_tsv

__all__ = ["write_cohort_tables"]

PATIENT_LABELS = (
    *("pattern", "clonality_site", "clonality_machina", "phyletic", "reseeding_primary", "self_seeding"),
    *("local_recurrence", "met_to_met", "cascade", "cross_seeding"),
)
SITE_LABELS = ("site_seeding", "site_sources", "ln_route", "ongoing_evolution")
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


def _patient_row(name: str, status: str, reason: str, summary: Mapping[str, Any]) -> list[Any]:
    labels = (summary.get("labels") or {}).get("labels") or {}
    row: list[Any] = [name, status, reason.replace("\n", "; ")]
    row += [summary.get(key) for key in ("n_mutations", "n_samples", "n_clusters", "n_dropped")]
    for label in PATIENT_LABELS:
        row += _best(labels.get(label))
    return [*row, len(summary.get("warnings") or ())]


def _site_rows(name: str, summary: Mapping[str, Any]) -> list[list[Any]]:
    """One row a metastasis: labels with probability, timing in years where there is one."""
    document = summary.get("labels") or {}
    labels = document.get("labels") or {}
    divergence = {row["metastasis"]: row for row in (summary.get("timing") or {}).get("divergence") or ()}
    dated: dict[str, Mapping[str, Any]] = {}
    for interval in (summary.get("timing") or {}).get("intervals") or ():
        if interval["unit"] == "age_years" and interval["model"] == "clock":
            held = dated.get(interval["site"])
            if held is None or interval["probability"] > held["probability"]:
                dated[interval["site"]] = interval
    rows = []
    for site in summary.get("sites") or ():
        if site["site_class"] not in ("lymph_node", "distant"):
            continue
        row: list[Any] = [name, site["name"], site["site_class"]]
        for label in SITE_LABELS:
            row += _best((labels.get(label) or {}).get(site["name"]))
        pair = divergence.get(site["name"], {})
        row += [pair.get(key) for key in ("S", "L_p", "L_m", "W_s", "jsi", "p_value", "call")]
        seeding = (dated.get(site["name"]) or {}).get("seeding") or {}
        rows.append([*row, *(seeding.get(key) for key in ("median", "lo", "hi"))])
    return rows


def write_cohort_tables(
    directory: Path,
    *,
    patients: Sequence[tuple[str, str, str, Mapping[str, Any]]],
    frequencies: Sequence[Any],
    routes: Sequence[Any],
    associations: Sequence[Any],
    drivers: Sequence[tuple[str, int, float]],
) -> None:
    """All tables of a cohort, each whole or not at all.

    Parameters
    ----------
    directory : Path
    patients : sequence of (name, status, reason, summary)
    frequencies, routes : sequences of Frequency
    associations : sequence of AssociationTest
    drivers : sequence of (gene, patients with any support, expected patients)
    """
    header = ["patient", "status", "reason", "n_mutations", "n_samples", "n_clusters", "n_dropped"]
    header += [column for label in PATIENT_LABELS for column in (label, f"{label}_probability")] + ["n_warnings"]
    rows = [_patient_row(*patient) for patient in patients]
    with replace_file(directory / "cohort.tsv") as path:
        write_tsv(path, header, rows)
    site_header = ["patient", "site", "site_class"]
    site_header += [column for label in SITE_LABELS for column in (label, f"{label}_probability")]
    site_header += [
        "S",
        "L_p",
        "L_m",
        "W_s",
        "jsi",
        "p_value",
        "call",
        "seeding_age",
        "seeding_age_lo",
        "seeding_age_hi",
    ]
    with replace_file(directory / "cohort_sites.tsv") as path:
        write_tsv(path, site_header, [row for name, _, _, summary in patients for row in _site_rows(name, summary)])
    columns = ["label", "group", "value", "n_patients", "expected", "share", "share_lo", "share_hi"]
    with replace_file(directory / "frequencies.tsv") as path:
        write_tsv(path, columns, ([getattr(row, name) for name in columns] for row in frequencies))
    with replace_file(directory / "routes.tsv") as path:
        names = ["source", "target", "n_patients", "expected", "share", "share_lo", "share_hi"]
        write_tsv(path, names, ([row.group, row.value, *(getattr(row, n) for n in names[2:])] for row in routes))
    with replace_file(directory / "associations.tsv") as path:
        names = ["label", "value", "column", "n_patients", "p_value"]
        cells = ([*(getattr(test, n) for n in names), _shares(test.shares)] for test in associations)
        write_tsv(path, [*names, "shares"], cells)
    with replace_file(directory / "parallel_drivers.tsv") as path:
        write_tsv(path, ["gene", "n_patients", "expected"], drivers)
    with replace_file(directory / "phylometa_mqc.tsv") as path:
        kept = [0, 3, 5, *range(7, len(header))]
        write_tsv(path, ["Sample", *(header[i] for i in kept[1:])], ([row[i] for i in kept] for row in rows))
        path.write_text(MULTIQC_HEADER + path.read_text(encoding="utf-8"), encoding="utf-8")


def _shares(shares: Mapping[str, float]) -> str:
    return "; ".join(f"{group}: {share:.3f}" for group, share in shares.items())
