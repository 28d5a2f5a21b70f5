"""Published patients: how much phylometa states of each, and how much of that the publications contradict.

    PHYLOMETA_DATA=... python benchmarks/published.py [--patients A10 A22 ...] [--seed 1] [--jobs 1] [--cache FOLDER]
        [--record]

Prostate cancers A10, A22, A31, A32 (Gundem et al. 2015), melanomas B and E (Sanborn et al. 2015), pancreatic cancer
Pam03 (Makohon-Moore et al. 2017) and two colorectal cancers (Hu et al. 2019), from the deposited reads. What the
publications say stands in published.tsv, one fact a row with its source. A statement is the most probable value of a
label, the most probable seeding of a site, or a route between two sites of which the publication draws routes. A route
has a published weight: of .5 or more it was drawn, of .2 or less it was not, between the two nothing is compared;
routes that neither side claims (weight and P below .5) are no statements. That there is no route has the level of its
probability alone: the results do not say it in words. Counted are the statements that can be compared, those made at .8
and at .95, those at the level "supported", and how many of each are contradicted. If no fact is at hand, only the
number of supported labels is printed. A route that is denied is thus counted only if it was drawn: a line below the
table counts those that were rightly denied too, and another leaves denied routes out. `--record` keeps what is printed
in printed.tsv.
"""

from __future__ import annotations

import argparse
import csv
import json
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from patients import CRC, GUNDEM, REAL, sheets_of
from printed import record
from scoring import level_of, shown_labels

from phylometa.config import Settings
from phylometa.errors import PhylometaError
from phylometa.io.tables import read_patient
from phylometa.pipeline.stages import AnalysisResult, run_stage

FACTS = Path(__file__).with_name("published.tsv")
STAGES = ("clusters", "trees", "histories", "labels")
DRAWN, NOT_DRAWN = 0.5, 0.2  # published weights of a route
LEVELS = (0.8, 0.95)


class Statement(NamedTuple):
    """What is said of one thing, how surely, and what was published."""

    what: str
    said: str
    probability: float
    level: str
    published: str

    @property
    def is_contradicted(self) -> bool:
        return self.said != self.published

    def in_words(self) -> str:
        return f"{self.said} {self.probability:.2f} ({self.level}), published {self.published}"


def published_facts(path: Path = FACTS) -> dict[str, dict[tuple[str, str], str]]:
    """Patient -> (kind, name) -> value."""
    facts: dict[str, dict[tuple[str, str], str]] = defaultdict(dict)
    with path.open(newline="", encoding="utf-8") as handle:
        for row in csv.DictReader(handle, delimiter="\t"):
            facts[row["patient"]][row["kind"], row["name"]] = row["value"]
    return dict(facts)


def statements(found: Mapping[str, Any], facts: Mapping[tuple[str, str], str]) -> Iterator[Statement]:
    """Statements of a result (`analysed`) that the facts of its patient say something about."""
    for (kind, name), value in facts.items():
        key = f"{name}|" if kind == "label" else f"site_seeding|{name}"
        if kind != "route" and found["labels"].get(key):
            values = found["labels"][key]
            said = max(values, key=lambda value: values[value])
            yield Statement(f"{kind} {name}", said, values[said], found["levels"][key], value)
    routes = {name: float(value) for (kind, name), value in facts.items() if kind == "route"}
    sites = {site for route in routes for site in route.split(">")}
    given = {route: p for route, p in found["routes"].items() if set(route.split(">")) <= sites}
    for route in sorted(set(routes) | set(given)):
        weight, p = routes.get(route, 0.0), given.get(route, 0.0)
        is_drawn, is_said = weight >= DRAWN, p >= 0.5
        if (is_drawn or weight <= NOT_DRAWN) and (is_drawn or is_said):
            words = ("no", "yes")
            sure = max(p, 1 - p)
            level = found.get("route_levels", {}).get(route, "") if is_said else ""
            yield Statement(f"route {route}", words[is_said], sure, level or level_of(sure), words[is_drawn])


def denied_routes(found: Mapping[str, Any], facts: Mapping[tuple[str, str], str]) -> tuple[int, int]:
    """Routes that are denied at the higher level (probability of at most .05) and were published as drawn or not drawn;
    and how many of them were drawn.

    Of these, `statements` has only those that were drawn: the others are right, and most.
    """
    routes = {name: float(value) for (kind, name), value in facts.items() if kind == "route"}
    sites = sorted({site for route in routes for site in route.split(">")})
    pairs = [f"{source}>{target}" for source in sites for target in sites if source != target]
    denied = [pair for pair in pairs if found["routes"].get(pair, 0.0) <= 1.0 - LEVELS[1]]
    drawn = sum(routes.get(pair, 0.0) >= DRAWN for pair in denied)
    return drawn + sum(routes.get(pair, 0.0) <= NOT_DRAWN for pair in denied), drawn


