"""The first screen of a report: one sentence, one row per seeded site, and one list of what is not determined."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from phylometa.model.certainty import decide_level, level_word, statement_key
from phylometa.model.label_specs import value_name
from phylometa.model.patient import Site
from phylometa.model.result import PatientResult
from phylometa.model.timing import SeedingInterval, best_dates
from phylometa.plots.style import percent

__all__ = ["Overview", "Statement", "SiteRow", "overview"]

OPEN = "not determined"
_CANDIDATES = 2  # named besides of a source that is not determined
_LEAST = 0.1  # a candidate less probable is not named
_LISTED = 3  # sites that a sentence names; more are counted, the table has them
# Sites beyond which one candidate is named besides, not two, and only if it is half as probable as the first.
_CROWDED, _HALF = 8, 0.5
_SEVERAL = 1.5  # expected number of sources from which they do not exclude each other
_CLASS_WORDS = {"primary": "primary", "bed": "surgical bed", "lymph_node": "lymph node"}
_CLONES = {"monoclonal": "one", "polyclonal": "several"}
# Labels of the patient that are told as one question, and the question; the first that is open is enough.
_QUESTIONS = (
    (("pattern",), "the pattern of seeding"),
    (("reseeding_primary", "self_seeding"), "whether the primary was reseeded"),
    (("cascade", "met_to_met"), "whether metastases seeded metastases"),
    (("cross_seeding",), "whether a metastasis has several sources"),
    (("phyletic",), "whether the seeding clones are of one lineage"),
)
_SITE_QUESTIONS = (
    ("site_sources", "the source of"),
    ("site_seeding", "whether one clone or several founded"),
    ("ln_route", "whether a lymph node lay on the way to"),
)


_COLUMNS = ("site_sources", "site_seeding")


@dataclass(frozen=True, slots=True)
class Statement:
    """A cell of the overview: what is most probable, how probable, and its level.

    Parameters
    ----------
    text : str
        Empty if nothing is known.
    probability : float
        NaN if there is none.
    status : {"supported", "favoured", "not determined", ""}
    note : str
        Candidates besides, or a range.
    """

    text: str = ""
    probability: float = math.nan
    status: str = ""
    note: str = ""

    @property
    def support(self) -> str:
        return percent(self.probability) if self.probability == self.probability else ""


@dataclass(frozen=True, slots=True)
class SiteRow:
    """What is known of the seeding of one site.

    Parameters
    ----------
    site, site_class : str
        The class is empty for a distant metastasis, and if the name says it.
    source, clones, divergence : Statement
        Where from; one founding clone or several; early or late.
    age : str
        95 % interval of the age at seeding, in years; empty without calendar dates.
    before : tuple of (event, probability)
        P(seeded before it): diagnosis and operations.
    """

    site: str
    site_class: str
    source: Statement
    clones: Statement
    divergence: Statement
    age: str = ""
    before: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Overview:
    """The first screen.

    Parameters
    ----------
    sentence : str
    rows : tuple of SiteRow
        Metastases in the order of the patient's sites; before them a primary or bed that may have been reseeded.
    events : tuple of str
        Columns of `SiteRow.before`.
    open_questions : tuple of str
        Each once.
    settled_by : str
        The one sample that would settle most of them.
    strip : tuple of (name, value)
        What was measured.
    """

    sentence: str
    rows: tuple[SiteRow, ...]
    events: tuple[str, ...]
    open_questions: tuple[str, ...]
    settled_by: str
    strip: tuple[tuple[str, str], ...]

    @property
    def has_divergence(self) -> bool:
        """Whether an early or late call was made for some site."""
        return any(row.divergence.text not in ("", "?") for row in self.rows)

    @property
    def has_ages(self) -> bool:
        return any(row.age for row in self.rows)


def overview(result: PatientResult) -> Overview:
    """Sum a result up for the first screen; levels are read from the labels, not decided here.

    Parameters
    ----------
    result : PatientResult
    """
    rows = _rows(result)
    events = tuple(dict.fromkeys(name for row in rows for name, _ in row.before))
    questions, settled = _open_questions(result, rows)
    return Overview(_sentence(result, rows), rows, events, questions, settled, _strip(result))


def _rows(result: PatientResult) -> tuple[SiteRow, ...]:
    if result.labels is None:
        return ()
    shown = result.labels.with_override()
    dates = _dates(result)
    rows = []
    candidates = _CANDIDATES if len(result.patient.sites) <= _CROWDED else 1
    for site in result.patient.sites:
        source = _statement(shown, "site_sources", site, candidates)
        if not site.is_metastasis and (not source.text or _seeded(shown, site.name) < _LEAST):
            continue
        clones = _statement(shown, "site_seeding", site) if _seeded(shown, site.name) >= 0.5 else Statement()
        date = dates.get(site.name)
        rows.append(
            SiteRow(
                site.name,
                _class_word(site),
                source,
                clones,
                _divergence(result, site.name),
                "" if date is None else f"{date.seeding.lo:.0f} to {date.seeding.hi:.0f}",
                () if date is None else _before(result, date),
            )
        )
    return tuple(rows)


def _class_word(site: Site) -> str:
    """The class of a site if neither its name nor its place in the table says it."""
    word = _CLASS_WORDS.get(site.site_class, "")
    told = "" if word in site.name.replace("_", " ").lower() else word
    return ", ".join(part for part in (told, "not sampled" * site.is_virtual) if part)


def _seeded(labels: Any, site: str) -> float:
    """P(a clone arrived in the site)."""
    return float(sum(labels.labels.get("site_sources", {}).get(site, {}).values()))


def _statement(labels: Any, name: str, site: Site, candidates: int = _CANDIDATES) -> Statement:
    """The most probable value of a site's label. What is missing to 1 is that the site was not seeded."""
    values = {
        _CLONES.get(value, value_name(name, value)): float(p)
        for value, p in labels.labels.get(name, {}).get(site.name, {}).items()
    }
    if not values:
        return Statement()
    rest = 1.0 - sum(values.values())
    if rest > _LEAST and name == "site_sources":
        values["not reseeded" if site.site_class in ("primary", "bed") else "not seeded"] = rest
    ranked = sorted(values.items(), key=lambda item: (-item[1], item[0]))
    (best, p), others = ranked[0], ranked[1:]
    word = labels.status.get(name, {}).get(site.name, OPEN)
    if best in ("not reseeded", "not seeded"):  # the label's level is that of the most probable source
        word = level_word(p, labels.settings)
    if word != OPEN:
        return Statement(best, p, word)
    if name == "site_sources":
        return _open_source(labels.labels[name][site.name], {best: p} if best.startswith("not ") else {}, candidates)
    told = set(values) <= {*_CLONES.values()}  # of two answers the second is what is missing to 1
    named = [] if told else [f"{value} {percent(q)}" for value, q in others[:candidates] if q >= _LEAST]
    return Statement(best, p, word, f"or {', '.join(named)}" if named else "")


