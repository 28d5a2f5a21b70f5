"""The answer in plain sentences, each with its support; what the samples cannot tell, and what would settle it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from phylometa.plots.label_words import label_name, most_probable_value, value_name
from phylometa.plots.style import percent
from phylometa.trees import PatientResult

__all__ = ["Finding", "Findings", "describe"]

_SENTENCES: dict[str, dict[str, str]] = {
    "pattern": {
        "none": "No clone migrated: every clone stayed in the site where it arose.",
        "PS": "All metastases were seeded directly from one site (parallel single-source seeding).",
        "S": "Every site has one source, and metastases seeded further sites (single-source seeding).",
        "M": "At least one site received clones from more than one source (multi-source seeding).",
        "R": "Clones migrated in a circle between sites (cyclic pattern, reseeding).",
    },
    "clonality_site": {
        "monoclonal": "Every seeded site was founded by a single clone (monoclonal seeding).",
        "polyclonal": "At least one site was founded by more than one clone (polyclonal seeding).",
    },
    "phyletic": {
        "monophyletic": "The clones that left the primary lie on one line of descent (monophyletic origin).",
        "polyphyletic": "The clones that left the primary lie on separate branches of the tree (polyphyletic origin).",
    },
    "met_to_met": {
        "True": "A metastasis seeded another metastasis.",
        "False": "No metastasis seeded another metastasis.",
    },
    "cascade": {"True": "Some metastasis was seeded by another metastasis alone (metastatic cascade)."},
    "cross_seeding": {
        "True": "A metastasis received clones from another metastasis and from elsewhere (cross-seeding)."
    },
    "reseeding_primary": {
        "True": "Clones came back into the primary from a metastasis (reseeding of the primary).",
        "False": "The primary was not reseeded.",
    },
    "local_recurrence": {"True": "The local recurrence grew from clones of the primary."},
}
_SITE_SENTENCES = {
    "site_sources": "{site} was seeded from {value}.",
    "site_seeding": "{site}: {value} seeding.",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One sentence of the answer.

    Parameters
    ----------
    text : str
    status : {"supported", "favoured", "not determined", "fact"}
    probability : float
        NaN where the sentence carries none.
    note : str
        Alternatives, or what would settle it.
    """

    text: str
    status: str
    probability: float = float("nan")
    note: str = ""

    @property
    def support(self) -> str:
        """Words and number, as shown beside the sentence."""
        if self.status == "fact":
            return ""
        return f"{self.status}, {percent(self.probability)}" if self.probability == self.probability else self.status


@dataclass(frozen=True, slots=True)
class Findings:
    """The summary of a report: what is known, and what is not."""

    answers: tuple[Finding, ...]
    open_questions: tuple[Finding, ...]


def describe(result: PatientResult) -> Findings:
    """The findings of a patient, most important first; what is not determined stands apart.

    Parameters
    ----------
    result : PatientResult

    Returns
    -------
    Findings
    """
    answers: list[Finding] = []
    open_questions: list[Finding] = []
    answers.append(Finding(_what_was_read(result), "fact"))
    if result.labels is None:
        open_questions.append(
            Finding("Which site seeded which: no seeding labels could be determined.", "not determined")
        )
    elif result.labels.clonally_unrelated:
        answers.append(
            Finding("The tumours share no mutation: by these data they are separate cancers, not metastases.", "fact")
        )
    else:
        _label_findings(result, answers, open_questions)
    if result.timing is not None:
        _timing_findings(result.timing, answers, open_questions)
    return Findings(tuple(answers), tuple(open_questions))


def _count(number: int, noun: str, plural: str = "") -> str:
    return f"{number} {noun if number == 1 else plural or noun + 's'}"


