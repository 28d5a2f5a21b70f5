"""Published patients and published simulations: what phylometa says beside what was published. docs/validation.md.

    PHYLOMETA_DATA=... python benchmarks/validation.py [gundem] [mcpherson] [crc] [m5]

gundem: A10, A22, A31, A32 (Gundem et al. 2015, doi:10.1038/nature14347), from the deposited reads to a migration graph,
beside the optimum on the published clone tree and sites. mcpherson: patients 1, 3, 7 (McPherson et al. 2016,
doi:10.1038/ng.3573), labellings of the published trees beside the published ones. crc: V402 and V824 (Hu et al. 2019,
doi:10.1038/s41588-019-0483-z), private clonal mutations and labels. m5: the 40 tumours of El-Kebir et al. 2018
(doi:10.1038/s41588-018-0106-z), from reads alone and on the true trees. Every table ends in a sentence a patient.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "sample_data"), str(ROOT / "benchmarks")]

import convert_gundem  # noqa: E402
from clustering import adjusted_rand  # noqa: E402
from migration_histories import REFERENCE, overlap  # noqa: E402
from patients import GUNDEM, crc_sheet, gundem_sheet  # noqa: E402
from timing_patients import PUBLISHED  # noqa: E402

from phylometa.config import MigrationSettings  # noqa: E402
from phylometa.io.tables import read_patient  # noqa: E402
from phylometa.io.trees_io import read_tree_with_sites  # noqa: E402
from phylometa.migration import infer_migration_histories  # noqa: E402
from phylometa.model.patient import Site  # noqa: E402
from phylometa.pipeline.stages import analyse  # noqa: E402
from phylometa.seeding.labels import label_history  # noqa: E402

# What the studies say of a patient in words, as far as their abstract, tables and deposited trees show it.
SHOWN_LABELS = ("pattern", "clonality_site", "phyletic", "met_to_met", "cross_seeding", "reseeding_primary")
LIKELY, FAVOURED = 0.5, 0.8


def published_clusters(data: Path, name: str) -> dict[str, int]:
    """Mutation to the cluster the study put it in."""
    rows = convert_gundem.read_rows(data / "gundem_2015" / "variants.csv")
    return {
        ":".join((row["chr"], row["position"], row["wt"], row["mt"])): int(row["cluster.no"])
        for row in rows
        if row["#patient"] == name and row["cluster.no"] != "NA"
    }


def best_values(distribution: dict[str, float]) -> str:
    """The most probable value with its probability."""
    value = max(distribution, key=lambda key: distribution[key])
    return f"{value} ({distribution[value]:.2f})"


def optimum_on_published_tree(data: Path, name: str):
    """Histories of least U, mu, gamma, sigma on the published clone tree; their labels, uniformly weighted."""
    located = read_tree_with_sites(data / "mach2" / f"{name}.tree", data / "mach2" / f"{name}.observed.labeling")
    primary = located.site_names.index("prostate")
    settings = MigrationSettings(criteria="UMCS", weights="uniform", max_alternatives=0)
    found = infer_migration_histories(located.tree, located.presence, primary=primary, settings=settings)
    sites = [
        Site(name, "primary" if name == "prostate" else "lymph_node" if "node" in name else "distant")
        for name in located.site_names
    ]
    edges: Counter = Counter()
    labels: dict[str, Counter] = {label: Counter() for label in SHOWN_LABELS}
    for history in found.histories:
        for pair in history.migration_counts:
            edges[tuple(located.site_names[s] for s in pair)] += history.weight
        told = label_history(located.tree, history, sites, primary=primary)
        for label in SHOWN_LABELS:
            labels[label][str(told[label])] += history.weight
    return found, edges, labels


def gundem(data: Path) -> None:
    """Four prostate cancers, from reads and on the published trees."""
    sentences = []
    print(
        "| patient | mutations, samples | clusters, published | ARI (mutations) | trees | routes of P >= .5, .8", end=""
    )
    print(" | routes on the published tree (optima) | of P >= .8 in both | F1 | CPU s |\n" + "|---" * 10 + "|")
    details = []
    with tempfile.TemporaryDirectory() as scratch:
        for name in GUNDEM:
            sheet, twice = gundem_sheet(data, name, Path(scratch))
            start = time.process_time()
            result = analyse(read_patient(sheet), seed=1)
            cpu = time.process_time() - start
            patient, sites = result.patient, result.histories.site_names
            theirs = published_clusters(data, name)
            index = [i for i, mutation in enumerate(patient.mutations.ids) if mutation in theirs]
            known = np.unique([theirs[patient.mutations.ids[i]] for i in index], return_inverse=True)[1]
            index = np.array(index)
            ours = result.clusters.labels[index]
            ari = adjusted_rand(known[ours >= 0], ours[ours >= 0])
            probability = result.histories.migration_probability
            reads_edges = {
                (sites[s].replace(" ", "_"), sites[t].replace(" ", "_")): float(probability[s, t])
                for s, t in np.argwhere(probability > 0)
            }
            found, edges, labels = optimum_on_published_tree(data, name)
            likely = {edge for edge, p in reads_edges.items() if p >= LIKELY}
            sure = {edge for edge, p in reads_edges.items() if p >= FAVOURED}
            in_tree = {edge for edge, share in edges.items() if share >= LIKELY}
            print(
                f"| {name} | {patient.mutations.n_mutations}, {patient.mutations.n_samples} | "
                f"{result.clusters.n_clusters}, {known.max() + 1} | {ari:.2f} ({len(index)}) | "
                f"{len(result.trees.weights)} | {len(likely)}, {len(sure)} | {len(in_tree)} ({found.n_histories}) | "
                f"{len(sure & in_tree)} of {len(sure)} | {overlap(likely, in_tree):.2f} | {cpu:.0f} |"
            )
            told = result.labels.labels
            lines = [f"\n{name}: {twice} cells listed twice, the first kept" if twice else f"\n{name}"]
            for label in SHOWN_LABELS:
                theirs_label = dict(labels[label])
                lines.append(f"    {label:18s} reads {best_values(told[label]):24s} tree {best_values(theirs_label)}")
            lines.extend(
                f"    {source} -> {target}: reads {reads_edges.get((source, target), 0.0):.2f}, "
                f"tree {edges.get((source, target), 0.0):.2f}"
                for source, target in sorted(sure | in_tree)
            )
            agree = [x for x in SHOWN_LABELS if max(told[x], key=told[x].get) == max(labels[x], key=labels[x].get)]
            clear = [x for x in SHOWN_LABELS if max(told[x].values()) >= FAVOURED and x not in agree]
            sentences.append(
                f"{name}: the reads favour {len(sure)} migration routes (P >= .8), of which {len(sure & in_tree)} are "
                f"optimal on the published tree as well; {len(agree)} of {len(SHOWN_LABELS)} labels agree"
                + (f", and we are sure of another value of {', '.join(clear)}" if clear else "")
                + f"; clusters agree with an adjusted Rand index of {ari:.2f}."
            )
            details += lines
    print("\n".join([*details, "", *sentences]))


def read_labels(path: Path) -> dict[str, str]:
    return dict(line.split()[:2] for line in path.read_text().splitlines() if line.strip())


def mcpherson(data: Path) -> None:
    """Three ovarian cancers: the published site of every clone beside all labellings of least migrations."""
    sentences = []
    print("| patient | source | migrations, pairs of sites published | mu, gamma | labellings | clones as published |")
    print("|---|---|---|---|---|---|")
    folder = data / "mcpherson_2016"
    for number in (1, 3, 7):
        name = f"patient{number}"
        reported = read_labels(folder / f"{name}.reported.labeling")
        edges = [line.split() for line in (folder / f"{name}.tree").read_text().splitlines() if line.strip()]
        moved = [(reported[u], reported[v]) for u, v in edges if reported[u] != reported[v]]
        root = ({u for u, _ in edges} - {v for _, v in edges}).pop()
        located = read_tree_with_sites(folder / f"{name}.tree", folder / f"{name}.labeling", contract=False)
        inner = {u for u, _ in edges}
        rows = []
        for primary in dict.fromkeys((reported[root], "LOv", "ROv")):
            if primary not in located.site_names:
                continue
            settings = MigrationSettings(criteria="MCS", weights="uniform", max_alternatives=0)
            found = infer_migration_histories(
                located.tree,
                located.presence,
                primary=located.site_names.index(primary),
                settings=settings,
                model="machina",
            )
            matches = []
            for history in found.histories:
                site = {located.tree.names[history.root[0]]: located.site_names[history.root[1]]}
                site.update({located.tree.names[v]: located.site_names[t] for _, _, v, t in history.edges.tolist()})
                matches.append(np.mean([site[v] == reported[v] for v in inner if v in site]))
            criteria = found.criteria
            print(
                f"| {name} | {primary}{' (published)' if primary == reported[root] else ''} | {len(moved)}, "
                f"{len(set(moved))} | {criteria['migrations']}, {criteria['comigrations']} | "
                f"{found.n_histories} | {100 * max(matches):.0f} % of {len(inner)} |"
            )
            rows.append((primary, criteria["migrations"], max(matches)))
        primary, migrations, match = rows[0]
        other = min(rows, key=lambda row: row[1])
        sentences.append(
            f"{name}: from {primary}, the published source, {migrations} migrations suffice, the published "
            f"labelling has {len(moved)}; the optimum nearest to it puts {100 * match:.0f} % of inner clones "
            "where the study does" + (f"; {other[0]} as source would need {other[1]}." if other[0] != primary else ".")
        )
    print("\n".join(["", *sentences]))


def crc(data: Path) -> None:
    """Two colorectal cancers with brain metastases: private clonal mutations and labels."""
    sentences = []
    print("| patient | metastasis | L_p, L_m | published | rho (95 %) | divergence | pattern | clonality | CPU s |")
    print("|---|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as scratch:
        sheet = crc_sheet(data, Path(scratch))
        for name in ("V402", "V824"):
            start = time.process_time()
            result = analyse(read_patient(sheet, patient=name), seed=1)
            cpu = time.process_time() - start
            labels = result.labels.labels
            for row in result.timing.divergence:
                known = PUBLISHED.get((name, row.metastasis))
                print(
                    f"| {name} | {row.metastasis} | {row.L_p:.0f}, {row.L_m:.0f} | {known or '-'} | "
                    f"{row.rho:.1f} ({row.rho_lo:.1f}-{row.rho_hi:.1f}) | {row.call} | "
                    f"{best_values(labels['pattern'])} | {best_values(labels['clonality_site'])} | {cpu:.0f} |"
                )
                if known:
                    sentences.append(
                        f"{name}: {row.L_p:.0f} clonal mutations private to the primary and {row.L_m:.0f} to the brain "
                        f"metastasis, published {known[0]} and {known[1]}; called {row.call}; the metastasis is "
                        f"{best_values(labels['site_seeding'][row.metastasis])}."
                    )
    print("\n".join(["", *sentences]))


def m5(data: Path) -> None:
    """Forty simulated tumours: from reads alone; see end_to_end.py and migration_histories.py for every figure."""
    import end_to_end

    from phylometa.config import Settings

    settings = Settings()
    rows, cpu = [], []
    by_pattern: dict[str, list[float]] = {}
    tree_files = sorted((data / "machina_m5").glob("*/T_seed*.tree"))
    for tree_file, tumor in zip(tree_files, end_to_end.published_tumors(len(tree_files))):
        (figures, *_), seconds = end_to_end.measure(tumor, settings)
        cpu.append(seconds)
        rows.append(figures)
        by_pattern.setdefault(tree_file.parent.name, []).append(figures[3])
    mean = np.mean(rows, axis=0)
    print("| | graph F1 | multigraph F1 | migrating clones F1 | pattern right |\n|---|---|---|---|---|")
    print("| phylometa, reads alone, edges of P >= .5 | {:.3f} | {:.3f} | {:.3f} | {:.3f} |".format(*mean[:4]))
    print("| MACHINA, own clustering, Gurobi (published) | .731 | .718 | .890 | .475 |")
    print("| ceiling: true tree and presence | .933 | .932 | .983 | .875 |")
    worst = ", ".join(f"{name} {sum(found):.0f} of {len(found)}" for name, found in sorted(by_pattern.items()))
    print(
        f"\nm5: {100 * mean[3]:.0f} % of the patterns are right (by true pattern: {worst}); "
        f"{np.mean(cpu):.1f} s of CPU a tumour."
    )


STUDIES = {"gundem": gundem, "mcpherson": mcpherson, "crc": crc, "m5": m5}


def main() -> None:
    if not os.environ.get("PHYLOMETA_DATA"):
        raise SystemExit(f"{__doc__}\nset PHYLOMETA_DATA to the folder of published data")
    names = sys.argv[1:] or list(STUDIES)
    assert {name for name, *_ in REFERENCE} >= set(GUNDEM)
    for name in names:
        print(f"\n## {name}\n")
        STUDIES[name](Path(os.environ["PHYLOMETA_DATA"]))


if __name__ == "__main__":
    main()
