"""Copy number of clones on simulated patients: states, branches of events, doublings, calibration, cost.

    python benchmarks/clone_copy_number.py [patients] [--caller battenberg] [--noisy] [--inferred] [--record]
    python benchmarks/clone_copy_number.py --sistem genomes.json [--caller battenberg] [--noisy] [--inferred] [--record]
    python benchmarks/clone_copy_number.py --cost

Patients are our simulator's (an own seed each; 10 to 15 clones, six samples), or SISTEM's, an agent-based one
(`sistem_patients.py --genomes`; some 17 clones, five samples). Callers: `battenberg`, the two most common states of a
segment; `ascat`, rounded means, neighbours joined; `raw`, rounded means beside the log ratio and BAF that they were
called from; `fractional`, means of both alleles. `--noisy` adds a caller's errors
(`noisy_segments`): of purity and ploidy, of shares, wrong, spurious and missed states, breakpoints. The clone tree is
the true one, as ALPACA is given it; so are proportions, with `--inferred` with an error of .03.

Printed are: the share of segment x clone pairs (by length) whose major and minor copies are right, beside a baseline
that gives every clone the state of the sample it is most prevalent in; changes placed on the right branch (precision,
recall, by length); patients whose doublings are all right; the calibration error of P(change on a branch) in ten bins;
seconds of a patient. `--cost` times 20 samples x 400 segments x 15 clones.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from noisy_segments import CALLERS, noisy_profile
from printed import record
from process_model import without_chains

from phylometa.copy_number.clone_states import infer_clone_copy_number, score_clone_states
from phylometa.copy_number.measured_means import mean_copies
from phylometa.copy_number.segmentation import consistent_segmentation
from phylometa.model.clone_tree import preorder
from phylometa.model.patient import CopyNumberProfile
from phylometa.reference.genome import CHROMOSOMES
from phylometa.simulate import SimulationSettings, simulate_patient
from phylometa.simulate.copy_number import reported_profile
from phylometa.simulate.genome import Segments

# Errors of the callers with `--noisy`.
NOISY = {"battenberg": "two_states", "ascat": "rounded", "raw": "two_states", "fractional": "two_states"}


class Case(NamedTuple):
    """A patient: clone tree, proportions (K, S), where genomes were doubled (K,), and copies of clones (K, G, 2)."""

    seed: int
    parents: np.ndarray
    proportions: np.ndarray
    doubled: np.ndarray
    segments: Segments
    copies: np.ndarray

    def at(self, chroms: tuple[str, ...], positions: np.ndarray) -> np.ndarray:
        """Copies of every clone at positions (K, N, 2)."""
        names = np.array(self.segments.names)
        found = np.zeros((len(self.parents), len(chroms), 2), dtype=np.int64)
        for i, (chrom, position) in enumerate(zip(chroms, positions.tolist())):
            rows = np.flatnonzero(names == chrom)
            found[:, i] = self.copies[:, rows[np.searchsorted(self.segments.start[rows], position, side="right") - 1]]
        return found


def own_case(number: int) -> Case:
    """A patient of our simulator."""
    seed = 1000 + number
    rng = np.random.default_rng([seed, 23])
    settings = SimulationSettings(
        assay="wgs",
        mutation_rate=0.001,
        trunk_cn_events=float(rng.uniform(4, 15)),
        branch_cn_events=float(rng.uniform(1, 5)),
        trunk_doubling=0.3,
        branch_doubling=0.04,
    )
    truth = simulate_patient(settings, rng=np.random.default_rng(seed)).truth
    profile, n_clones = truth.profile, truth.tree.n_clones
    numbers = {chromosome.name: c for c, chromosome in enumerate(CHROMOSOMES)}
    cuts: dict[int, set[int]] = {}
    for chrom, start in zip(profile.chroms, profile.start.tolist()):
        cuts.setdefault(numbers[chrom], set()).add(start)
    segments = Segments.from_breakpoints(cuts)
    copies = np.zeros((n_clones, len(segments), 2), dtype=np.int64)
    chroms, names = np.array(profile.chroms), np.array(segments.names)
    for k in range(n_clones):
        for chrom in dict.fromkeys(profile.chroms):
            rows = np.flatnonzero((profile.sample == k) & (chroms == chrom))
            here = np.flatnonzero(names == chrom)
            at = rows[np.searchsorted(profile.start[rows], segments.start[here], side="right") - 1]
            copies[k, here] = np.column_stack([profile.major[at], profile.minor[at]])
    doubled = np.zeros(n_clones, dtype=bool)
    doubled[[event.clone for event in truth.copy_number_events if event.kind == "wgd"]] = True
    return Case(seed, np.asarray(truth.tree.parents), truth.proportions, doubled, segments, copies)


def sistem_case(number: int, patient: dict) -> Case:
    """A patient of SISTEM; a clone of no sampled cell with at most one child is one with its child."""
    parents, cells = np.array(patient["parents"]), np.array(patient["cells"], dtype=np.float64)
    n_doublings = np.array(patient["doubled"])
    for clone in preorder(parents):
        if parents[clone] >= 0:
            n_doublings[clone] += n_doublings[parents[clone]]
    above, kept = without_chains(parents, cells > 0)
    n_doublings, cells = n_doublings[kept], cells[kept]
    doubled = n_doublings > np.where(above >= 0, n_doublings[above], 0)
    numbers = {chromosome.name: c for c, chromosome in enumerate(CHROMOSOMES)}
    rows = np.array([(numbers[chrom], start, end) for chrom, start, end in patient["segments"]], dtype=np.int64)
    order = np.lexsort((rows[:, 1], rows[:, 0]))
    copies = np.array(patient["copies"], dtype=np.int64)[order].transpose(1, 0, 2)[kept]
    return Case(number, above, cells / cells.sum(axis=0), doubled, Segments(*rows[order].T), copies)


def observed_segments(case: Case, caller: str, noisy: bool) -> CopyNumberProfile:
    """What a caller reports of the samples."""
    names = tuple(f"s{s}" for s in range(case.proportions.shape[1]))
    rng = np.random.default_rng([case.seed, 29])
    exact = reported_profile(case.copies, case.segments, case.proportions, names, two_states=caller != "ascat")
    profile = noisy_profile(exact, CALLERS[NOISY[caller]], rng) if noisy else exact
    if caller in ("battenberg", "ascat"):
        return profile
    means = np.zeros((profile.n_segments, 2))
    chroms, middle = np.array(profile.chroms), (profile.start + profile.end) // 2
    for s in range(len(names)):
        own = profile.sample == s
        of_clones = case.at(tuple(chroms[own]), middle[own]).astype(np.float64)
        means[own] = np.einsum("k,kna->na", case.proportions[:, s], of_clones)
    if noisy:
        error = CALLERS["two_states"]
        length = np.maximum((profile.end - profile.start) / 1e6, 0.5)
        shift = 1 + rng.normal(0, error.sample_sd, len(names))[profile.sample]
        own_sd = np.hypot(error.floor_sd, error.short_sd / np.sqrt(length))
        means = 1 + (means - 1) * shift[:, None] + rng.normal(0, 1, means.shape) * own_sd[:, None]
    means = np.sort(np.clip(means, 0, None).round(3), axis=1)[:, ::-1]
    unknown = np.full(profile.n_segments, np.nan)
    called = np.floor(means + 0.5) if caller == "raw" else means
    states = {"major": called[:, 0], "minor": called[:, 1], "major2": unknown, "minor2": unknown}
    found = replace(profile, **states, fraction=np.ones(profile.n_segments), total=None)
    return replace(found, **ratio_and_baf(means, profile, rng)) if caller == "raw" else found


def ratio_and_baf(means: np.ndarray, profile: CopyNumberProfile, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Log ratio and BAF of mean copies (n, 2), purities drawn from .3 to .9."""
    purity = rng.uniform(0.3, 0.9, len(profile.sample_names))[profile.sample]
    molecules = purity * means.sum(axis=1) + 2 * (1 - purity)
    length = (profile.end - profile.start).astype(np.float64)
    average = np.bincount(profile.sample, length * molecules) / np.bincount(profile.sample, length)
    ratio = np.log2(np.maximum(molecules / average[profile.sample], 1e-3))
    return {"log_ratio": ratio.round(3), "baf": ((purity * means[:, 0] + 1 - purity) / molecules).round(3)}


