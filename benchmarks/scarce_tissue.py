"""What each kind of evidence adds to who seeded whom where tissue is scarce, on simulated patients.

    python benchmarks/scarce_tissue.py [PATIENTS] [--seed N] [--record]

A patient has a primary and three metastases, one sample each at 40x and a purity of .3 to .6; one metastasis was never
biopsied. There are also four plasma samples of .5 to 20 % tumour at 3,000x, a pool of circulating cells, a xenograft of
the metastasis that has no tissue, and 60 single cells of it (dropout .2, false positives .01). Each patient is analysed
with tissue alone, with tissue and one kind, and with all.

Printed is the mean log probability of what is true of every route between two of the four sites, and the mean gain by
each kind with its standard error over patients; also over the routes of the sampled sites alone, and over those of the
unsampled one. An analysis says nothing of a site that it does not know: each of its routes then has its base rate, 1/S
of S sites, as S - 1 of the S (S - 1) are true of one seeding each. `--record` keeps the figures in printed.tsv.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from kinds_of_evidence import FLOOR, KINDS, analyse, routes, short_chains, with_kinds
from printed import record, study_arguments

from phylometa.model.cells import CellMatrix
from phylometa.model.patient import Patient
from phylometa.simulate import SimulationSettings, simulate_patient
from phylometa.simulate.labels import true_labels_document
from phylometa.simulate.truth import SimulatedPatient

PATIENTS, N_CELLS, DROPOUT, FALSE_POSITIVE = 10, 60, 0.2, 0.01
SETTINGS = SimulationSettings(
    distant_sites=3,
    primary_regions=1,
    primary_clones=3,
    mutation_rate=0.0002,
    depth=40,
    min_purity=0.3,
    max_purity=0.6,
    plasma_samples=4,
    ctc_pools=1,
    xenografts=1,
)
VARIANTS = {"tissue": (), **{name: (name,) for name in (*KINDS, "cell")}, "all": (*KINDS, "cell")}
NAMES = {**KINDS, "cell": "single cells", "all": "all kinds"}


def with_cells(patient: Patient, simulated: SimulatedPatient, site: str, rng: np.random.Generator) -> Patient:
    """The patient with a matrix of single cells of a site."""
    truth, table = simulated.truth, simulated.patient.mutations
    column = truth.sample_site.index(site)
    clones = rng.choice(truth.tree.n_clones, size=N_CELLS, p=truth.proportions[:, column])
    rows = np.flatnonzero(truth.clone >= 0)
    has = truth.multiplicity[rows][:, clones] > 0
    seen = (rng.random(has.shape) < np.where(has, 1.0 - DROPOUT, FALSE_POSITIVE)).astype(np.int8)
    names = tuple(table.ids[i] for i in rows.tolist()), tuple(f"cell{c}" for c in range(N_CELLS))
    sample = replace(simulated.patient.samples[column], name=f"{site}_sc", kind="cell")
    return replace(patient, cell_matrices=((sample, CellMatrix(*names, seen)),))


def log_scores(found: dict[str, float], true: set[str], sites: tuple[str, ...], unsampled: str) -> tuple[float, ...]:
    """Mean log probability of what is true of the routes: of all, of the sampled sites, of the unsampled one."""
    scores: dict[bool, list[float]] = {False: [], True: []}
    for a in sites:
        for b in sites:
            if a != b:
                name = f"{a}>{b}"
                p = found.get(name, 1.0 / len(sites))
                score = np.log(max(p if name in true else 1.0 - p, FLOOR))
                scores[unsampled in (a, b)].append(float(score))
    return tuple(float(np.mean(values)) for values in (scores[False] + scores[True], scores[False], scores[True]))


def main() -> None:
    """Print all figures."""
    arguments = study_arguments(__doc__, PATIENTS)
    settings = short_chains()
    scores: dict[str, list[tuple[float, ...]]] = {name: [] for name in VARIANTS}
    for number in range(arguments.patients):
        rng = np.random.default_rng([arguments.seed, number])
        simulated = simulate_patient(SETTINGS, rng=rng)
        true = set(true_labels_document(simulated)["edges"])
        sites = simulated.patient.site_names
        (unsampled,) = {sample.site for sample in simulated.patient.samples if sample.kind == "pdx"}
        for name, kinds in VARIANTS.items():
            patient = with_kinds(simulated.patient, kinds, unsampled=(unsampled,))
            if "cell" in kinds:
                patient = with_cells(patient, simulated, unsampled, np.random.default_rng([arguments.seed, number, 1]))
            scores[name].append(log_scores(routes(analyse(patient, settings)), true, sites, unsampled))
        print(number, *(f"{name} {values[-1][0]:.3f}" for name, values in scores.items()), flush=True)
    alone = np.array(scores["tissue"])
    figures = [("log score of routes, tissue alone", f"{alone[:, 0].mean():.3f}")]
    print(f"log score of routes, tissue alone: {alone[:, 0].mean():.3f}")
    for name, kind in NAMES.items():
        gain = np.array(scores[name]) - alone
        error = gain.std(axis=0, ddof=1) / np.sqrt(len(gain)) if len(gain) > 1 else np.full(3, np.nan)
        told = []
        for where, mean, se in zip(
            ("all routes", "sampled sites", "unsampled site"), gain.mean(axis=0).round(3) + 0.0, error
        ):
            told.append(f"{where} {mean:+.3f} (se {se:.3f})")
            figures += [(f"gain, {where}, {kind}", f"{mean:.3f}"), (f"standard error, {where}, {kind}", f"{se:.3f}")]
        print(f"  with {kind}: gain {', '.join(told)}")
    if arguments.record:
        row = f"{arguments.patients} patients of seed {arguments.seed}"
        record("scarce_tissue.py", [(row, *figure) for figure in figures])


if __name__ == "__main__":
    main()