def _what_was_read(result: PatientResult) -> str:
    patient = result.patient
    n_sites = len({sample.site for sample in patient.samples})
    text = (
        f"{_count(patient.mutations.n_mutations, 'mutation')} in {_count(len(patient.samples), 'sample')} "
        f"of {_count(n_sites, 'site')}"
    )
    if result.clusters is not None:
        text += f" fall into {_count(result.clusters.n_clusters, 'cluster')}"
    if result.trees is not None and len(result.trees):
        trees = result.trees
        text += (
            ", which fit one clone tree only"
            if len(trees) == 1 and trees.complete
            else f"; the best of {_count(trees.n_trees, 'clone tree')} has probability {percent(trees.weights[0])}"
        )
    return text + "."


def _alternatives(label: str, distribution: Mapping[str, float]) -> str:
    ranked = sorted(distribution.items(), key=lambda item: (-item[1], item[0]))
    return "; ".join(f"{value_name(label, value)} {percent(p)}" for value, p in ranked[:4] if p >= 0.005)


def _label_findings(result: PatientResult, answers: list[Finding], open_questions: list[Finding]) -> None:
    labels = result.labels.with_override()
    if not labels.primary_sampled:
        answers.append(
            Finding("The primary was not sampled, so that sources, pattern and origin cannot be told.", "fact")
        )
    for name, sentences in _SENTENCES.items():
        if name not in labels.labels:
            continue
        value, probability = most_probable_value(labels.labels[name])
        status = labels.status.get(name, "not determined")
        note = _settled(labels, name)
        if name in labels.criterion_sensitive:
            note = f"{note} Changes with the order of the parsimony criteria.".strip()
        if status == "not determined":
            question = f"{label_name(name)}: {_alternatives(name, labels.labels[name])}."
            open_questions.append(Finding(question, status, probability, note))
        elif value in sentences:
            answers.append(Finding(sentences[value], status, probability, note))
    for name, template in _SITE_SENTENCES.items():
        for site, distribution in labels.labels.get(name, {}).items():
            value, probability = most_probable_value(distribution)
            status = labels.status.get(name, {}).get(site, "not determined")
            note = _settled(labels, f"{name}:{site}")
            if status == "not determined":
                question = f"{label_name(name)} of {site}: {_alternatives(name, distribution)}."
                open_questions.append(Finding(question, status, probability, note))
            elif name == "site_sources":
                words = " and ".join(value.split("+"))
                answers.append(Finding(template.format(site=site, value=words), status, probability, note))


def _settled(labels: Any, key: str) -> str:
    return f"Would be settled by {labels.settled_by[key]}." if key in labels.settled_by else ""


# Models of calendar time by trust: dates of two samples, then the clock with its acceleration.
_GENETIC_MODELS = ("serial", "clock")


def _timing_findings(timing: Any, answers: list[Finding], open_questions: list[Finding]) -> None:
    dated: dict[tuple[str, str], Any] = {}
    for model in _GENETIC_MODELS:
        for interval in timing.intervals:
            if interval.model == model and interval.unit == "age_years" and interval.probability >= 0.8:
                dated.setdefault((interval.site, interval.founding_clone), interval)
    for (site, clone), interval in dated.items():
        seeding = interval.seeding
        text = (
            f"{site} was seeded by clone {clone} between the ages of {seeding.lo:.1f} and {seeding.hi:.1f} years "
            f"(95 % interval, {interval.model} model)."
        )
        status = "supported" if interval.probability >= 0.95 else "favoured"
        before = "; ".join(f"before {name.replace('_', ' ')}: {percent(p)}" for name, p in interval.p_before.items())
        answers.append(Finding(text, status, interval.probability, f"Probability {before}." if before else ""))
    answers.extend(
        Finding(
            f"{row.metastasis} diverged {row.call} from the primary: it lacks {row.L_p:.0f} of the "
            f"{row.S + row.L_p:.0f} mutations that all cells of the primary carry (p = {row.p_value:.2g}).",
            "fact",
        )
        for row in timing.divergence
        if row.call in ("early", "late")
    )
    open_questions.extend(Finding(text, "not determined") for text in timing.refusals)
