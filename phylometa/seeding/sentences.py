"""The labels of a patient in sentences, each with its probability, its word, and what would settle it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from phylometa.config import SeedingSettings
from phylometa.model.certainty import Cap, Evidence, decide_level, level_word, statement_key
from phylometa.model.label_specs import value_name
from phylometa.model.labels import SeedingLabels

__all__ = ["HeadlineSentence", "evidence_in_words", "headline_sentences", "limits_in_words"]


class HeadlineSentence(NamedTuple):
    """A sentence, the probability of its claim, and ``supported``, ``favoured`` or ``not determined``; the label and
    the site that it is about, if any; and a note on what limits its level or what it rests on."""

    sentence: str
    probability: float
    status: str
    label: str = ""
    site: str = ""
    note: str = ""


# Other orders of the criteria that labels are computed under, and the tools that have them.
_ORDERS = {
    "machina_mu_gamma_sigma": "MACHINA's (migrations, comigrations, seeding sites)",
    "refined_U_mu_gamma_sigma": "MACH2's (unobserved nodes, then the same)",
}
_CLAIMS = {
    "pattern": {
        "none": "No clone migrated",
        "PS": "Every site was seeded directly from the primary (parallel single-source seeding, PS)",
        "S": "Every site was seeded from one site, not all of them from the primary (single-source seeding, S)",
        "M": "At least one site was seeded from more than one site (multi-source seeding, M)",
        "R": "Clones returned to a site they had come from (reseeding, R)",
    },
    "phyletic": {
        "monophyletic": "The clones that left the primary belong to one lineage (monophyletic)",
        "polyphyletic": "The clones that left the primary belong to several lineages (polyphyletic)",
    },
}
# Claims of "True" / "False" labels, told if "True" is not excluded.
_TRUTHS = {
    "reseeding_primary": ("The primary was reseeded from another site", "The primary was not reseeded"),
    "self_seeding": (
        "A metastasis seeded the primary or its bed (self-seeding)",
        "No metastasis seeded the primary or its bed (no self-seeding)",
    ),
    "local_recurrence": (
        "The primary seeded its bed (local recurrence)",
        "The primary did not seed its bed (no local recurrence)",
    ),
    "cascade": (
        "A metastasis was the only source of another (metastatic cascade)",
        "No metastasis was the only source of another (no cascade)",
    ),
    "cross_seeding": (
        "A metastasis and another site seeded the same metastasis (cross-seeding)",
        "No metastasis shared in seeding another (no cross-seeding)",
    ),
}
_SITE_SEEDING = {
    "monoclonal": "{site} was seeded once, by one founding clone (monoclonal)",
    "polyclonal": "{site} was seeded by more than one migration (polyclonal)",
}
_LN_ROUTE = {
    "ln_mediated": "{site} was reached through a lymph node",
    "independent": "{site} was reached without passing a sampled lymph node",
    "mixed": "{site} was reached both through a lymph node and without one",
}
_DIVERGENCE = {
    "early": "{site} diverged early, before the primary's last clonal sweep (parallel-compatible)",
    "late": "{site} diverged late and carries the primary's clonal mutations (linear-compatible)",
}


def headline_sentences(labels: SeedingLabels) -> list[HeadlineSentence]:
    """Put the labels in sentences, the most general first.

    Parameters
    ----------
    labels : SeedingLabels

    Returns
    -------
    list of HeadlineSentence
        The words are supported, favoured and "not determined by these samples" (thresholds: `SeedingSettings`). A
        label that is not determined names what could settle it. Labels of an unsampled primary and of clonally
        unrelated tumours are withheld, with the reason.
    """
    if labels.n_mutations == 1:
        text = (
            "Not determined: one mutation. It shows which sites share a clone; of their seeding only the prior speaks."
        )
        return [HeadlineSentence(text, 0.0, "not determined")]
    sentences = _origin_sentences(labels)
    if labels.clonally_unrelated:
        text = (
            "The metastases share no mutation with the primary: independent tumours, to which no seeding label applies."
        )
        return sentences or [HeadlineSentence(text, 1.0, "supported")]
    if not labels.n_histories:
        text = "No clone tree could be inferred: the routes of seeding are not determined by these samples."
        sentences.append(HeadlineSentence(text, 0.0, "not determined"))
        sentences += _presence_sentences(labels)
    elif not labels.primary_sampled:
        text = (
            "No primary was sampled: source, pattern, phyleticity and divergence are not determined by these samples; "
            "a sample of the primary could settle them."
        )
        sentences.append(HeadlineSentence(text, 0.0, "not determined"))
    else:
        sentences += _patient_sentences(labels)
    sentences += _site_sentences(labels)
    if labels.primary_sampled:
        sentences += _divergence_sentences(labels)
    sentences = [
        said._replace(note=limits_in_words(labels, statement_key(said.label, said.site))) for said in sentences
    ]
    for gene, probability in (labels.parallel_evolution_probability or {}).items():
        if probability >= 1 - labels.settings.favoured_probability:
            claim = f"{gene} was hit more than once, on separate branches (parallel evolution)"
            sentences.append(_sentence(labels, "", "", {claim: probability, f"{gene} was not": 1 - probability}))
    return sentences


def limits_in_words(labels: SeedingLabels, key: str) -> str:
    """Say what limits the level of a label, and what it rests on if that is one or two mutations.

    Parameters
    ----------
    labels : SeedingLabels
    key : str
        `statement_key` of the label.

    Returns
    -------
    str
        Sentences; empty if there is nothing to say.
    """
    certainty = labels.certainty
    said = [_cap_in_words(certainty.caps[key])] if key in certainty.caps else []
    if key in certainty.evidence:
        said.append(evidence_in_words(certainty.evidence[key], labels.settings))
    if key in certainty.could_be:
        said.append(f"Could be {certainty.could_be[key]} with more draws.")
    return " ".join(part for part in said if part)


def _cap_in_words(cap: Cap) -> str:
    remedy = f" To lift this: {cap.remedy}." if cap.remedy else ""
    return f"At most {cap.level}, whatever its probability: {cap.reason}.{remedy}"


def evidence_in_words(evidence: Evidence, settings: SeedingSettings) -> str:
    """Say what a statement rests on if that is clones of one or two mutations; else the empty text."""
    number = evidence.rests_on(settings)
    if number is None:
        return ""
    left = evidence.without_one if number == 1 else evidence.without_two
    if number == 2:
        return f"Rests on clones of one or two mutations ({left:.2f} without them)."
    if not evidence.carriers:
        return f"Rests on clones of one mutation ({left:.2f} without them)."
    named = "; ".join(carrier.text for carrier in evidence.carriers)
    if len(evidence.carriers) == 1:
        return f"Rests on one mutation: {named}."
    return f"Rests on each of {len(evidence.carriers)} single mutations: {named}."


def _origin_sentences(labels: SeedingLabels) -> list[HeadlineSentence]:
    """Pairs of sites whose common origin is not supported."""
    sentences = []
    for pair, common in labels.common_origin.items():
        status = level_word(1.0 - common, labels.settings)
        if level_word(common, labels.settings) == "supported":
            continue
        pair_words = " and ".join(pair.split("|"))
        if common >= 0.5:
            text = f"{pair_words} may be independent tumours (common origin {common:.2f}); taken as of one origin."
        elif status == "not determined":
            text = f"Whether {pair_words} have a common origin is not determined ({common:.2f}): no route is drawn."
        else:
            claim = f"{pair_words} are independent tumours, neither seeded from the other"
            text = f"{claim}: {_word(status, 1 - common)}."
        sentences.append(HeadlineSentence(text, 1.0 - common, status, "common_origin", pair))
    return sentences


def _presence_sentences(labels: SeedingLabels) -> Iterator[HeadlineSentence]:
    """What presence alone says; the rules give a call without a probability, so none is better than not determined."""
    for site, counts in labels.pm_counts.items():
        call = labels.jsi_call[site]
        if counts is not None and call is not None:
            rule = labels.tracerx["region_clonality"][site]
            text = (
                f"{site}: {call} by the Jaccard similarity index ({counts['jsi']:.2f}), {rule} by the TRACERx rule; "
                "not determined by a history."
            )
            yield HeadlineSentence(text, 0.0, "not determined", "site_seeding", site)


def _patient_sentences(labels: SeedingLabels) -> Iterator[HeadlineSentence]:
    for name, claims in _CLAIMS.items():
        values = labels.labels[name]
        if name == "phyletic" and set(values) == {"none"}:
            continue
        remark = (
            " (one metastasis only: phyleticity says little)" if name == "phyletic" and labels.n_metastases == 1 else ""
        )
        yield _sentence(labels, name, "", {claims.get(value, value) + remark: p for value, p in values.items()})
    for name, (if_true, if_false) in _TRUTHS.items():
        values = labels.labels[name]
        if values.get("True", 0.0) > 1 - labels.settings.favoured_probability:
            yield _sentence(labels, name, "", {if_true: values["True"], if_false: values.get("False", 0.0)})


def _site_sentences(labels: SeedingLabels) -> Iterator[HeadlineSentence]:
    through_node = any(set(values) - {"independent"} for values in labels.labels["ln_route"].values())
    has_node = through_node or bool(labels.ln_distant_origin)
    for site, clonality in labels.labels["site_seeding"].items():
        if site in labels.unrelated_sites:
            if not labels.common_origin:
                text = f"{site} shares no mutation with the primary: an independent tumour, without seeding labels."
                yield HeadlineSentence(text, 1.0, "supported", "", site)
            continue
        if labels.primary_sampled:
            sources = {
                f"{site} was seeded from {value.replace('+', ' and ')}": p
                for value, p in labels.labels["site_sources"][site].items()
            }
            yield _sentence(labels, "site_sources", site, sources)
        yield _clonality_sentence(labels, site, clonality)
        route = labels.labels["ln_route"].get(site)
        if labels.primary_sampled and has_node and route:
            yield _sentence(labels, "ln_route", site, {_LN_ROUTE[v].format(site=site): p for v, p in route.items()})


def _clonality_sentence(labels: SeedingLabels, site: str, clonality: Mapping[str, float]) -> HeadlineSentence:
    claims = {_SITE_SEEDING[value].format(site=site): p for value, p in clonality.items()}
    if f"founder_unobserved:{site}" not in labels.flags:
        return _sentence(labels, "site_seeding", site, claims)
    resolved = labels.extra["site_seeding_resolved"][site].get("monoclonal", 0.0)
    status = labels.level("site_seeding_resolved", site) if resolved >= 0.5 else "not determined"
    text = (
        f"{site} was seeded once, by a founding clone that was not seen there (monoclonal): {_word(status, resolved)}; "
        f"the alternative is several founding clones of one origin (another region of {site} could settle it)."
    )
    return HeadlineSentence(text, resolved, status, "site_seeding", site)


def _divergence_sentences(labels: SeedingLabels) -> Iterator[HeadlineSentence]:
    for site, test in labels.divergence.items():
        if test.call == "undetermined":
            text = f"Whether {site} diverged early or late is not determined by these samples: {test.reason}."
            yield HeadlineSentence(text, 0.0, "not determined", "divergence", site)
            continue
        probability = 1 - test.p_few if test.call == "early" else test.p_few
        cap = labels.certainty.caps.get(statement_key("divergence", site))
        status, _ = decide_level(probability, labels.settings, cap=cap)
        unseen = f"{test.n_missing + test.n_unknown} of {test.n_evaluable + test.n_unknown}"
        text = (
            f"{_DIVERGENCE[test.call].format(site=site)}: {_word(status, probability)}; {unseen} mutations "
            f"clonal in the primary were not seen there; {test.reason}."
        )
        yield HeadlineSentence(text, probability, status, "divergence", site)


def _sentence(labels: SeedingLabels, name: str, site: str, claims: Mapping[str, float]) -> HeadlineSentence:
    """The most probable claim with its word; all claims if none is at least favoured."""
    ranked = sorted(claims.items(), key=lambda item: (-item[1], item[0]))
    claim, probability = ranked[0]
    status = labels.level(name, site) if name else level_word(probability, labels.settings)
    if status == "not determined":
        options = "; or: ".join(f"{text} ({p:.2f})" for text, p in ranked[:1] + [x for x in ranked[1:] if x[1] >= 0.05])
        remedy = labels.settled_by.get(f"{name}:{site}" if site else name)
        text = f"Not determined by these samples: {options}." + (f" Could be settled by {remedy}." if remedy else "")
    else:
        sensitive = name in labels.criterion_sensitive
        caveat = _other_answers(labels, name, site) if sensitive else ""
        text = f"{claim}: {_word(status, probability)}{caveat}."
    return HeadlineSentence(text, probability, status, name, site)


def _other_answers(labels: SeedingLabels, name: str, site: str) -> str:
    """What other orders of the criteria say of a label, if it is not the same: the value and its share of optima."""
    told = []
    for key, tool in _ORDERS.items():
        values = labels.alternative_criteria.get(key, {}).get(name, {})
        values = values.get(site, {}) if site else values
        ours = labels.labels[name][site] if site else labels.labels[name]
        best = max(values, key=lambda value: (values[value], value), default="")
        if best and (values[best], best) != (1.0, max(ours, key=lambda value: ours[value])):
            told.append(f"{tool} {value_name(name, best)} ({values[best]:.2f})")
    return "; other orders of the criteria give another answer: " + ", ".join(told) if told else ""


def _word(status: str, probability: float) -> str:
    return status if status == "supported" else f"{status} by these samples ({probability:.2f})"
