"""Every probability that a result directory states, file by file: what two files say of one fact can be compared.

A fact is a tuple: ("label", name, site or "", value); ("best", name, site or ""), the probability of the most probable
value; ("route", source, target), some clone went there; ("migration", source, target, founding clone);
("presence", clone, site).
"""

from __future__ import annotations

import csv
import html
import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

Fact = tuple[str, ...]


class Stated(NamedTuple):
    """A probability and the largest rounding error of the form that it is printed in."""

    probability: float
    rounding: float


def of_labels(document: Mapping[str, Any], rounding: float) -> dict[Fact, Stated]:
    """Facts of a document with ``labels``: labels.json, or the part of summary.json.

    Routes follow from the sources of a site: P(a -> b) is the sum over the sets of sources of b that hold a.
    """
    found: dict[Fact, float] = {}
    for name, part in document["labels"].items():
        is_of_sites = bool(part) and all(isinstance(values, dict) for values in part.values())
        for site, values in part.items() if is_of_sites else [("", part)]:
            for value, p in values.items():
                found["label", name, site, value] = p
            if values:
                found["best", name, site] = max(values.values())
    routes: dict[Fact, float] = defaultdict(float)
    for target, values in document["labels"].get("site_sources", {}).items():
        for sources, p in values.items():
            for source in sources.split("+"):
                routes["route", source, target] += p
    n_terms = max((len(values) for values in document["labels"].get("site_sources", {}).values()), default=1)
    stated = {fact: Stated(p, rounding) for fact, p in found.items()}
    return stated | {fact: Stated(p, n_terms * rounding) for fact, p in routes.items()}


def of_histories(document: Mapping[str, Any], rounding: float) -> dict[Fact, Stated]:
    """Routes, migrations and the pattern from the weights of all listed histories."""
    found: dict[Fact, float] = defaultdict(float)
    n = 0
    for tree in document["trees"]:
        for history in tree["histories"]:
            n += 1
            moves = [tuple(edge) for edge in history["edges"] if edge[1] != edge[3]]
            facts: set[Fact] = {("route", source, target) for _, source, _, target in moves}
            facts |= {("migration", source, target, clone) for _, source, clone, target in moves}
            facts.add(("label", "pattern", "", history["pattern"]))
            for fact in facts:
                found[fact] += history["weight"]
    return {fact: Stated(p, n * rounding) for fact, p in found.items()}


def of_migrations(rows: Iterator[Mapping[str, str]], rounding: float) -> dict[Fact, Stated]:
    """Rows of migrations.tsv, summed over the departing clones."""
    found: dict[Fact, list[float]] = defaultdict(list)
    for row in rows:
        found["migration", row["source"], row["target"], row["founding_clone"]].append(float(row["probability"]))
    return {fact: Stated(sum(parts), len(parts) * rounding) for fact, parts in found.items()}


def of_presence(rows: Iterator[Mapping[str, str]], rounding: float) -> dict[Fact, Stated]:
    return {("presence", row["clone"], row["site"]): Stated(float(row["probability"]), rounding) for row in rows}


def printed(text: str) -> Stated:
    """A probability as a reader sees it: ``97%``, ``>99%``, ``<1%``.

    >>> printed("97%")
    Stated(probability=0.97, rounding=0.005)
    >>> printed(">99%")
    Stated(probability=0.995, rounding=0.005)
    """
    sign, number = text[0] if text[0] in "<>" else "", float(text.strip("<>%")) / 100
    if sign:
        return Stated(number + (0.005 if sign == ">" else -0.005), 0.005)
    return Stated(number, 1e-6 if number in (0.0, 1.0) else 0.005)


