"""The seeding labels in one table: name, values, definition, and the words that figures and report use.

A new label is one entry here and the function that computes it (in `phylometa.seeding.labels` or
`phylometa.seeding.routes`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = [
    "CRITERION_LABELS",
    "EXTRA_LABELS",
    "LABELS",
    "PATIENT_LABELS",
    "SITE_EXTRAS",
    "SITE_LABELS",
    "LabelSpec",
    "label_name",
    "value_name",
]


@dataclass(frozen=True, slots=True)
class LabelSpec:
    """One seeding label.

    Parameters
    ----------
    name : str
        Key in labels.json.
    of : {"patient", "site"}
        Whether the label has one value per patient or one per site.
    values : tuple of str
        Possible values; empty if the values are names of sites or clones, or counts.
    words : str
        What figures and report call it.
    definition : str
        One sentence with one meaning, as the glossary prints it.
    is_extra : bool
        Whether it is reported beside the key `labels` of the seeding cases.
    is_compared : bool
        Whether it is computed again under other orders of the criteria (`criterion_sensitive`).
    without_primary : {"", "source", "history"}
        Why it cannot be told without a sample of the primary: it names a source, or it rests on the whole history.
    names : bool
        Whether its values are names of sites or clones, joined by ``+``.
    """

    name: str
    of: Literal["patient", "site"]
    values: tuple[str, ...]
    words: str
    definition: str
    is_extra: bool = False
    is_compared: bool = False
    without_primary: Literal["", "source", "history"] = ""
    names: bool = False


_CLONALITY = ("monoclonal", "polyclonal")
_PHYLETIC = ("monophyletic", "polyphyletic")
_TRUTH = ("True", "False")

LABELS: tuple[LabelSpec, ...] = (
    LabelSpec(
        "pattern", "patient", ("none", "PS", "S", "M", "R"), "Migration pattern",
        "none: no migration; PS: one site sends all migrations; S: every seeded site has one source; M: some site has "
        "several sources; R: the migration graph has a directed cycle, also one between metastases",
        is_compared=True, without_primary="history",
    ),
    LabelSpec(
        "clonality_machina", "patient", _CLONALITY, "Seeding of the patient (per pair of sites)",
        "polyclonal if two or more migrations share source and target", is_compared=True,
    ),
    LabelSpec(
        "clonality_site", "patient", _CLONALITY, "Seeding of the patient (per site)",
        "polyclonal if some site is entered by two or more migrations; the default", is_compared=True,
    ),
    LabelSpec(
        "clonality_metient_genetic", "patient", _CLONALITY, "Genetic clonality (founding clones)",
        "monoclonal if one founding clone founds every site",
    ),
    LabelSpec(
        "seeding_clones_primary", "patient", (), "Clones that left the primary",
        "departing clones of the migrations out of the primary", without_primary="source", names=True,
    ),
    LabelSpec(
        "phyletic", "patient", _PHYLETIC, "Origin of the metastases in the primary",
        "monophyletic if the departing clones of all migrations out of the primary lie on one path from the root; the "
        "default", is_compared=True, without_primary="history",
    ),
    LabelSpec(
        "phyletic_mach2", "patient", _PHYLETIC, "Origin, by departing clones",
        "monophyletic if one departing clone, over all migrations, is ancestor of all others",
        without_primary="history",
    ),
    LabelSpec(
        "phyletic_metient", "patient", _PHYLETIC, "Origin, by founding clones",
        "monophyletic if one founding clone, over all migrations, is ancestor of all others",
        without_primary="history",
    ),
    LabelSpec(
        "phyletic_clade", "patient", _PHYLETIC, "Origin, by the smallest clade",
        "monophyletic if no clone in the primary lies within the smallest clade over all metastatic clones, its top "
        "excepted", without_primary="history",
    ),
    LabelSpec(
        "reseeding_primary", "patient", _TRUTH, "Reseeding of the primary",
        "another site sent a migration to the primary", is_compared=True, without_primary="source",
    ),
    LabelSpec(
        "self_seeding", "patient", _TRUTH, "Self-seeding",
        "a metastasis sent a migration to the primary or to its bed", is_compared=True, without_primary="source",
    ),
    LabelSpec(
        "local_recurrence", "patient", _TRUTH, "Local recurrence from the primary",
        "the primary sent a migration to its bed", without_primary="source",
    ),
    LabelSpec(
        "met_to_met", "patient", _TRUTH, "Metastasis-to-metastasis seeding",
        "a metastasis sent a migration to another metastasis", is_compared=True, without_primary="source",
    ),
    LabelSpec(
        "cascade", "patient", _TRUTH, "Metastatic cascade",
        "a metastasis is the only source of another", is_compared=True, without_primary="history",
    ),
    LabelSpec(
        "cross_seeding", "patient", _TRUTH, "Cross-seeding of metastases",
        "a metastasis is one of several sources of another", is_compared=True, without_primary="source",
    ),
    LabelSpec(
        "primary_seeded_sites", "patient", (), "Sites seeded by the primary",
        "targets of the migrations out of the primary", without_primary="source", names=True,
    ),
    LabelSpec(
        "site_seeding", "site", _CLONALITY, "Seeding",
        "monoclonal if one migration enters the site, polyclonal if more do",
    ),
    LabelSpec(
        "site_sources", "site", (), "Source", "sources of the migrations into the site", without_primary="source",
        names=True,
    ),
    LabelSpec(
        "ln_route", "site", ("ln_mediated", "independent", "mixed"), "Lymph-node route",
        "distant sites: every entry, traced back to the root, passes a sampled lymph node; none does; some do",
        without_primary="source",
    ),
    LabelSpec(
        "ongoing_evolution", "site", _TRUTH, "Ongoing evolution",
        "metastases: within the site one clone gave rise to another that carries mutations of its own",
    ),
    LabelSpec(
        "phyletic_distant_only", "patient", ("none", *_PHYLETIC), "Origin of the distant metastases",
        "phyletic over the migrations from the primary to distant sites; none if there are none", is_extra=True,
        without_primary="history",
    ),
    LabelSpec(
        "seeding_waves", "site", (), "Waves", "temporally distinct comigrations into the site", is_extra=True,
    ),
    LabelSpec(
        "repeated_seeding", "site", _TRUTH, "Repeated seeding", "more than one wave entered the site", is_extra=True,
    ),
    LabelSpec(
        "source_unobserved", "patient", _TRUTH, "A source clone was not seen in the primary",
        "some clone left the primary and was not found in it", is_extra=True,
    ),
    LabelSpec(
        "founder_unobserved", "site", _TRUTH, "Founder not seen",
        "the clones that entered the site may descend from one founder that was not found there", is_extra=True,
    ),
    LabelSpec(
        "site_seeding_resolved", "site", _CLONALITY, "Seeding, unseen founder granted",
        "site_seeding if one founder that was not found may have brought several clones", is_extra=True,
    ),
)  # fmt: skip
"""Every label, in the order of labels.json."""

_SPEC_OF = {spec.name: spec for spec in LABELS}

PATIENT_LABELS = tuple(spec.name for spec in LABELS if spec.of == "patient" and not spec.is_extra)
"""Labels with one value per history."""
SITE_LABELS = tuple(spec.name for spec in LABELS if spec.of == "site" and not spec.is_extra)
"""Labels with one value per site and history."""
EXTRA_LABELS = tuple(spec.name for spec in LABELS if spec.is_extra)
"""Labels reported beside those of the seeding cases' key `labels`."""
SITE_EXTRAS = tuple(spec.name for spec in LABELS if spec.is_extra and spec.of == "site")
"""Those of them with one value per site."""
CRITERION_LABELS = tuple(spec.name for spec in LABELS if spec.is_compared)
"""Labels that are compared between orders of the criteria (`criterion_sensitive`)."""

_VALUES = {
    "True": "yes",
    "False": "no",
    "none": "none",
    "ambiguous": "not determined",
    "ln_mediated": "through a lymph node",
    "independent": "not through a lymph node",
    "mixed": "both ways",
}
_PATTERNS = {
    "none": "no migration",
    "PS": "parallel single-source",
    "S": "single-source",
    "M": "multi-source",
    "R": "cyclic (reseeding)",
}


def label_name(label: str) -> str:
    """Return what a label is called; its key if it has no words of its own.

    >>> label_name("ln_route"), label_name("my_own")
    ('Lymph-node route', 'my own')
    """
    return _SPEC_OF[label].words if label in _SPEC_OF else label.replace("_", " ")


def value_name(label: str, value: str) -> str:
    """Return what a value of a label is called.

    >>> value_name("pattern", "PS"), value_name("self_seeding", "False"), value_name("site_sources", "liver+lung")
    ('parallel single-source', 'no', 'liver, lung')
    """
    if label == "pattern" and value in _PATTERNS:
        return _PATTERNS[value]
    if label in _SPEC_OF and _SPEC_OF[label].names:
        return value.replace("+", ", ")
    return _VALUES.get(value, value.replace("_", " "))
