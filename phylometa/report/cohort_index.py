"""The index page of a cohort: every patient with its main labels, what failed and why, and how frequent labels are."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

from markupsafe import Markup

from phylometa.model.label_specs import label_name, value_name
from phylometa.plots.cohort_figures import label_bars_scene, small_graph_scene
from phylometa.plots.label_words import most_probable_value
from phylometa.plots.organ_flow import organ_flow_scene
from phylometa.plots.scene_svg import scene_svg
from phylometa.plots.style import percent
from phylometa.report.page import render_page
from phylometa.report.table import Table

__all__ = ["cohort_index_html", "write_cohort_index"]

_LABELS = ("pattern", "clonality_site", "phyletic", "met_to_met", "reseeding_primary")


class PatientOutcome(Protocol):
    """What became of a patient; see `phylometa.cohort.job.Outcome`."""

    @property
    def patient(self) -> str: ...
    @property
    def status(self) -> str: ...
    @property
    def reason(self) -> str: ...
    @property
    def summary(self) -> Mapping[str, Any]: ...


def _label_cell(summary: Mapping[str, Any], label: str) -> str:
    distribution = ((summary.get("labels") or {}).get("labels") or {}).get(label)
    if not distribution:
        return ""
    value, probability = most_probable_value(distribution)
    return f"{value_name(label, value)} ({percent(probability)})"


def _patients_table(outcomes: Sequence[PatientOutcome]) -> Table:
    rows, links = [], []
    for outcome in outcomes:
        summary = outcome.summary
        is_done = outcome.status != "failed"
        sites = [site["name"] for site in summary.get("sites") or () if not site.get("is_virtual")]
        rows.append(
            (
                outcome.patient,
                "done" if is_done else "failed",
                summary.get("n_samples", ""),
                len(sites) if is_done else "",
                summary.get("n_mutations", ""),
                summary.get("n_clusters") or "",
                *(_label_cell(summary, label) for label in _LABELS),
                len(summary.get("warnings") or ()) if is_done else "",
            )
        )
        links.append(f"{quote(outcome.patient, safe='')}/report.html" if is_done else "")
    columns = ("Patient", "Status", "Samples", "Sites", "Mutations", "Clusters", *map(label_name, _LABELS), "Warnings")
    return Table("patients", "Patients", columns, tuple(rows), links=tuple(links))


def _raw_counts(outcomes: Sequence[PatientOutcome]) -> Counter[tuple[str, str]]:
    """(label, value) -> patients whose most probable value it is."""
    counts: Counter[tuple[str, str]] = Counter()
    for outcome in outcomes:
        labels = ((outcome.summary or {}).get("labels") or {}).get("labels") or {}
        for label, values in labels.items():
            if values and all(isinstance(p, (int, float)) for p in values.values()):  # a label of the patient
                counts[label, most_probable_value(values)[0]] += 1
    return counts


def _frequencies_table(frequencies: Sequence[Any], counts: Counter[tuple[str, str]]) -> Table:
    rows = tuple(
        (
            label_name(row.label),
            value_name(row.label, row.value),
            row.group,
            f"{counts[row.label, row.value]} of {row.n_patients}" if row.group == "all" else f"of {row.n_patients}",
            round(row.expected, 2),
            _share(row),
        )
        for row in frequencies
    )
    columns = ("Label", "Value", "Group", "Most probable in", "Expected number", "Shrunken share (95 % interval)")
    note = (
        "Expected number: the sum of the patients' probabilities. Shares are shrunken towards 1/2, the more the fewer "
        "patients: (expected + 1/2) / (patients + 1)."
    )
    return Table("frequencies", "Frequencies of labels", columns, rows, note=note)


def _share(row: Any) -> str:
    return f"{percent(row.share)} ({percent(row.share_lo)} to {percent(row.share_hi)})"


def _routes_table(routes: Sequence[Any]) -> Table:
    rows = tuple((row.group, row.value, row.n_patients, round(row.expected, 2), _share(row)) for row in routes)
    columns = ("Source", "Target", "Patients with both", "Expected number", "Share (95 % interval)")
    return Table("routes", "Routes between sites", columns, rows)


_QUANTITIES = {
    "seeding_age": "Age at seeding (years)",
    "seeding_before_diagnosis": "Seeded before diagnosis by (years)",
    "ploidy": "Ploidy",
    "altered": "Share of the genome altered",
    "loh": "Share of the genome with LOH",
    "wgii": "Weighted genome instability (wGII)",
    "wgd": "Share of samples with a doubled genome",
}


def _mean(row: Any) -> str:
    interval = f" ({row.lo:.2f} to {row.hi:.2f})" if math.isfinite(row.lo) else ""
    return f"{row.mean:.2f}{interval}"


def _site_tables(by_site: Sequence[Sequence[Any]]) -> list[Table]:
    """Labels of metastases, routes between organs, dates and instability; rows of `phylometa.cohort.sites`."""
    labels, routes, quantities = by_site
    counts = ("Patients", "Metastases")
    label_rows = tuple(
        (label_name(r.quantity), value_name(r.quantity, r.value), r.group, r.n_patients, r.n_sites, _mean(r))
        for r in labels
    )
    route_rows = tuple((r.group, r.value, r.n_patients, r.n_sites, _mean(r)) for r in routes)
    quantity_rows = tuple((_quantity_name(r.quantity), r.group, r.n_patients, r.n_sites, _mean(r)) for r in quantities)
    mean = "Mean (95 % interval over patients)"
    note = "Metastases of one patient are not independent: the intervals count patients."
    return [
        Table("site-labels", "Labels of metastases", ("Label", "Value", "Organ", *counts, mean), label_rows, note=note),
        Table(
            "organ-routes",
            "Migration between organs",
            ("Source", "Target", "Patients", "Pairs of sites", mean),
            route_rows,
        ),
        Table("site-quantities", "Dates and instability", ("Quantity", "Organ", *counts, mean), quantity_rows),
    ]


def _quantity_name(quantity: str) -> str:
    before = "P(seeded before "
    return _QUANTITIES.get(quantity) or quantity.replace("p_before_", before).replace("_", " ") + ")"


def _graphs(outcomes: Sequence[PatientOutcome]) -> list[dict[str, Any]]:
    """A card per patient that was analysed: its small graph, what it is sorted by, and the address of its report."""
    cards = []
    for number, outcome in enumerate(outcomes):
        summary = outcome.summary
        if outcome.status == "failed" or not summary.get("sites"):
            continue
        labels = (summary.get("labels") or {}).get("labels") or {}
        classes = [site.get("site_class", "distant") for site in summary["sites"]]
        cards.append(
            {
                "patient": outcome.patient,
                "link": f"{quote(outcome.patient, safe='')}/report.html",
                "svg": Markup(scene_svg(small_graph_scene(summary), prefix=f"graph-{number}")),
                "pattern": _label_cell(summary, "pattern"),
                "metastases": sum(x in ("lymph_node", "distant") for x in classes),
                "met_to_met": f"{float((labels.get('met_to_met') or {}).get('True', 0.0)):.6f}",
            }
        )
    return cards


def _bars(frequencies: Sequence[Any], counts: Counter[tuple[str, str]]) -> list[tuple[str, Markup]]:
    """Name and bars of every label over all patients."""
    by_label: dict[str, list[Any]] = {}
    for row in frequencies:
        if row.group == "all":
            by_label.setdefault(row.label, []).append(row)
    pictures = []
    for label, found in by_label.items():
        rows = [
            (value_name(label, r.value), counts[label, r.value], r.n_patients, r.share, r.share_lo, r.share_hi)
            for r in found
        ]
        scene = label_bars_scene(rows, title=label_name(label))
        pictures.append((label_name(label), Markup(scene_svg(scene, prefix=f"bars-{label.replace('_', '-')}"))))
    return pictures


def cohort_index_html(
    outcomes: Sequence[PatientOutcome],
    *,
    frequencies: Sequence[Any] = (),
    routes: Sequence[Any] = (),
    by_site: Sequence[Sequence[Any]] = ((), (), ()),
) -> str:
    """Write the index page as text; see `write_cohort_index`."""
    failures = [(outcome.patient, outcome.reason) for outcome in outcomes if outcome.status == "failed"]
    flow, counts = organ_flow_scene(by_site[1]), _raw_counts(outcomes)
    return render_page(
        "index.html.j2",
        patients=_patients_table(outcomes),
        graphs=_graphs(outcomes),
        bars=_bars(frequencies, counts),
        frequencies=_frequencies_table(frequencies, counts),
        routes=_routes_table(routes),
        site_tables=_site_tables(by_site),
        organ_flow="" if flow is None else Markup(scene_svg(flow, prefix="organ-flow")),
        failures=failures,
        n_done=len(outcomes) - len(failures),
    )


def write_cohort_index(
    outcomes: Sequence[PatientOutcome],
    path: str | PathLike[str],
    *,
    frequencies: Sequence[Any] = (),
    routes: Sequence[Any] = (),
    by_site: Sequence[Sequence[Any]] = ((), (), ()),
) -> Path:
    """Write the index page of a cohort; it links to ``PATIENT/report.html`` beside it.

    Parameters
    ----------
    outcomes : sequence of `phylometa.cohort.job.Outcome`
        With ``patient``, ``status``, ``reason`` and ``summary`` (summary.json).
    path : path of the file to write
    frequencies, routes : sequences
        Rows of `phylometa.cohort.statistics.label_frequencies` and `route_frequencies`.
    by_site : three sequences
        Rows of `site_label_frequencies`, `organ_routes` and `site_quantities` of `phylometa.cohort.sites`.

    Returns
    -------
    Path
    """
    path = Path(path)
    text = cohort_index_html(outcomes, frequencies=frequencies, routes=routes, by_site=by_site)
    path.write_text(text, encoding="utf-8", errors="replace", newline="\n")
    return path