def of_report(text: str, sites: list[str], clones: list[str]) -> tuple[dict[Fact, Stated], dict[Fact, Stated]]:
    """Facts of the report's text, and of its figures (their tooltips).

    `sites` in the order of the result, `clones` in that of the clusters: figures name both by number.
    """
    figures: dict[Fact, Stated] = {}
    groups = re.findall(r'<g class="(label|edge)-([^" ]+)"[^>]*><title>([^<]*)</title>', text)
    for kind, name, raw in groups:
        title = html.unescape(raw)
        match = re.search(r"probability ([<>]?\d+%)", title)
        if match is None:
            continue
        if kind == "label":
            label, number = re.fullmatch(r"(.*?)(?:-(\d+))?", name).groups()
            figures["best", label, sites[int(number)] if number else ""] = printed(match[1])
            continue
        source, target, *clone = (int(part) for part in re.findall(r"\d+", name))
        if title.startswith("Clones "):
            figures["route", sites[source], sites[target]] = printed(match[1])
        elif title.startswith("Clone ") and clone:
            figures["migration", sites[source], sites[target], clones[clone[0]]] = printed(match[1])
    told: dict[Fact, Stated] = {}
    plain = html.unescape(text)
    for sentence in re.findall(r"Routes: ([^<]*)</li>", plain):
        for source, target, p in re.findall(r"(?:^|; )(.+?) to (.+?) \(([<>]?\d+%)\)", sentence):
            told["route", source, target] = printed(p)
    return told, figures


def statements(directory: str | Path) -> dict[str, dict[Fact, Stated]]:
    """Facts by file of a patient's result directory; ``figures`` are those drawn in the report."""
    directory = Path(directory)

    def document(name: str) -> dict[str, Any]:
        return json.loads((directory / name).read_text(encoding="utf-8"))

    def rows(name: str) -> Iterator[dict[str, str]]:
        with (directory / name).open(newline="", encoding="utf-8") as handle:
            yield from csv.DictReader(handle, delimiter="\t")

    summary = document("summary.json")
    found = {
        "labels.json": of_labels(document("seeding/labels.json"), 1e-6),
        "summary.json": of_labels(summary["labels"], 1e-6),
        "seeding/migrations.tsv": of_migrations(rows("seeding/migrations.tsv"), 1e-6),
        "histories.json": of_histories(document("seeding/histories.json"), 1e-6),
        "trees/presence.tsv": of_presence(rows("trees/presence.tsv"), 1e-6),
    }
    graph = {("route", source, target): Stated(p, 1e-6) for source, target, p in summary["migration_graph"]}
    found["summary.json"] = {key: value for key, value in found["summary.json"].items() if key[0] != "route"} | graph
    report = directory / "report.html"
    if report.is_file():
        clones = list(dict.fromkeys(row["cluster"] for row in rows("clusters/clusters.tsv")))
        sites = [site["name"] for site in summary["sites"]]
        found["report.html"], found["figures"] = of_report(report.read_text(encoding="utf-8"), sites, clones)
    return found


class Difference(NamedTuple):
    """One fact that two files state differently, beyond the rounding of both."""

    fact: Fact
    one: str
    p_one: float
    other: str
    p_other: float

    @property
    def size(self) -> float:
        return abs(self.p_one - self.p_other)


def differences(found: Mapping[str, Mapping[Fact, Stated]]) -> tuple[list[Difference], dict[tuple[str, str], int]]:
    """Facts that two files state differently, the largest first; and how many facts each pair of files shares.

    A route or a value that a file does not list has probability 0 there, if the file lists others of its kind and
    of its site or label; a figure or the report lists only what it draws.
    """
    listed: list[Difference] = []
    shared: dict[tuple[str, str], int] = {}
    names = list(found)
    for i, one in enumerate(names):
        for other in names[i + 1 :]:
            for fact in sorted(set(found[one]) | set(found[other])):
                parts = [_stated(found[name], fact, name in ("figures", "report.html")) for name in (one, other)]
                if parts[0] is None or parts[1] is None:
                    continue
                shared[one, other] = shared.get((one, other), 0) + 1
                if abs(parts[0].probability - parts[1].probability) > parts[0].rounding + parts[1].rounding:
                    listed.append(Difference(fact, one, parts[0].probability, other, parts[1].probability))
    return sorted(listed, key=lambda difference: -difference.size), shared


def _stated(facts: Mapping[Fact, Stated], fact: Fact, is_partial: bool) -> Stated | None:
    """What a file states of a fact; 0 if it lists the fact's siblings without it; None if it says nothing."""
    if fact in facts or is_partial:
        return facts.get(fact)
    if fact[0] in ("best", "presence"):
        return None
    if fact[0] == "label":
        return Stated(0.0, 0.0) if any(other[:3] == fact[:3] for other in facts) else None
    return Stated(0.0, 0.0) if any(other[0] == fact[0] for other in facts) else None
