"""The answer in plain sentences, each with its support: what holds for the patient, what for each site and by which
reads; what the samples cannot tell, and what would settle it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from phylometa.config import SeedingSettings
from phylometa.model.certainty import level_word
from phylometa.model.label_specs import label_name
from phylometa.model.result import PatientResult
from phylometa.model.timing import LesionRow, best_dates
from phylometa.plots.style import percent
from phylometa.report.evidence import Evidence, site_evidence
from phylometa.seeding.sentences import evidence_in_words, headline_sentences

__all__ = ["Finding", "Findings", "SiteFindings", "describe"]

# What the rows of sites and the routes between them say already, and labels that tell of one event.
_IN_TABLE = ("routes", "clonality_site", "site_sources", "reseeding")
_SAME_EVENT = ("self_seeding",)
_RETURN, _OTHER_ORDERS = "(reseeding, R)", "; other orders of the criteria give another answer"
# Said once, of all questions together, on the first screen.
_REMEDY = " Could be settled by "
# Said by the heading above the open questions.
_OPEN_PREFIX = "Not determined by these samples: "
_NOT_CONVERGED = (
    "The search has not converged: levels are those that hold within two standard errors. To prolong the run raise "
    "joint_rounds."
)
# Alternatives that are named if a source is not determined.
_ALTERNATIVES = 3


@dataclass(frozen=True, slots=True)
class Finding:
    """One sentence of the answer.

    Parameters
    ----------
    text : str
    status : {"supported", "favoured", "not determined", "fact"}
    probability : float
        NaN if the sentence carries none.
    note : str
        What else belongs to it.
    label : str
        Seeding label that it tells of, or ``routes``.
    """

    text: str
    status: str
    probability: float = float("nan")
    note: str = ""
    label: str = ""

    @property
    def support(self) -> str:
        """The probability beside the sentence; empty if the sentence carries none."""
        return percent(self.probability) if self.probability == self.probability else ""


@dataclass(frozen=True, slots=True)
class SiteFindings:
    """What is known of one site, without its name in every sentence, and the reads of the clones that founded it."""

    site: str
    site_class: str
    findings: tuple[Finding, ...]
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True)
class Findings:
    """The summary of a report.

    Parameters
    ----------
    what_was_read : str
    answers : tuple of Finding
        About the patient, most important first.
    sites : tuple of SiteFindings
        In the order of the patient's sites; those without a finding are left out.
    open_questions : tuple of Finding
        What is not determined and belongs to no single site.
    banner : str
        Stands above all: the search has not converged; empty if it has.
    """

    what_was_read: str
    answers: tuple[Finding, ...]
    sites: tuple[SiteFindings, ...]
    open_questions: tuple[Finding, ...]
    banner: str = ""

    @property
    def facts(self) -> tuple[Finding, ...]:
        """Answers about the patient that no table of sites shows, one event once."""
        told = {finding.label for finding in self.answers}
        found, other = [], []
        for finding in self.answers:
            repeats = finding.label == "self_seeding" or (finding.label == "pattern" and _RETURN in finding.text)
            if finding.label in _IN_TABLE or (repeats and "reseeding_primary" in told):
                continue
            text, is_sensitive, _ = finding.text.partition(_OTHER_ORDERS)
            if is_sensitive:
                other.append(label_name(finding.label).lower())
            text = f"{text}." if is_sensitive else text
            found.append(replace(finding, text=text.replace(f": {finding.status}", "")))  # the box beside it says so
        if other:
            found.append(Finding(f"Other orders of the criteria give another answer for: {', '.join(other)}.", "fact"))
        return tuple(found)


def describe(result: PatientResult) -> Findings:
    """Describe the findings of a patient, most important first; what is not determined stands apart.

    Parameters
    ----------
    result : PatientResult

    Returns
    -------
    Findings
    """
    answers: list[Finding] = []
    open_questions: list[Finding] = []
    of_site: dict[str, list[Finding]] = {site.name: [] for site in result.patient.sites}
    if result.labels is None:
        open_questions.append(
            Finding("Which site seeded which: no seeding labels could be determined.", "not determined")
        )
    else:
        if result.histories is not None:
            answers.append(replace(_routes(result), label="routes"))
        for said in headline_sentences(result.labels):
            finding = replace(_finding(said, result.labels), label=said.label)
            if _is_told(said, result.labels):
                continue
            sources = result.labels.labels.get("site_sources", {}).get(said.site)
            if said.label == "site_seeding" and sources and sum(sources.values()) < 0.5:
                continue  # more probably not seeded at all, which the sentence on its source says
            if said.site in of_site:
                of_site[said.site].append(finding)
            else:
                (open_questions if finding.status == "not determined" else answers).append(finding)
    if result.copy_number is not None:
        answers.append(Finding(_copy_number_sentence(result.copy_number), "fact"))
    if result.timing is not None:
        _timing_findings(result.timing, of_site, answers, _settings(result))
        open_questions.extend(
            Finding(f"{text[:1].upper()}{text[1:]}", "not determined") for text in result.timing.refusals
        )
    evidence = site_evidence(result)
    sites = tuple(
        SiteFindings(
            site.name,
            site.site_class.replace("_", " ") + (", not sampled" if site.is_virtual else ""),
            tuple(of_site[site.name]),
            evidence.get(site.name, ()),
        )
        for site in result.patient.sites
        if of_site[site.name]
    )
    converged = None if result.labels is None else result.labels.certainty.convergence
    text = "" if converged is None else converged.text
    if text:
        open_questions.append(Finding(f"{text[:1].upper()}{text[1:]}.", "not determined"))
    banner = _NOT_CONVERGED if text else ""
    return Findings(_what_was_read(result), tuple(answers), sites, tuple(open_questions), banner)


def _is_told(said: Any, labels: Any) -> bool:
    """Whether the sentence on the primary's reseeding tells of the same event, or asks the same question."""
    asked = labels.labels.get("reseeding_primary", {}).get("True", 0.0) > 1 - labels.settings.favoured_probability
    is_return = said.label == "pattern" and _RETURN in said.sentence and said.status != "not determined"
    return asked and (said.label in _SAME_EVENT or is_return)