def _open_source(values: Mapping[str, float], unseeded: Mapping[str, float], candidates: int) -> Statement:
    """The sites from which clones probably came, each with its own probability, whichever others they came with."""
    own: dict[str, float] = defaultdict(float)
    for combination, p in values.items():
        for source in combination.split("+"):
            own[source] += float(p)
    several = sum(own.values()) > _SEVERAL * sum(values.values())
    ranked = [*unseeded.items(), *sorted(own.items(), key=lambda item: (-item[1], item[0]))]
    (best, p), others = ranked[0], ranked[1 : 1 + candidates]
    least = max(_LEAST, _HALF * p) if candidates < _CANDIDATES else _LEAST
    named = ", ".join(f"{source} {percent(q)}" for source, q in others if q >= least)
    return Statement(best, p, OPEN, f"{'and perhaps' if several else 'or'} {named}" if named else "")


def _divergence(result: PatientResult, site: str) -> Statement:
    test = None if result.labels is None else result.labels.divergence.get(site)
    if test is None:
        return Statement()
    if test.call == "undetermined":
        return Statement("?", math.nan, OPEN, test.reason)
    p = 1 - test.p_few if test.call == "early" else test.p_few
    assert result.labels is not None
    level, _ = decide_level(
        p, result.labels.settings, cap=result.labels.certainty.caps.get(statement_key("divergence", site))
    )
    return Statement(test.call, p, level)