def changes_of(copies: np.ndarray, parents: np.ndarray, doubled: np.ndarray) -> np.ndarray:
    """Where the copies change on the branch above a clone, doublings aside (K, N)."""
    above = np.ones_like(copies)
    known = parents >= 0
    above[known] = copies[parents[known]]
    factor = np.where(doubled, 2, 1)[:, None, None]
    return (copies != factor * above).any(axis=2)


def one_patient(case: Case, caller: str, noisy: bool, inferred: bool) -> dict:
    rng = np.random.default_rng([case.seed, 31])
    profile = observed_segments(case, caller, noisy)
    proportions = case.proportions
    if inferred:
        proportions = np.clip(proportions + rng.normal(0, 0.03, proportions.shape) * (proportions > 0), 0, None)
        proportions = proportions / proportions.sum(axis=0)
    start = time.perf_counter()
    clones = tuple(str(k) for k in range(len(case.parents)))
    trees = [(case.parents, 1.0, proportions)]
    found = infer_clone_copy_number(profile, clones, trees, profile.sample_names)
    seconds = time.perf_counter() - start
    copies = case.at(found.chroms, (found.start + found.end) // 2)
    expected = np.sort(copies, axis=2)[:, :, ::-1]
    weight = found.length / found.length.sum()
    right = (np.sort(found.states, axis=2)[:, :, ::-1] == expected).all(axis=2) @ weight
    matrix = consistent_segmentation(profile, mean_copies(profile)[0])
    of_samples = matrix.copies[case.proportions.argmax(axis=1)].transpose(0, 2, 1)
    baseline = (np.sort(of_samples, axis=2)[:, :, ::-1] == expected).all(axis=2) @ weight
    is_seen = case.proportions.sum(axis=1) > 0
    return {
        "clones": len(clones),
        "samples": case.proportions.shape[1],
        "right": right.mean(),
        "baseline": baseline.mean(),
        "seen": right[is_seen].mean(),
        "seen baseline": baseline[is_seen].mean(),
        "doubling": ((found.doubling_probability > 0.5) == case.doubled).all(),
        "probability": found.change_probability,
        "changes": changes_of(copies, case.parents, case.doubled),
        "weight": np.broadcast_to(weight, found.change_probability.shape),
        "seconds": seconds,
        "n": case.doubled.sum(),
    }


def calibration_error(probability: np.ndarray, truth: np.ndarray, weight: np.ndarray) -> float:
    """Expected calibration error in ten bins of equal width."""
    bins = np.minimum((probability * 10).astype(int), 9)
    error = 0.0
    for k in range(10):
        here = bins == k
        if here.any():
            share = weight[here].sum() / weight.sum()
            error += share * abs(
                np.average(probability[here], weights=weight[here]) - np.average(truth[here], weights=weight[here])
            )
    return error


def figures_of(rows: list[dict]) -> list[tuple[str, str]]:
    """(measure, value) over patients."""
    probability, truth, weight = (
        np.concatenate([row[name].ravel() for row in rows]) for name in ("probability", "changes", "weight")
    )
    called, told = probability >= 0.5, probability >= 0.05
    of_doubled = [bool(row["doubling"]) for row in rows if row["n"]]
    of_others = [bool(row["doubling"]) for row in rows if not row["n"]]
    shares = {
        "states right": "right",
        "states right, baseline": "baseline",
        "states of sampled clones right": "seen",
        "states of sampled clones right, baseline": "seen baseline",
    }
    return [
        ("patients", f"{len(rows)}"),
        ("clones, median", f"{np.median([row['clones'] for row in rows]):.0f}"),
        *((words, f"{np.mean([row[name] for row in rows]):.3f}") for words, name in shares.items()),
        ("changes on branches: precision", f"{weight[called & truth].sum() / max(weight[called].sum(), 1e-9):.3f}"),
        ("changes on branches: recall", f"{weight[called & truth].sum() / max(weight[truth].sum(), 1e-9):.3f}"),
        ("doublings right, patients with one", f"{sum(of_doubled)} of {len(of_doubled)}"),
        ("doublings right, patients without", f"{sum(of_others)} of {len(of_others)}"),
        ("calibration error of P(change)", f"{calibration_error(probability, truth, weight):.4f}"),
        ("the same where P is .05 or more", f"{calibration_error(probability[told], truth[told], weight[told]):.4f}"),
        ("seconds a patient", f"{np.median([row['seconds'] for row in rows]):.2f}"),
    ]


def cost() -> None:
    rng = np.random.default_rng(1)
    n_clones, n_samples, n_segments = 15, 20, 400
    parents = np.array([-1, *(int(rng.integers(0, k)) for k in range(1, n_clones))])
    proportions = rng.dirichlet(np.full(n_clones, 0.3), size=n_samples).T
    copies = np.ones((n_segments, n_clones, 2), dtype=int)
    below = np.eye(n_clones, dtype=bool)
    for v in range(n_clones):
        u = v
        while parents[u] >= 0:
            u = parents[u]
            below[u, v] = True
    for g in range(n_segments):
        for v in rng.choice(n_clones, size=rng.integers(0, 3), replace=False):
            copies[g, below[v], rng.integers(2)] += rng.choice([-1, 1])
    means = np.einsum("ks,gka->gsa", proportions, np.sort(np.maximum(copies, 0), axis=2)[:, :, ::-1])
    means += rng.normal(0, 0.03, means.shape)
    score_clone_states(means[:2], parents, proportions)
    start = time.process_time()
    score_clone_states(means, parents, proportions)
    print(
        f"{n_samples} samples x {n_segments} segments x {n_clones} clones: {time.process_time() - start:.1f} s of CPU"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("patients", nargs="?", type=int, default=100)
    parser.add_argument("--caller", choices=NOISY, default="battenberg")
    parser.add_argument("--sistem", nargs="+", metavar="FILE", help="patients of sistem_patients.py --genomes")
    parser.add_argument("--noisy", action="store_true", help="with a caller's errors")
    parser.add_argument("--inferred", action="store_true", help="proportions with an error of .03")
    parser.add_argument("--cost", action="store_true", help="time the largest patient only")
    parser.add_argument("--record", action="store_true", help="keep the figures in printed.tsv")
    options = parser.parse_args()
    if options.cost:
        cost()
        return
    if options.sistem:
        read = [patient for path in options.sistem for patient in json.loads(Path(path).read_text(encoding="utf-8"))]
        cases = [sistem_case(number, patient) for number, patient in enumerate(read[: options.patients])]
    else:
        cases = [own_case(number) for number in range(options.patients)]
    rows = [one_patient(case, options.caller, options.noisy, options.inferred) for case in cases]
    words = ["SISTEM" if options.sistem else "own", options.caller]
    words += [name for name in ("noisy", "inferred") if getattr(options, name)]
    row = ", ".join(words)
    print(row)
    found = figures_of(rows)
    for measure, value in found:
        print(f"{measure:>42}: {value}")
    if options.record:
        record("clone_copy_number.py", [(row, measure, value) for measure, value in found])


if __name__ == "__main__":
    main()