def analysed(sheet: Path, patient: str | None, seed: int) -> dict[str, Any]:
    """Labels with their levels, and routes, of a patient; JSON-ready."""
    settings = Settings(seed=seed)
    read = read_patient(sheet, patient=patient)
    result = AnalysisResult(patient=read, settings=settings, warnings=read.warnings)
    try:
        for stage in STAGES:
            result = run_stage(stage, result, settings)
    except PhylometaError as error:
        return {"labels": {}, "levels": {}, "routes": {}, "route_levels": {}, "error": str(error)}
    distributions, levels = shown_labels(result.labels)
    sites, routes = result.histories.site_names, result.histories.migration_probability
    return {
        "labels": {"|".join(key): values for key, values in distributions.items()},
        "levels": {"|".join(key): level for key, level in levels.items()},
        "routes": {
            f"{source}>{target}": float(routes[s, t])
            for s, source in enumerate(sites)
            for t, target in enumerate(sites)
            if routes[s, t] > 0
        },
        "route_levels": {f"{one.source}>{one.target}": one.level for one in result.labels.certainty.routes},
        "error": "",
    }


def cached(name: str, sheet: Path, seed: int, cache: Path | None) -> dict[str, Any]:
    """The result of `cache`, made first if it is not there."""
    path = cache / f"{name}_{seed}.json" if cache else None
    if path is not None and path.is_file():
        return json.loads(path.read_text(encoding="utf-8"))
    found = analysed(sheet, name if name in CRC else None, seed)
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(found), encoding="utf-8")
    return found


def counts(stated: list[Statement]) -> list[tuple[int, int]]:
    """Made and contradicted: at every level of probability, and of the level ``supported``."""
    groups = [[one for one in stated if one.probability >= level] for level in LEVELS]
    groups.append([one for one in stated if one.level == "supported"])
    return [(len(group), sum(one.is_contradicted for one in group)) for group in groups]


def figures_of(name: str, stated: list[Statement]) -> list[tuple[str, str, str]]:
    """(row, measure, value) of a patient, or of all: counts, and every contradiction at the lower level or more."""
    kinds = ("contradicted at .8", "contradicted at .95", "contradicted of supported")
    of_counts = [(kind, f"{wrong} of {made}") for kind, (made, wrong) in zip(kinds, counts(stated))]
    wrong = [(one.what, one.in_words()) for one in stated if one.is_contradicted and one.probability >= LEVELS[0]]
    return [(name, *pair) for pair in (("compared", str(len(stated))), *of_counts, *wrong)] if stated else []


def row_of(name: str, stated: list[Statement], supported: int | str) -> str:
    cells = [f"{wrong} of {made}" for made, wrong in counts(stated)] if stated else ["-"] * 3
    return f"| {name} | {len(stated) or '-'} | {' | '.join(cells)} | {supported} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--patients", nargs="+", default=[*GUNDEM, *REAL, *CRC])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--cache", type=Path, help="folder of finished patients, of one version of the code")
    parser.add_argument("--record", action="store_true", help="keep the figures in printed.tsv")
    options = parser.parse_args()
    facts, every, denied = published_facts(), [], []
    print("| patient | compared | contradicted at .8 | at .95 | of supported | supported labels in all |")
    print("|---" * 6 + "|")
    with tempfile.TemporaryDirectory() as scratch, ProcessPoolExecutor(options.jobs) as pool:
        sheets = sheets_of(options.patients, Path(scratch))
        work = partial(cached, seed=options.seed, cache=options.cache)
        lines: list[str] = []
        figures: list[tuple[str, str, str]] = []
        for name, found in zip(sheets, pool.map(work, sheets, sheets.values())):
            stated = list(statements(found, facts.get(name, {})))
            every += stated
            print(row_of(name, stated, sum(level == "supported" for level in found["levels"].values())), flush=True)
            lines += [f"{name}: no result ({found['error']})"] if found["error"] else []
            lines += [
                f"{name}, {one.what}: {one.in_words()}"
                for one in stated
                if one.is_contradicted and one.probability >= LEVELS[0]
            ]
            figures += figures_of(name, stated)
            denied.append(denied_routes(found, facts.get(name, {})))
    print(row_of("all compared", every, ""))
    n_denied, n_drawn = np.sum(denied, axis=0).tolist()
    of_denied = f"{n_drawn} of {n_denied}"
    made, wrong = counts([one for one in every if one.said != "no"])[1]
    of_rest = f"{wrong} of {made}"
    print(f"\nRoutes denied at .95, those that the publications do not draw either counted too: {of_denied} drawn")
    print(f"Contradicted at .95, denied routes left out: {of_rest}")
    print("\n".join(["", *lines]))
    if options.record:
        of_all = [("all compared", *rest) for _, *rest in figures_of("", every)[:4]]
        of_all.append(("all compared", "routes denied at .95 that were drawn", of_denied))
        of_all.append(("all compared", "contradicted at .95, denied routes left out", of_rest))
        record("published.py", [*figures, *of_all])


if __name__ == "__main__":
    main()