def _dates(result: PatientResult) -> dict[str, SeedingInterval]:
    """Site -> the interval of its most probable migration, if it is at least as probable as not."""
    found: dict[str, SeedingInterval] = {}
    if result.timing is not None:
        for (site, _), interval in best_dates(result.timing.intervals).items():
            if interval.probability >= 0.5 and interval.probability > getattr(found.get(site), "probability", 0.0):
                found[site] = interval
    return found


def _before(result: PatientResult, date: SeedingInterval) -> tuple[tuple[str, float], ...]:
    kinds = {event.name: event.kind for event in result.timing.events}
    wanted = ("diagnosis", "surgery", "resection", "operation")
    return tuple((name.replace("_", " "), p) for name, p in date.p_before.items() if kinds.get(name, name) in wanted)


def _sentence(result: PatientResult, rows: Sequence[SiteRow]) -> str:
    """The answer to "who seeded whom", in one sentence."""
    labels = result.labels
    if not result.patient.in_place.samples:
        return (
            "All samples circulate and name no site: the clones and their shares are told, but not which site seeded "
            "which."
        )
    if labels is None or (not rows and not any(site.is_metastasis for site in result.patient.sites)):
        return "Which site seeded which could not be determined."
    if labels.clonally_unrelated:
        return "The tumours share no mutation with the primary: they are independent, and none seeded another."
    if not labels.primary_sampled:
        return "The primary was not sampled, so the sources of the metastases are not determined."
    if not labels.n_histories:
        return "Which site seeded which is not determined: no migration history fits these samples."
    metastases = [row for row in rows if row.source.text and row.site != result.patient.primary.name]
    by_source: dict[str, list[str]] = defaultdict(list)
    for row in metastases:
        if row.source.status != OPEN:
            by_source[row.source.text].append(row.site)
    unknown = [row.site for row in metastases if row.source.status == OPEN]
    parts = [
        f"{source.replace(', ', ' and ')} seeded {_listed(sites, 'metastases')}" for source, sites in by_source.items()
    ]
    if unknown and parts:
        plural, named = "s" * (len(unknown) > 1), _listed(unknown, "others")
        parts.append(f"the source{plural} of {named} {_is(unknown)} not determined")
    elif unknown:
        parts.append(
            f"the source of none of the {len(unknown)} metastases is determined"
            if len(unknown) > 1
            else f"the source of {unknown[0]} is not determined"
        )
    if not parts:
        return "No clone migrated between the sampled sites."
    text = "; ".join(parts)
    return f"{text[:1].upper()}{text[1:]}."


def _listed(names: Sequence[str], noun: str = "sites") -> str:
    """Names in words; of many the number.

    >>> _listed(["liver"]), _listed(["liver", "lung", "spine"]), _listed(["liver"] * 9, "others")
    ('liver', 'liver, lung and spine', '9 others')
    """
    if len(names) > _LISTED:
        return f"{len(names)} {noun}"
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _is(names: Sequence[str]) -> str:
    return "is" if len(names) == 1 else "are"


