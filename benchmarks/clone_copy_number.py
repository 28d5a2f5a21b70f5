"""Copy number of clones on simulated patients: states, branches of events, doublings, calibration, cost.

``python benchmarks/clone_copy_number.py [patients] [caller] [--inferred]`` simulates patients (an own seed each), gives
the segments of the caller (``battenberg``: two states; ``ascat``: rounded means) and the true clone tree and
proportions (as ALPACA is given; with ``--inferred`` its proportions have an error of .03), and prints: the share of
segment x clone pairs (by length) whose major and minor copies are right, beside a baseline that gives every clone the
state of the sample it is most prevalent in; changes placed on the right branch (precision, recall, by length); patients
whose doublings are all right; the calibration error of P(change on a branch) in ten bins; seconds of a patient.
``--cost`` times 20 samples x 400 segments x 15 clones.
"""

from __future__ import annotations

import sys
import time

import numpy as np

from phylometa.copy_number.clone_states import infer_clone_copy_number, score_clone_states
from phylometa.copy_number.segmentation import consistent_segmentation
from phylometa.simulate import SimulationSettings, simulate_patient


def true_copies(profile, found):
    """Copies of every clone on the segments that were compared (K, N, 2)."""
    copies = np.zeros((len(found.clone_names), len(found.chroms), 2), dtype=np.int64)
    middle = (found.start + found.end) // 2
    chroms = np.array(profile.chroms)
    for k in range(len(found.clone_names)):
        for g, chrom in enumerate(found.chroms):
            rows = np.flatnonzero((profile.sample == k) & (chroms == chrom))
            row = rows[(profile.start[rows] <= middle[g]) & (profile.end[rows] > middle[g])][0]
            copies[k, g] = profile.major[row], profile.minor[row]
    return copies


def changes_of(copies, parents, doubled):
    """Where the copies change on the branch above a clone, doublings aside (K, N)."""
    above = np.ones_like(copies)
    known = parents >= 0
    above[known] = copies[parents[known]]
    factor = np.where(doubled, 2, 1)[:, None, None]
    return (copies != factor * above).any(axis=2)


def one_patient(seed, caller, inferred):
    rng = np.random.default_rng([seed, 23])
    settings = SimulationSettings(
        assay="wgs",
        cn_caller=caller,
        mutation_rate=0.001,
        trunk_cn_events=float(rng.uniform(4, 15)),
        branch_cn_events=float(rng.uniform(1, 5)),
        trunk_doubling=0.3,
        branch_doubling=0.04,
    )
    simulated = simulate_patient(settings, rng=np.random.default_rng(seed))
    patient, truth = simulated.patient, simulated.truth
    names = [sample.name for sample in patient.samples]
    proportions = truth.proportions
    if inferred:
        proportions = np.clip(proportions + rng.normal(0, 0.03, proportions.shape) * (proportions > 0), 0, None)
        proportions = proportions / proportions.sum(axis=0)
    start = time.perf_counter()
    clones = tuple(str(k) for k in range(truth.tree.n_clones))
    found = infer_clone_copy_number(patient.segments, clones, [(truth.tree.parents, 1.0, proportions)], names)
    seconds = time.perf_counter() - start
    copies = true_copies(truth.profile, found)
    expected = np.sort(copies, axis=2)[:, :, ::-1]
    weight = found.length / found.length.sum()
    right = (np.sort(found.states, axis=2)[:, :, ::-1] == expected).all(axis=2) @ weight
    of_samples = consistent_segmentation(patient.segments).copies[truth.proportions.argmax(axis=1)].transpose(0, 2, 1)
    baseline = (np.sort(of_samples, axis=2)[:, :, ::-1] == expected).all(axis=2) @ weight
    doubled = np.zeros(len(clones), dtype=bool)
    doubled[[event.clone for event in truth.copy_number_events if event.kind == "wgd"]] = True
    is_seen = truth.proportions.sum(axis=1) > 0
    return {
        "right": right.mean(),
        "baseline": baseline.mean(),
        "seen": right[is_seen].mean(),
        "doubling": ((found.doubling_probability > 0.5) == doubled).all(),
        "probability": found.change_probability,
        "changes": changes_of(copies, np.asarray(truth.tree.parents), doubled),
        "weight": np.broadcast_to(weight, found.change_probability.shape),
        "seconds": seconds,
        "n": doubled.sum(),
    }


def calibration_error(probability, truth, weight):
    """Expected calibration error in ten bins of equal width, and the weight-averaged Brier score."""
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


def cost():
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


def main():
    words = [word for word in sys.argv[1:] if not word.startswith("--")]
    if "--cost" in sys.argv:
        cost()
        return
    n, caller = int(words[0]) if words else 100, words[1] if len(words) > 1 else "battenberg"
    rows = [one_patient(1000 + seed, caller, "--inferred" in sys.argv) for seed in range(n)]
    probability, truth, weight = (
        np.concatenate([row[name].ravel() for row in rows]) for name in ("probability", "changes", "weight")
    )
    called = probability >= 0.5
    precision = weight[called & truth].sum() / max(weight[called].sum(), 1e-9)
    recall = weight[called & truth].sum() / max(weight[truth].sum(), 1e-9)
    print(f"{n} patients, {caller}")
    for name, words in (("right", "states right"), ("seen", "of sampled clones"), ("baseline", "baseline")):
        print(f"{words:>20}: {np.mean([row[name] for row in rows]):.3f}")
    print(f"{'changes on branches':>20}: precision {precision:.3f}, recall {recall:.3f}")
    of_all, n_doubled = [row["doubling"] for row in rows], sum(row["n"] > 0 for row in rows)
    of_doubled = [row["doubling"] for row in rows if row["n"]]
    print(f"{'doublings right':>20}: {np.mean(of_all):.3f}; of the {n_doubled} with one: {np.mean(of_doubled):.3f}")
    print(f"{'calibration error':>20}: {calibration_error(probability, truth, weight):.4f}")
    print(f"{'seconds a patient':>20}: {np.median([row['seconds'] for row in rows]):.2f}")


if __name__ == "__main__":
    main()