def _finding(said: Any, labels: Any) -> Finding:
    """A sentence of the labels for its place: without what the heading says, with percentages like everywhere."""
    if said.status != "not determined":
        text = said.sentence.replace(f" by these samples ({said.probability:.2f})", "")
        return Finding(_without_site(text, said.site), said.status, said.probability, said.note)
    if said.label == "site_sources":
        return Finding(_open_source(labels, said.site), said.status, note=said.note)
    if said.label == "divergence":
        text = f"early or late divergence not determined: {said.sentence.partition(': ')[2]}"
        return Finding(text, said.status, note=said.note)
    text = said.sentence.removeprefix(_OPEN_PREFIX).partition(_REMEDY)[0]
    text = re.sub(r"\(([01]\.\d\d)\)", lambda number: f"({percent(float(number[1]))})", text)
    text = text.replace(f"{said.site} ", "") if said.site else text
    return Finding(f"not determined: {text}" if said.site else text, said.status, note=said.note)


def _without_site(text: str, site: str) -> str:
    return text.removeprefix(f"{site} ") if site else text


def _open_source(labels: Any, site: str) -> str:
    """The most probable sources of a site whose source is not determined; that it was not seeded is one answer."""
    distribution: Mapping[str, float] = labels.labels["site_sources"][site]
    ranked = sorted(distribution.items(), key=lambda item: (-item[1], item[0]))
    named = [f"{value.replace('+', ' and ')} ({percent(p)})" for value, p in ranked[:_ALTERNATIVES]]
    unseeded = 1.0 - sum(distribution.values())
    if unseeded > 0.5:  # a label of a site that may not have been seeded at all
        return f"not reseeded ({percent(unseeded)}); otherwise from {'; '.join(named)}."
    if unseeded > max((p for _, p in ranked), default=0.0):
        named = [f"not reseeded ({percent(unseeded)})", *named[:-1]]
    rest = len(ranked) - _ALTERNATIVES
    return f"source not determined: {'; '.join(named)}" + (f"; or {_count(rest, 'other')}" if rest > 0 else "") + "."


def _routes(result: PatientResult) -> Finding:
    """The migrations between sites that are at least favoured, as the figure beside draws them."""
    assert result.labels is not None and result.histories is not None
    settings = result.labels.settings
    routes = result.labels.certainty.routes
    if not routes:
        return Finding("No clone migrated between the sampled sites.", "fact")
    sure = [route for route in routes if route.level != "not determined"]
    notes = []
    for route in routes:
        name = f"{route.source} to {route.target}"
        if (
            route.level != "not determined"
            and route.evidence is not None
            and (words := evidence_in_words(route.evidence, settings))
        ):
            notes.append(f"{name}: {words}")
        elif route.level == "not determined" and route.cap is not None:
            notes.append(f"{name} ({percent(route.probability)}) is not determined: {route.cap.reason}.")
    if not sure:
        least = percent(settings.favoured_probability)
        return Finding(f"No route between two sites is sure to {least} or more.", "fact", note=" ".join(notes))
    order = {name: index for index, name in enumerate(result.patient.site_names)}
    sure.sort(key=lambda route: (order[route.source], -route.probability, order[route.target]))
    listed = "; ".join(f"{route.source} to {route.target} ({percent(route.probability)})" for route in sure)
    return Finding(f"Routes: {listed}.", "fact", note=" ".join(notes))


