"""Small patients after situations that users report, and whether what must come out comes out.

    [PHYLOMETA_DATA=...] python benchmarks/field_cases.py [NAME...] [--seed 1] [--made SETS]

The cases and what must come out of each lie in PHYLOMETA_DATA/field_cases; `--made` draws as many sets of one case of
every kind at random (`make_field_cases.py`) and checks these. Prints one line per check. Exit status 1 if one fails.
"""

from __future__ import annotations

import argparse
import csv
import os
import re
import tempfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from clustering import adjusted_rand
from make_field_cases import make_set
from scoring import shown_labels

from phylometa.io.tables import read_patient
from phylometa.pipeline.stages import AnalysisResult, analyse
from phylometa.seeding.sentences import headline_sentences


class Check(NamedTuple):
    """One demand on a case: its text, whether it holds, and what came out."""

    demand: str
    holds: bool
    found: str


Demands = Callable[[Path, int], Iterator[Check]]


@cache
def result_of(folder: Path, seed: int) -> AnalysisResult:
    return analyse(read_patient(folder / "samples.tsv"), seed=seed)


def clean_beside(folder: Path, seed: int) -> AnalysisResult:
    """The result of the case ``clean`` of the same set."""
    return result_of(folder.parent / "clean", seed)


def truth_of(folder: Path) -> dict[str, str]:
    """Mutation -> clone."""
    with (folder / "truth.txt").open(encoding="utf-8") as handle:
        return {row[0]: row[1] for row in csv.reader(handle, delimiter="\t")}


def route(result: AnalysisResult, source: str, target: str) -> float:
    sites = result.histories.site_names
    return float(result.histories.migration_probability[sites.index(source), sites.index(target)])


def level_of(result: AnalysisResult, label: str, site: str = "") -> tuple[str, float, str]:
    """Most probable value of a label, its probability and level."""
    distributions, levels = shown_labels(result.labels)
    values = distributions[label, site]
    value = max(values, key=lambda value: values[value])
    return value, values[value], levels[label, site]


def supported(result: AnalysisResult, site: str | None = None) -> dict[tuple[str, str], str]:
    """Supported labels and their values, all or those of one site."""
    levels = shown_labels(result.labels)[1]
    keys = [key for key, level in levels.items() if level == "supported" and site in (None, key[1])]
    return {key: level_of(result, *key)[0] for key in keys}


def warning_with(result: AnalysisResult, *patterns: str) -> str:
    """The first warning in which all patterns occur; empty if there is none."""
    found = [text for text in result.warnings if all(re.search(p, text, re.IGNORECASE) for p in patterns)]
    return found[0] if found else ""


def says(result: AnalysisResult, *patterns: str) -> str:
    """The same among warnings and the sentences of the headline."""
    found = [text for text in headline_texts(result) if all(re.search(p, text, re.IGNORECASE) for p in patterns)]
    return found[0] if found else warning_with(result, *patterns)


def headline_texts(result: AnalysisResult) -> list[str]:
    return [sentence.sentence for sentence in headline_sentences(result.labels)]


def told(demand: str, text: str) -> Check:
    return Check(demand, bool(text), text or "no such text")


def agreement(result: AnalysisResult, truth: dict[str, str]) -> float:
    """Adjusted Rand index of clusters and true clones, over the mutations of both."""
    rows = [i for i, name in enumerate(result.patient.mutations.ids) if name in truth]
    known = np.unique([truth[result.patient.mutations.ids[i]] for i in rows], return_inverse=True)[1]
    ours = result.clusters.labels[rows]
    return float(adjusted_rand(known[ours >= 0], ours[ours >= 0]))


def clusters_of(result: AnalysisResult, names: set[str]) -> dict[int, int]:
    """Clusters that hold mutations of `names`, with how many others they hold."""
    is_in = np.array([name in names for name in result.patient.mutations.ids])
    labels = result.clusters.labels
    return {int(k): int((~is_in & (labels == k)).sum()) for k in np.unique(labels[is_in]) if k >= 0}


