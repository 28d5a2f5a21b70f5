"""The answer in plain sentences, each with its support; what the samples cannot tell, and what would settle it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from phylometa.plots.style import percent
from phylometa.seeding.sentences import headline_sentences
from phylometa.trees import PatientResult

# Said by the heading above the open questions.
_OPEN_PREFIX = "Not determined by these samples: "

__all__ = ["Finding", "Findings", "describe"]


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
        What else belongs to it.
    """

    text: str
    status: str
    probability: float = float("nan")
    note: str = ""

    @property
    def support(self) -> str:
        """The probability beside the sentence; empty where the sentence carries none."""
        return percent(self.probability) if self.probability == self.probability else ""


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
    else:
        for sentence, probability, status in headline_sentences(result.labels):
            is_open = status == "not determined"
            # The number stands beside the sentence.
            text = sentence.removeprefix(_OPEN_PREFIX).replace(f" by these samples ({probability:.2f})", "")
            finding = Finding(text, status, float("nan") if is_open else probability)
            (open_questions if is_open else answers).append(finding)
    if result.copy_number is not None:
        answers.append(Finding(_copy_number_sentence(result.copy_number), "fact"))
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


def _copy_number_sentence(copy_number: Any) -> str:
    doubled = copy_number.wgd_branches
    where = f"a genome doubling on the branch above {' and '.join(doubled)}" if doubled else "no genome doubling"
    return f"{_count(copy_number.tree_length, 'copy-number event')} explain the samples, with {where}."


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
    open_questions.extend(Finding(f"{text[:1].upper()}{text[1:]}", "not determined") for text in timing.refusals)
