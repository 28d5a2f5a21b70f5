"""Clusters, clone trees and presence of two published patients beside the published ones (Gundem et al. 2015).

Run as ``python benchmarks/published_trees.py [A22] [A31]`` with PHYLOMETA_DATA set: the published trees, cluster tables
and the cluster of each mutation lie in PHYLOMETA_DATA/gundem_2015. A published cluster number is matched with the
colour whose CCFs are the nearest. Only coding mutations are public, a small part of those behind the published trees.
"""

from __future__ import annotations

import csv
import os
import sys
from collections import Counter
from itertools import combinations
from pathlib import Path

import numpy as np

from phylometa.config import Settings
from phylometa.io.tables import read_patient
from phylometa.joint.relations import mutation_relations
from phylometa.pipeline.stages import AnalysisResult, run_stage

ROOT = Path(__file__).parents[1] / "sample_data"
RELATIONS = ("same cluster", "ancestor", "descendant", "separate branches")


def published_clusters(folder: Path, patient: str):
    """Colour -> {sample: CCF}, and colour -> samples it was called present in."""
    lines = [line.split("\t") for line in (folder / f"{patient}.txt").read_text().splitlines()]
    samples = lines[0][2:]
    ccf = {row[0].replace(" ", "_"): dict(zip(samples, map(float, row[2:]))) for row in lines[1:]}
    return ccf, {row[0].replace(" ", "_"): set(row[1].split()) for row in lines[1:]}


def colours_of_mutations(folder: Path, patient: str, ccf):
    """Mutation -> published colour, if its cluster number is given and one colour is clearly the nearest."""
    number, fractions = {}, {}
    with (folder / "variants.csv").open(newline="") as handle:
        for row in csv.DictReader(handle):
            if row["#patient"] != patient or row["cluster.no"] in ("NA", ""):
                continue
            name = ":".join(row[key] for key in ("chr", "position", "wt", "mt"))
            number[name] = row["cluster.no"]
            sample = row["sample"].split("-")[1]
            if row["subclonal.fraction"] not in ("NA", "NaN", ""):
                fractions.setdefault(row["cluster.no"], {}).setdefault(sample, []).append(
                    min(float(row["subclonal.fraction"]), 1.2)
                )
    colour = {}
    for cluster, found in fractions.items():

        def distance(name, found=found):
            shared = [sample for sample in found if sample in ccf[name]]
            return np.sqrt(np.mean([(np.median(found[s]) - ccf[name][s]) ** 2 for s in shared]))

        colour[cluster] = min(ccf, key=distance)
    return {name: colour[cluster] for name, cluster in number.items() if cluster in colour}


def published_ancestors(folder: Path, patient: str):
    """Colour -> set of its ancestors."""
    parent = {}
    for line in (folder / f"{patient}.tree").read_text().splitlines():
        above, below = line.split()
        parent[below] = above
    ancestors = {}
    for name in {*parent, *parent.values()}:
        path, vertex = set(), name
        while vertex in parent:
            vertex = parent[vertex]
            path.add(vertex)
        ancestors[name] = path
    return ancestors


def infer(patient_name: str):
    patient = read_patient(ROOT / f"gundem_{patient_name.lower()}" / "samples.tsv")
    result = AnalysisResult(patient=patient, settings=Settings())
    for stage in ("clusters", "trees"):
        result = run_stage(stage, result, Settings())
    return result


def compare(patient_name: str) -> None:
    folder = Path(os.environ["PHYLOMETA_DATA"]) / "gundem_2015"
    ccf, present = published_clusters(folder, patient_name)
    ancestors = published_ancestors(folder, patient_name)
    result = infer(patient_name)
    patient, clusters, trees = result.patient, result.clusters, result.trees
    colour = colours_of_mutations(folder, patient_name, ccf)
    rows = [(i, colour[name]) for i, name in enumerate(patient.mutations.ids) if colour.get(name) in ancestors]
    print(f"\n{patient_name}: {patient.mutations.n_mutations} mutations, {len(rows)} of them in a published cluster;")
    print(
        f"  {clusters.n_clusters} clusters (published {len(ccf)}), {trees.joint.n_clones:.1f} clones in the mean of "
        f"the draws, {trees.n_trees} trees, the best {trees.weights[0]:.2f}"
    )
    report_clusters(rows, clusters)
    report_relations(rows, ancestors, mutation_relations(clusters, trees))
    report_presence(rows, present, ccf, result)