def same_labels(result: AnalysisResult, other: AnalysisResult, whose: str) -> Check:
    """Supported labels of both results, compared with their values."""
    ours, theirs = supported(result), supported(other)
    lost = [" ".join(key) for key in theirs if ours.get(key) != theirs[key]]
    gained = [" ".join(key) for key in ours if key not in theirs]
    return Check(f"no label lost or gained against {whose}", not lost + gained, f"lost {lost}, gained {gained}")


def divergence_is(
    result: AnalysisResult, calls: tuple[str, ...], within: float = 0.0, **expected: float
) -> Iterator[Check]:
    """Checks of the liver metastasis's divergence: its call, and the counts that are expected."""
    row = next(row for row in result.timing.divergence if row.metastasis == "liver")
    yield Check(f"called {' or '.join(calls)}", row.call in calls, row.call)
    for name, count in expected.items():
        value = getattr(row, name)
        yield Check(f"{name} = {count:g} within {within:g}", abs(value - count) <= within, f"{value:g}")


def clean(folder: Path, seed: int) -> Iterator[Check]:
    result = result_of(folder, seed)
    n = result.clusters.n_clusters
    yield Check("six clusters", n == 6, str(n))
    p = route(result, "colon", "node")
    yield Check("colon seeds node", p >= 0.8, f"P {p:.2f}")
    from_colon, from_node = route(result, "colon", "liver"), route(result, "node", "liver")
    shown = f"P {from_colon:.2f} from colon, {from_node:.2f} from node"
    yield Check("liver from node or colon", from_colon + from_node >= 0.9, shown)
    yield Check("which of the two is open", max(from_colon, from_node) < 0.95, shown)


def sis_full(folder: Path, seed: int) -> Iterator[Check]:
    result = result_of(folder, seed)
    n = result.clusters.n_clusters
    yield Check("three clusters", n == 3, str(n))
    yield from divergence_is(result, ("early",), 1, L_p=8)


def sis_vcf(folder: Path, seed: int) -> Iterator[Check]:
    result = result_of(folder, seed)
    yield from divergence_is(result, ("early", "undetermined"))
    row = next(row for row in result.timing.divergence if row.metastasis == "liver")
    test = result.labels.divergence.get("liver")
    call = test.call if test is not None else "none"
    yield Check("the same call among the labels", call == row.call, f"{call} among labels, {row.call} in the timing")
    yield told("the holes are named", warning_with(result, r"censored|not listed|unobserved|uncalled|only calls"))


def two_primaries_one_met(folder: Path, seed: int) -> Iterator[Check]:
    result = result_of(folder, seed)
    between = route(result, "left breast", "right breast"), route(result, "right breast", "left breast")
    yield Check("no route between the breasts", max(between) < 0.5, f"P {max(between):.2f}")
    yield told("said to be independent", says(result, r"independent|unrelated|no common origin", r"breast"))


def hotspot_shared(folder: Path, seed: int) -> Iterator[Check]:
    result = result_of(folder, seed)
    p = float(result.histories.migration_probability.max())
    yield Check("no route at .5 or more", p < 0.5, f"P {p:.2f}")
    claim = says(result, r"carries the primary's clonal mutations|was seeded from left lung: supported")
    yield Check("common origin not claimed", not claim, claim or "no claim")


def purity_understated(folder: Path, seed: int) -> Iterator[Check]:
    result, other = result_of(folder, seed), clean_beside(folder, seed)
    for name in ("P1", "P2", "LN", "M1"):
        yield told(f"a warning names purity and {name}", warning_with(result, "purity", rf"\b{name}\b"))
    yield same_labels(result, other, "clean")


def male_x(folder: Path, seed: int) -> Iterator[Check]:
    result, other = result_of(folder, seed), clean_beside(folder, seed)
    yield told("a warning names X", warning_with(result, r"\b(chr)?X\b", r"one copy|1\+1|\bsex\b"))
    n, m = result.clusters.n_clusters, other.clusters.n_clusters
    yield Check("clusters as clean", n == m, f"{n}, clean {m}")
    ours, theirs = agreement(result, truth_of(folder)), agreement(other, truth_of(folder.parent / "clean"))
    yield Check("mutations grouped as well as clean", ours >= theirs - 0.02, f"ARI {ours:.2f}, clean {theirs:.2f}")