def _open_questions(result: PatientResult, rows: Sequence[SiteRow]) -> tuple[tuple[str, ...], str]:
    """What is not determined, each once, and the sample that settles most of it.

    The weight of a question is the entropy of its label; the sample is that which settles the most of them together,
    among those that `phylometa.seeding.settle` found best for some label.
    """
    labels = result.labels
    if labels is None or not labels.n_histories:
        refusals = () if result.timing is None else result.timing.refusals
        return ("Which site seeded which", *_joined(refusals)), ""
    shown, questions = labels.with_override(), []
    settled: dict[str, float] = defaultdict(float)
    count: dict[str, int] = defaultdict(int)

    def ask(text: str, key: str, values: Mapping[str, float]) -> None:
        if text:
            questions.append(text)
        if phrase := labels.settled_by.get(key):
            settled[phrase] += _entropy(values)
            count[phrase] += 1

    for names, text in _QUESTIONS:
        name = next((n for n in names if n in shown.labels and shown.status.get(n) == OPEN), None)
        if name is not None:
            ask(text, name, shown.labels[name])
    sited = {row.site for row in rows}
    for name, text in _SITE_QUESTIONS:
        sites = [
            site
            for site, word in shown.status.get(name, {}).items()
            if word == OPEN and site in sited and _seeded(shown, site) >= 0.5
        ]
        if not sites:
            continue
        is_in_table = name in _COLUMNS and len(sites) > _LISTED
        question = "what the table marks with ?" if is_in_table else f"{text} {_listed(sites)}"
        for i, site in enumerate(sites):
            ask(question if i == 0 else "", f"{name}:{site}", shown.labels[name][site])
    by_reason: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        if row.divergence.status == OPEN and row.divergence.note:
            by_reason[row.divergence.note].append(row.site)
    if not any("early or late" in text for text in (() if result.timing is None else result.timing.refusals)):
        if len(by_reason) > 1:  # the folded sentences have the reason of every site
            by_reason = {"for several reasons": [site for sites in by_reason.values() for site in sites]}
        questions += [f"whether {_listed(s)} diverged early or late ({reason})" for reason, s in by_reason.items()]
    if result.timing is not None:
        questions += _joined(result.timing.refusals)
    phrase = max(settled, key=lambda x: settled[x], default="")
    total = sum(count.values())
    best = f"{phrase} ({count[phrase]} of {total} open questions)" if phrase else ""
    return tuple(f"{text[:1].upper()}{text[1:]}" for text in dict.fromkeys(questions)), best


def _joined(texts: Sequence[str]) -> list[str]:
    """Sentences "what: why", one for every what.

    >>> _joined(["no dates: no age", "no rate: one size", "no dates: exome"])
    ['no dates: no age; exome', 'no rate: one size']
    """
    reasons: dict[str, list[str]] = defaultdict(list)
    for text in texts:
        what, _, why = text.partition(": ")
        reasons[what] += [why] if why else []
    return [f"{what}: {'; '.join(why)}" if why else what for what, why in reasons.items()]


def _entropy(values: Mapping[str, float]) -> float:
    p = np.array([*values.values(), max(0.0, 1.0 - sum(values.values()))])
    p = p[p > 0]
    return float(-(p * np.log(p)).sum())


def _strip(result: PatientResult) -> tuple[tuple[str, str], ...]:
    """Samples, mutations, purity, depth, draws, and verdicts of the quality control."""
    patient = result.patient
    found = [("samples", str(len(patient.samples))), ("sites", str(len({s.site for s in patient.samples if s.site})))]
    n_events = int(patient.mutations.is_event.sum())
    found.append(("mutations", f"{patient.mutations.n_mutations - n_events:,}"))
    if n_events:
        found.append(("copy-number events", str(n_events)))
    if result.clusters is not None:
        found.append(("clones", str(result.clusters.n_clusters)))
    purity = patient.purity[np.isfinite(patient.purity)]
    if len(purity):
        found.append(("purity", f"{purity.min():.2f} to {purity.max():.2f}" if len(purity) > 1 else f"{purity[0]:.2f}"))
    with_reads = patient.of_reads.mutations
    depth = with_reads.depth[with_reads.observed]
    if depth.size:
        found.append(("median depth", f"{np.median(depth):.0f}"))
    if result.trees is not None and len(result.trees):
        found.append(("best tree", percent(float(result.trees.weights[0]))))
    if result.quality is not None:
        failed, warned = (len(result.quality.of_verdict(verdict)) for verdict in ("failed", "warning"))
        words = [f"{failed} failed" * bool(failed), f"{warned} warning{'s' * (warned > 1)}" * bool(warned)]
        found.append(("quality checks", ", ".join(word for word in words if word) or "passed"))
    return tuple(found)