def _count(number: int, noun: str, plural: str = "") -> str:
    return f"{number} {noun if number == 1 else plural or noun + 's'}"


def _what_was_read(result: PatientResult) -> str:
    patient = result.patient
    n_sites = len({sample.site for sample in patient.samples if sample.site})
    n_events = int(patient.mutations.is_event.sum())
    read = [_count(patient.mutations.n_mutations - n_events, "mutation")]
    read = [*read[: n_events < patient.mutations.n_mutations], *[_count(n_events, "copy-number event")][: n_events > 0]]
    text = f"{' and '.join(read)} in {_count(len(patient.samples), 'sample')} of {_count(n_sites, 'site')}"
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


def _copy_number_sentence(copy_number: Any) -> str:
    samples = [row for row in copy_number.instability if row.is_sample]
    doubled = [row for row in samples if row.is_doubled]
    least = min((row.wgd_probability for row in doubled), default=0.0)
    if not doubled:
        where = "no sample's genome is doubled"
    else:
        share = "all" if len(doubled) == len(samples) else f"{len(doubled)} of {len(samples)}"
        where = (
            f"the genome is doubled in {share} {'of them' if share == 'all' else 'samples'} (P at least {least:.2f})"
        )
    return f"{_count(copy_number.tree_length, 'copy-number event')} explain the samples; {where}."


# P(a rest of more than a year) from which dormancy is said, and the p-value of a conflict of sources.
_DORMANT, _CONFLICT = 0.95, 0.05
_MODEL_WORDS = {
    "joint": "clock, growth and dates together",
    "joint_exponential": "with exponential growth",
    "joint_gompertz": "with Gompertz growth",
    "clock": "clock alone",
    "clock_cpg": "C>T at CpG alone",
    "without_cohort": "without the cohort's prior of the acceleration",
    "growth_exponential": "exponential growth alone",
    "growth_gompertz": "Gompertz growth alone",
}


def _settings(result: PatientResult) -> SeedingSettings:
    return SeedingSettings() if result.settings is None else result.settings.seeding


def _least_dormant(rows: Sequence[LesionRow]) -> list[LesionRow]:
    """One row per site: of both growth models together; if their probability is not known, the one against a rest."""
    chosen: dict[str, LesionRow] = {}
    for row in rows:
        best = chosen.setdefault(row.site, row)
        if best.model != "joint" and row.p_dormant < best.p_dormant:
            chosen[row.site] = row
    return list(chosen.values())


def _timing_findings(
    timing: Any, of_site: Mapping[str, list[Finding]], answers: list[Finding], settings: SeedingSettings
) -> None:
    """Ages of seeding to the sites with what each source says, rests before growth, conflicts of sources, and the
    evidence that an irradiated site was seeded again."""
    for (site, clone), interval in best_dates(timing.intervals).items():
        if interval.probability < settings.favoured_probability or site not in of_site:
            continue
        seeding = interval.seeding
        text = (
            f"was seeded by clone {clone} between the ages of {seeding.lo:.1f} and {seeding.hi:.1f} years "
            f"(95 % interval, {_MODEL_WORDS[interval.model]})."
        )
        status = level_word(interval.probability, settings)
        before = "; ".join(f"before {name.replace('_', ' ')}: {percent(p)}" for name, p in interval.p_before.items())
        others = "; ".join(
            f"{_MODEL_WORDS[x.model]} {x.seeding.lo:.1f} to {x.seeding.hi:.1f}"
            for x in timing.intervals
            if (x.site, x.founding_clone) == (site, clone) and x.model in _MODEL_WORDS and x.model != interval.model
        )
        note = " ".join(
            part for part in (f"Probability {before}." if before else "", f"{others}." if others else "") if part
        )
        of_site[site].append(Finding(text, status, interval.probability, note[:1].upper() + note[1:]))
    for row in _least_dormant(timing.lesions):
        if row.p_dormant >= _DORMANT and row.site in of_site:
            rest = row.rest_years
            text = f"rested for {rest.lo:.1f} to {rest.hi:.1f} years between arrival and growth (95 % interval)."
            of_site[row.site].append(Finding(text, level_word(row.p_dormant, settings), row.p_dormant))
    answers.extend(Finding(f"Growth and clock: {x.statement}", "fact") for x in timing.checks if x.p_value < _CONFLICT)
    for row in timing.reseeding:
        course = row.treatment.replace("_", " ").removesuffix(row.site).strip()
        text = f"Whether {row.site} was reseeded after {course}: {row.grade} evidence."
        back = f"Probability of a migration from a metastasis back: {percent(row.probability_of_return)}"
        told = "" if row.grade != "insufficient" else "reseeding"  # no evidence is no fact for the first screen
        answers.append(Finding(text, "fact", note="; ".join((back, *row.observations)) + ".", label=told))