def excluded(folder: Path, seed: int) -> Iterator[Check]:
    result, other = result_of(folder, seed), clean_beside(folder, seed)
    private = {name for name, clone in truth_of(folder).items() if clone == "E"}
    own = [k for k, others in clusters_of(result, private).items() if others < 5]
    yield Check("those mutations make no clone", not own, f"{len(own)} clones of them")
    differing = [
        " ".join(key)
        for key in shown_labels(result.labels)[0]
        if key in shown_labels(other.labels)[0] and level_of(result, *key)[0] != level_of(other, *key)[0]
    ]
    yield Check("labels as without them", not differing, f"other values: {differing}")


def amplified(folder: Path, seed: int) -> Iterator[Check]:
    result = result_of(folder, seed)
    with (folder / "counts.tsv").open(newline="", encoding="utf-8") as handle:
        late = {row["mutation_id"] for row in csv.DictReader(handle, delimiter="\t") if float(row["major_cn"]) > 20}
    own = [k for k, others in clusters_of(result, late).items() if others == 0]
    yield Check(f"the {len(late)} amplified ones make no clone", not own, f"{len(own)} clones of them alone")
    for site in ("node", "liver"):
        value, p, _ = level_of(result, "site_seeding", site)
        yield Check(f"{site} not polyclonal", value != "polyclonal", f"{value} {p:.2f}")


def one_mutation(folder: Path, seed: int) -> Iterator[Check]:
    found = supported(result_of(folder, seed))
    yield Check("nothing supported", not found, ", ".join(" ".join(key) for key in found) or "none")


def duplicate(folder: Path, seed: int) -> Iterator[Check]:
    result = result_of(folder, seed)
    yield told("a warning names both samples", warning_with(result, r"\bP1\b", r"\bM1\b"))
    found = supported(result, "liver")
    yield Check("nothing supported about the liver", not found, ", ".join(key[0] for key in found) or "none")


def gained(L_p: float, L_m: float) -> Demands:
    return lambda folder, seed: divergence_is(result_of(folder, seed), ("early",), 2, S=40, L_p=L_p, L_m=L_m)


CASES: dict[str, Demands] = {
    "clean": clean,
    "sis_full": sis_full,
    "sis_vcf": sis_vcf,
    "two_primaries_one_met": two_primaries_one_met,
    "hotspot_shared": hotspot_shared,
    "purity_understated": purity_understated,
    "maleX_11": male_x,
    "excluded_0.001": excluded,
    "amp_late_28": amplified,
    "onemut": one_mutation,
    "dup_primary_as_met": duplicate,
    "control": gained(40, 20),
    "gain": gained(40, 20),
    "metwgd": gained(20, 40),
    "wgd_post": gained(40, 20),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="*", metavar="NAME", help=f"of {', '.join(CASES)}")
    parser.add_argument("--seed", type=int, default=1, help="of the analysis")
    parser.add_argument("--made", type=int, default=0, metavar="SETS", help="sets made at random instead of the data")
    parser.add_argument("--made-seed", type=int, default=1)
    options = parser.parse_args()
    unknown = set(options.cases) - set(CASES)
    if unknown:
        parser.error(f"no case {', '.join(sorted(unknown))}")
    with tempfile.TemporaryDirectory() as scratch:
        if options.made:
            roots = [Path(scratch) / str(number) for number in range(options.made)]
            for number, root in enumerate(roots):
                make_set(root, options.made_seed, number)
        elif os.environ.get("PHYLOMETA_DATA"):
            roots = [Path(os.environ["PHYLOMETA_DATA"]) / "field_cases"]
        else:
            raise SystemExit("set PHYLOMETA_DATA to the folder that holds field_cases, or make cases with --made")
        print("| set | case | must come out | holds | found |\n|---|---|---|---|---|")
        n = failed = 0
        for root in roots:
            for case in options.cases or CASES:
                for check in CASES[case](root / case, options.seed):
                    n, failed = n + 1, failed + (not check.holds)
                    word = "yes" if check.holds else "NO"
                    print(f"| {root.name} | {case} | {check.demand} | {word} | {check.found[:160]} |", flush=True)
    print(f"\n{n - failed} of {n} checks hold")
    raise SystemExit(int(failed > 0))


if __name__ == "__main__":
    main()
