"""Clones, tree and routes from copy number of single cells alone, on simulated patients (docs/kinds_of_evidence.md).

    python benchmarks/cell_copy_number.py [PATIENTS] [--seed N] [--cells C] [--record]

A patient has a primary and two metastases; `C` cells (150) in all are picked from the three sites by the shares of
clones there, a tenth of them normal. 5 % of the states are wrong; 4 % of the columns hold two cells, and 3 % are noisy
(40 % wrong). The caller gives phased copies of alleles on common segments.

Printed: adjusted Rand index of the clones against the true profiles (that differ beyond the error of breakpoints), over
cells that are single and not noisy; what share of these is placed, and of doublets of two profiles and of noisy cells
is not; share of cell pairs of different profiles whose relation (ancestor, descendant, other branch) is right in the
best tree (a clone that no event parts from its parent is the parent); accuracy and log score of routes and of labels
against the true history, as in `labels_from_copy_number.py`; seconds of CPU to clones, and to labels. `--record` keeps
the figures in printed.tsv.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace

import numpy as np
from kinds_of_evidence import FLOOR, routes, short_chains
from printed import record
from scipy.special import comb
from scoring import LABELS, label_scores, shown_labels, totals

from phylometa.cells.copy_number_bundles import with_copy_number_bundles
from phylometa.cells.copy_number_segments import common_cell_segments
from phylometa.config import CellSettings
from phylometa.model.arrays import FloatArray, IntArray
from phylometa.model.patient import Patient
from phylometa.pipeline.stages import AnalysisResult, run_stage
from phylometa.simulate import SimulationSettings, simulate_patient, visible_labels, visible_truth
from phylometa.simulate.cells import simulate_cell_copy_number
from phylometa.simulate.truth import SimulatedPatient

PATIENTS, CELLS, NORMAL, WRONG, DOUBLETS, NOISY, NOISE = 20, 150, 0.1, 0.05, 0.04, 0.03, 0.4
SETTINGS = SimulationSettings(
    distant_sites=2, primary_regions=1, primary_clones=3, branch_cn_events=3.0, assay="panel", mutation_rate=0.16
)


class Cells:
    """Cells of a simulated patient: the patient with their tables, and the truth of every cell in their order."""

    def __init__(self, simulated: SimulatedPatient, n_cells: int, rng: np.random.Generator) -> None:
        truth, patient = simulated.truth, simulated.patient
        n = truth.tree.n_clones
        tables, clones, doublets, noisy = [], [], [], []
        sites = [site for site in patient.sites if site.name in truth.sample_site]
        for number, site in enumerate(sites):
            columns = [s for s, name in enumerate(truth.sample_site) if name == site.name]
            share = truth.proportions[:, columns].mean(axis=1)
            count = n_cells // len(sites) + (number < n_cells % len(sites))
            clone = rng.choice(n, size=count, p=share / share.sum())
            clone[rng.random(count) < NORMAL] = -1
            second = np.full(count, -2)
            is_two = rng.random(count) < DOUBLETS
            second[is_two] = rng.choice(clone, is_two.sum())
            is_noisy = ~is_two & (rng.random(count) < NOISY)
            wrong = np.where(is_noisy, NOISE, WRONG)
            matrix = simulate_cell_copy_number(truth.profile, clone, second=second, wrong=wrong, rng=rng)
            matrix = replace(matrix, cells=tuple(f"{site.name}_{name}" for name in matrix.cells))
            sample = next(sample for sample in patient.samples if sample.site == site.name)
            tables.append((replace(sample, name=f"{site.name}_sc", kind="cell"), matrix))
            clones.append(clone)
            doublets.append(second)
            noisy.append(is_noisy)
        exact = simulate_cell_copy_number(truth.profile, np.append(np.arange(n), -1), wrong=0.0, rng=rng)
        told = common_cell_segments(exact, tolerance=CellSettings().breakpoint_error, least_cells=1).copies
        of_clone = np.unique(told.reshape(-1, n + 1), axis=1, return_inverse=True)[1].reshape(-1)
        self.clone = np.concatenate(clones)
        shown = np.arange(n)  # a clone that no event parts from its parent is the parent
        for clone in truth.tree.preorder:
            parent = int(truth.tree.parents[clone])
            if parent >= 0 and of_clone[clone] == of_clone[parent]:
                shown[clone] = shown[parent]
        self.shown_clone: IntArray = np.where(self.clone >= 0, shown[self.clone], -1)
        second = np.concatenate(doublets)
        self.profile: IntArray = of_clone[self.clone]
        self.is_noisy = np.concatenate(noisy)
        self.is_doublet = (second != -2) & (of_clone[np.where(second == -2, self.clone, second)] != self.profile)
        nothing = np.zeros(0, dtype=np.int64)
        no_samples = patient.mutations.take_samples(nothing).take(nothing)
        copies = patient.copy_number.take_samples(nothing).take(nothing)
        self.patient: Patient = replace(
            patient,
            samples=(),
            mutations=no_samples,
            copy_number=copies,
            segments=None,
            known_clusters=None,
            cell_matrices=tuple(tables),
        )


def rand_index(first: IntArray, second: IntArray) -> float:
    """Adjusted Rand index of two labellings."""
    table = np.zeros((first.max() + 1, second.max() + 1))
    np.add.at(table, (first, second), 1)
    together, rows, columns = (comb(x, 2).sum() for x in (table, table.sum(axis=1), table.sum(axis=0)))
    expected = rows * columns / comb(len(first), 2)
    return float((together - expected) / ((rows + columns) / 2 - expected))


def relations(simulated: SimulatedPatient, cells: Cells, result: AnalysisResult) -> list[bool]:
    """Whether the relation of the clones of two cells is right, of pairs of different profiles in the tree."""
    assert result.trees is not None
    tree = result.trees.best
    dominant = np.asarray(result.trees.proportions[0]).argmax(axis=0)
    place = {sample.name: s for s, sample in enumerate(result.patient.samples)}
    chosen = [c for c, cell in enumerate(result.patient.cells) if cell.sample and cells.clone[c] >= 0]
    found = np.array([dominant[place[result.patient.cells[c].sample]] for c in chosen])
    true, below, shown = cells.shown_clone[chosen], simulated.truth.tree.is_ancestor, tree.is_ancestor
    right = []
    for i in range(len(chosen)):
        for j in range(i):
            if cells.profile[chosen[i]] != cells.profile[chosen[j]]:
                expected = below[true[i], true[j]], below[true[j], true[i]]
                got = (
                    (found[i] != found[j]) and shown[found[i], found[j]],
                    (found[i] != found[j]) and shown[found[j], found[i]],
                )
                right.append(tuple(map(bool, expected)) == tuple(map(bool, got)) and found[i] != found[j])
    return right


def main() -> None:
    """Print all figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("patients", nargs="?", type=int, default=PATIENTS)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--cells", type=int, default=CELLS)
    parser.add_argument("--record", action="store_true", help="keep the figures in printed.tsv")
    arguments = parser.parse_args()
    settings = short_chains()
    rand, placed, of_pairs, seconds = [], [], [], []
    fates: dict[str, list[bool]] = {"doublets": [], "noisy": [], "plain": []}
    scores, route_hits, route_scores = [], [], []
    for number in range(arguments.patients):
        rng = np.random.default_rng([arguments.seed, number])
        simulated = simulate_patient(SETTINGS, rng=rng)
        n_events = np.bincount(
            [event.clone for event in simulated.truth.copy_number_events], minlength=simulated.truth.tree.n_clones
        )
        either = replace(simulated, truth=replace(simulated.truth, n_called=n_events))
        cells = Cells(simulated, arguments.cells, rng)
        started = time.process_time()
        patient = with_copy_number_bundles(cells.patient, settings=settings.cells)
        to_clones = time.process_time() - started
        fate = np.array([cell.fate for cell in patient.cells])
        clone = np.unique([cell.clone for cell in patient.cells], return_inverse=True)[1].reshape(-1)
        plain, is_placed = ~cells.is_doublet & ~cells.is_noisy, np.isin(fate, ("clone", "normal"))
        rand.append(rand_index(cells.profile[plain & is_placed], clone[plain & is_placed]))
        fates["plain"] += is_placed[plain].tolist()
        fates["doublets"] += (~is_placed[cells.is_doublet]).tolist()
        fates["noisy"] += (~is_placed[cells.is_noisy]).tolist()
        result = AnalysisResult(patient=patient, settings=settings)
        for stage in ("clusters", "trees", "histories", "labels"):
            result = run_stage(stage, result, settings)
        seconds.append((to_clones, time.process_time() - started))
        right = relations(simulated, cells, result)
        of_pairs.append(np.mean(right) if right else np.nan)
        names = simulated.patient.site_names
        history = visible_truth(either).history
        true = {f"{names[s]}>{names[t]}" for _, s, _, t in history.edges.tolist() if s != t}
        found = routes(result)
        route_hits += [(p >= 0.5) == (name in true) for name, p in found.items()]
        route_scores += [np.log(max(p if name in true else 1.0 - p, FLOOR)) for name, p in found.items()]
        truth = {name: visible_labels(either)[name] for name in LABELS}
        scores += list(label_scores(*shown_labels(result.labels)[:1], truth, shown_labels(result.labels)[1]))
        placed.append(len(result.patient.samples))
        print(number, f"ARI {rand[-1]:.3f}, relations {of_pairs[-1]:.3f}, {seconds[-1][1]:.1f} s", flush=True)
    table = totals(scores)
    of_seconds: FloatArray = np.array(seconds)
    figures = [
        ("adjusted Rand index of clones", f"{np.mean(rand):.3f}"),
        ("adjusted Rand index of clones, least", f"{np.min(rand):.3f}"),
        ("single cells placed", f"{sum(fates['plain'])} of {len(fates['plain'])}"),
        ("doublets of two profiles set aside", f"{sum(fates['doublets'])} of {len(fates['doublets'])}"),
        ("noisy cells set aside", f"{sum(fates['noisy'])} of {len(fates['noisy'])}"),
        ("relations of cells right", f"{np.nanmean(of_pairs):.3f}"),
        ("routes right", f"{np.mean(route_hits):.3f}"),
        ("log score of routes", f"{np.mean(route_scores):.3f}"),
        ("labels right", f"{table.accuracy:.3f}"),
        ("log score of labels", f"{table.log_score:.3f}"),
        ("CPU to clones, s", f"{of_seconds[:, 0].mean():.1f}"),
        ("CPU to labels, s", f"{of_seconds[:, 1].mean():.1f}"),
        ("CPU to labels, most, s", f"{of_seconds[:, 1].max():.1f}"),
    ]
    print("\n".join(f"{measure}: {value}" for measure, value in figures))
    if arguments.record:
        row = f"{arguments.patients} patients of seed {arguments.seed}, {arguments.cells} cells"
        record("cell_copy_number.py", [(row, *figure) for figure in figures])


if __name__ == "__main__":
    main()