def report_clusters(rows, clusters) -> None:
    print("  cluster (CCF range): published colours of its mutations")
    for k in range(clusters.n_clusters):
        members = Counter(c for i, c in rows if clusters.labels[i] == k)
        if members:
            shown = ", ".join(f"{name} {n}" for name, n in members.most_common())
            print(f"    {clusters.names[k]} ({clusters.ccf[k].min():.2f}-{clusters.ccf[k].max():.2f}): {shown}")


def report_relations(rows, ancestors, relations) -> None:
    """Mutation pairs: probability of the published relation, and the pairs of colours that disagree most."""
    right, probability = [], []
    wrong: dict[tuple[str, str, str], list[tuple[float, str]]] = {}
    for (i, first), (j, second) in combinations(rows, 2):
        if first == second:
            truth = 0
        elif first in ancestors[second]:
            truth = 1
        elif second in ancestors[first]:
            truth = 2
        else:
            truth = 3
        p = relations[:, i, j]
        right.append(int(p.argmax()) == truth)
        probability.append(p[truth])
        key = (first, RELATIONS[truth], second) if truth != 2 else (second, RELATIONS[1], first)
        call = int(p.argmax()) if truth != 2 else (0, 2, 1, 3)[int(p.argmax())]
        wrong.setdefault(key, []).append((float(p[truth]), RELATIONS[call]))
    log = np.log(np.maximum(probability, 1e-4)).mean()
    print(f"  {len(right)} mutation pairs: {np.mean(right):.3f} with the published relation the most probable,"
          f" mean probability {np.mean(probability):.3f}, log score {log:.2f}")  # fmt: skip
    ranked = sorted(wrong.items(), key=lambda item: -sum(1 - p for p, _ in item[1]))
    for (first, relation, second), found in ranked[:8]:
        calls = Counter(call for _, call in found).most_common(1)[0][0]
        mean = np.mean([p for p, _ in found])
        if mean < 0.9:
            shown = f"{first}, {relation}, {second} ({len(found)} pairs)"
            print(f"    published: {shown}: probability {mean:.2f}; ours: {calls}")


def report_presence(rows, present, ccf, result) -> None:
    """P(a published cluster's mutations are carried by some cell of the site) beside the published presence."""
    clusters, trees, patient = result.clusters, result.trees, result.patient
    sites = patient.site_names
    carried = np.zeros((len(trees.names), len(sites)))
    for scenario in trees.scenarios:
        below = trees.tree(scenario.tree).is_ancestor.astype(float)
        carried += scenario.weight * (below @ scenario.presence > 0)
    sample_site = {sample.name: site for sample, site in zip(patient.samples, patient.sample_site)}
    agree, lines = [], []
    for colour in sorted({c for _, c in rows}):
        members = [i for i, c in rows if c == colour]
        mean = carried[clusters.labels[members]].mean(axis=0)
        for t, site in enumerate(sites):
            inside = [s for s, where in sample_site.items() if where == t and s in ccf[colour]]
            if not inside:
                continue
            truth = any(sample in present[colour] for sample in inside)
            agree.append((mean[t] >= 0.5) == truth)
            if (mean[t] >= 0.5) != truth:
                found = ", ".join(f"{sample} {ccf[colour][sample]:.3f}" for sample in inside)
                word = "present" if truth else "absent"
                reads = sum(int(patient.mutations.alt_counts[i, s]) for i in members
                            for s, sample in enumerate(patient.samples) if sample.name in inside)  # fmt: skip
                lines.append(f"    {colour} in {site}: published {word} (CCF {found}), P {mean[t]:.2f};"
                             f" {reads} alternate reads in {len(members)} mutations")  # fmt: skip
    print(f"  {len(agree)} cells (published cluster, site): {np.mean(agree):.3f} of presence calls agree")
    print("\n".join(lines))


def main() -> None:
    for name in sys.argv[1:] or ("A22", "A31"):
        compare(name)


if __name__ == "__main__":
    main()
