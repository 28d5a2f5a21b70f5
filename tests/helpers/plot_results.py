"""Hand-built results for the tests of figures and report: no inference runs here."""

import datetime
from functools import cache

import numpy as np

from phylometa.config import SeedingSettings, Settings
from phylometa.model.certainty import Certainty
from phylometa.model.clone_tree import ancestor_matrix
from phylometa.model.clusters import CcfTable, Clustering
from phylometa.model.copy_number import CopyNumberEvent, CopyNumberResult, Instability, ParallelEvent
from phylometa.model.history import HistoryEnsemble, MigrationHistory, TreeHistories
from phylometa.model.interval import Estimate
from phylometa.model.label_specs import PATIENT_LABELS, SITE_LABELS
from phylometa.model.labels import SeedingLabels, grade_labels
from phylometa.model.patient import (
    CopyNumberAtLoci,
    CopyNumberProfile,
    DroppedVariants,
    Lesion,
    MutationTable,
    Patient,
    Sample,
    Site,
    Treatment,
)
from phylometa.model.result import PatientResult
from phylometa.model.timing import DivergenceRow, SeedingInterval, TimingResult
from phylometa.model.tree_ensemble import TreeEnsemble
from phylometa.seeding.caps import Caps
from phylometa.seeding.labels import label_history
from phylometa.seeding.levels import limit_levels

ORGANS = (
    ("prostate", "primary"),
    ("pelvic lymph node", "lymph_node"),
    ("left supraclavicular lymph node", "lymph_node"),
    ("liver", "distant"),
    ("lung", "distant"),
    ("brain", "distant"),
    ("left adrenal gland", "distant"),
    ("thoracic vertebra T9", "distant"),
    ("right femur", "distant"),
    ("surgical bed", "bed"),
    ("ascites", "distant"),
    ("spleen", "distant"),
    ("omentum", "distant"),
    ("seminal vesicle", "distant"),
    ("right rib 7", "distant"),
    ("pleura", "distant"),
    ("skin of the scalp", "distant"),
    ("right kidney", "distant"),
    ("somewhere unheard of", "distant"),
    ("left humerus", "distant"),
)
GENES = ("TP53", "PTEN", "AR", "KRAS", "MYC", "RB1", "BRCA2", "APC", "SPOP", "FOXA1")
MALICIOUS = (
    "<script>window.hacked=1</script>",
    '"><img src=x onerror="window.hacked=2">',
    "a&b</style></svg>'`${1}`",
    "$\\frac{x}{0}$ {{7*7}} {% raw %}",
    "名前 \u202eabc\x07\n\ud800 é",
)


def random_parents(n_clones, rng):
    """A random tree whose root is 0 and whose parents come before their children."""
    return np.array([-1, *(int(rng.integers(max(0, v - 4), v)) for v in range(1, n_clones))])


def random_history(parents, presence, primary, weight, rng):
    """Every clone sits where it was seen (else where its parent is); the sites of a clone are joined as a star."""
    sites_of, edges = {}, []
    for v in range(len(parents)):
        seen = [int(t) for t in np.flatnonzero(presence[v])]
        if parents[v] < 0:
            first = primary
        else:
            around = sites_of[parents[v]]
            shared = [t for t in seen if t in around]
            source = shared[0] if shared else int(rng.choice(around))
            first = shared[0] if shared else (seen[0] if seen else source)
            edges.append((parents[v], source, v, first))
        sites_of[v] = [first, *(t for t in seen if t != first)]
        edges.extend((v, first, v, t) for t in sites_of[v][1:])
    history = MigrationHistory((0, primary), np.array(edges).reshape(-1, 4), weight=weight)
    sources = {s for s, _ in history.migration_counts}
    pattern = "none" if not sources else "PS" if len(sources) == 1 else "M"
    return MigrationHistory(
        (0, primary),
        history.edges,
        weight=weight,
        seeding_sites=len(sources),
        pattern=pattern,
        comigrations=len(history.migration_counts),
    )


def make_result(n_clones=8, n_sites=4, n_samples=6, n_mutations=240, n_trees=3, seed=1, names=None, dated=True):
    """A patient with everything up to migration histories; figures of any size come from it."""
    rng = np.random.default_rng(seed)
    sites = tuple(Site(name, kind) for name, kind in ORGANS[:n_sites])
    if names:
        sites = tuple(
            Site(names[i % len(names)] + ("" if i < len(names) else str(i)), site.site_class)
            for i, site in enumerate(sites)
        )
    sample_site = np.sort(np.concatenate([np.arange(n_sites), rng.integers(0, n_sites, max(0, n_samples - n_sites))]))[
        :n_samples
    ]
    samples = tuple(
        Sample(
            f"{names[i % len(names)]}-{i}" if names else f"{sites[s].name.split()[0][:6]}_{i + 1}",
            sites[s].name,
            purity=float(np.round(rng.uniform(0.3, 0.95), 2)),
            purity_is_estimated=i == 1,
            ploidy=2.1,
            age=61.0 + s if dated else float("nan"),
            collection_date=datetime.date(2019 + int(s) % 4, 3, 2 + i) if dated else None,
            diagnosis_date=datetime.date(2018, 5, 4) if dated else None,
            assay="wgs",
            diameter_cm=2.5,
        )
        for i, s in enumerate(sample_site)
    )
    parents = random_parents(n_clones, rng)
    eta = np.zeros((n_clones, n_samples))
    for s in range(n_samples):
        present = rng.random(n_clones) < min(1.0, 3.5 / n_clones)
        present[rng.integers(n_clones)] = True
        eta[present, s] = rng.dirichlet(np.ones(present.sum()))
    phi = ancestor_matrix(parents) @ eta
    labels = np.sort(np.concatenate([np.arange(n_clones), rng.integers(0, n_clones, n_mutations - n_clones)]))
    depth = rng.poisson(120, (n_mutations, n_samples))
    purity = np.array([sample.purity for sample in samples])
    alt = rng.binomial(depth, np.clip(phi[labels] * purity / 2, 0, 1))
    observed = rng.random(depth.shape) > 0.03
    genes = tuple(GENES[i % len(GENES)] if i % 17 == 0 else "" for i in range(n_mutations))
    if names:
        genes = tuple(names[i % len(names)] if gene else "" for i, gene in enumerate(genes))
    mutations = MutationTable(
        ids=tuple(f"{1 + i % 22}:{1000 * i + 1}:A:G" for i in range(n_mutations)),
        sample_names=tuple(sample.name for sample in samples),
        alt_counts=np.where(observed, alt, 0),
        depth=np.where(observed, depth, 0),
        observed=observed,
        chroms=tuple(str(1 + i % 22) for i in range(n_mutations)),
        positions=1000 * np.arange(n_mutations),
        genes=genes,
    )
    patient = Patient(
        name=names[0] if names else f"P{n_clones}",
        samples=samples,
        sites=sites,
        mutations=mutations,
        copy_number=CopyNumberAtLoci.diploid(n_mutations, n_samples),
        segments=random_segments(samples, rng),
        dropped=DroppedVariants(
            ("1:7:A:G",) * 3 + ("2:8:C:T",),
            ("", "", "", samples[0].name),
            ("filtered",) * 3 + ("no_depth",),
            ("calls.vcf",) * 4,
            (4, 5, 6, 7),
        ),
        warnings=(f"sample {samples[0].name}: purity estimated from the reads",),
        treatments=(
            Treatment("surgery", sites[0].name, datetime.date(2018, 6, 1), datetime.date(2018, 6, 1)),
            Treatment("radiotherapy", sites[-1].name, datetime.date(2019, 2, 1), datetime.date(2019, 3, 15), 60.0, 30),
            Treatment("systemic", "", datetime.date(2020, 1, 1), datetime.date(2020, 9, 1)),
        )
        if dated
        else (),
        lesions=(Lesion(sites[-1].name, datetime.date(2020, 2, 2), 1.5),) if dated else (),
        drivers=frozenset(names or GENES),
        provenance=({"file": "calls.vcf", "dialect": "mutect2", "sha256": "0" * 64},),
    )
    with np.errstate(invalid="ignore"):
        ccf = np.clip(np.where(observed, 2 * mutations.vaf / purity, np.nan), 0, 1)
    ccf_table = CcfTable(
        ccf,
        np.clip(ccf - 0.1, 0, 1),
        np.clip(ccf + 0.1, 0, 1),
        np.ones_like(ccf),
        np.broadcast_to(purity / 2, ccf.shape),
        np.full_like(ccf, 0.97),
    )
    sizes = np.bincount(labels, minlength=n_clones)
    clusters = Clustering(
        names=tuple(f"{names[k % len(names)]}{k}" if names else str(k + 1) for k in range(n_clones)),
        labels=labels,
        probability=np.full(n_mutations, 0.97),
        ccf=phi,
        ccf_lo=np.clip(phi - 0.05, 0, 1),
        ccf_hi=np.clip(phi + 0.05, 0, 1),
        alt_reads=np.rint(50 * phi * sizes[:, None]),
        total_reads=np.full(phi.shape, 100.0) * sizes[:, None],
    )
    all_parents = [parents]
    for v in rng.permutation(np.arange(2, n_clones))[: n_trees - 1]:
        other = parents.copy()
        other[v] = parents[parents[v]] if parents[parents[v]] >= 0 else 0
        all_parents.append(other)
    weights = 0.5 ** np.arange(len(all_parents))
    weights /= weights.sum()
    presence = np.zeros((n_clones, n_sites))
    np.maximum.at(presence.T, sample_site, (eta > 0.05).T.astype(float))
    trees = TreeEnsemble(
        names=clusters.names,
        n_mutations=sizes.astype(float),
        parents=np.array(all_parents),
        weights=weights,
        log_likelihood=-100.0 - np.arange(len(all_parents)),
        proportions=np.repeat(eta[None], len(all_parents), axis=0),
        presence=np.repeat(presence[None], len(all_parents), axis=0),
        site_names=patient.site_names,
        complete=True,
        n_trees=len(all_parents),
    )
    tree_histories = []
    for t, (vector, weight) in enumerate(zip(all_parents, weights)):
        listed = tuple(random_history(vector, presence > 0.5, 0, weight * share, rng) for share in (0.7, 0.3))
        tree_histories.append(
            TreeHistories(
                t,
                float(weight),
                presence > 0.5,
                {"unobserved": 0, "migrations": listed[0].n_migrations, "comigrations": 1, "seeding_sites": 1},
                2,
                True,
                listed,
            )
        )
    histories = HistoryEnsemble(tuple(tree_histories), patient.site_names)
    return PatientResult(
        patient,
        ccf_table,
        clusters,
        trees,
        histories,
        make_labels(trees, histories, sites),
        make_timing(sites, clusters.names, rng, has_age=dated),
        copy_number=make_copy_number(samples, np.random.default_rng(seed)),
        settings=Settings(),
        warnings=(f"cluster {clusters.names[-1]} has one mutation",),
    )


def sum_labels(rows, names):
    """Label -> value (or site -> value) -> summed weight."""
    labels = {name: {} for name in names}
    for weight, values in rows:
        for name in names:
            value = values[name]
            parts = [(labels[name], value)]
            if isinstance(value, dict):
                parts = [(labels[name].setdefault(site, {}), v) for site, v in value.items()]
            for part, v in parts:
                part[v] = part.get(v, 0.0) + weight
    return labels


def make_labels(trees, histories, sites):
    """The labels of the listed histories, without the comparison of criteria (which enumerates histories)."""
    settings = SeedingSettings()
    rows = []
    for in_tree, history in histories:
        tree = trees.tree(in_tree.tree)
        rows.append(
            (
                history.weight,
                label_history(tree, history, sites, primary=0),
            )
        )
    labels = sum_labels(rows, (*PATIENT_LABELS, *SITE_LABELS))
    metastases = [site.name for site in sites if site.is_metastasis]
    extra = sum_labels(rows, ("seeding_waves", "phyletic_distant_only"))
    made = SeedingLabels(
        labels=labels,
        **grade_labels(labels, extra, settings, Certainty()),
        extra=extra,
        alternative_criteria={},
        criterion_sensitive=("met_to_met",) if len(metastases) > 2 else (),
        tracerx={"case_clonality": "polyclonal"},
        tracerx_probabilities={},
        pm_counts={},
        jsi_call=dict.fromkeys(metastases, "undefined"),
        primary_sampled=True,
        clonally_unrelated=False,
        unrelated_sites=(),
        n_metastases=len(metastases),
        n_histories=len(rows),
        complete=True,
        settings=settings,
        settled_by={"pattern": f"another region of {metastases[-1]}"} if metastases else {},
    )
    return limit_levels(made, histories, Caps({}, {}), {})


def make_timing(sites, clones, rng, has_age=True):
    """Intervals of every metastasis in molecular time and, with ages, on the axis of the age."""
    intervals = []
    for i, site in enumerate(site for site in sites if site.is_metastasis):
        start = 100 + 20 * float(rng.random())
        molecular = [Estimate(m, m - 12, m + 12) for m in (start, start + 60, start + 30)]
        age = [Estimate(a, a - 2, a + 2) for a in (50.0 + i % 7, 56.0 + i % 7, 53.0 + i % 7)]
        clone = clones[i % len(clones)]
        probability = 1.0 if i % 2 == 0 else 0.6
        intervals.append(SeedingInterval(site.name, clone, "molecular", "molecular", probability, *molecular))
        if has_age:
            before = {"surgery_prostate": 0.97}
            intervals.append(
                SeedingInterval(site.name, clone, "age_years", "clock", probability, *age, p_before=before)
            )
    rows = tuple(
        DivergenceRow(site.name, 80, 4, 12, 3, 2.5, 0.9, 8.0, 2.4, 0.16, 0.002, "early", 3.0, 16, 0.95, "monoclonal")
        for site in sites
        if site.is_metastasis
    )
    return TimingResult(tuple(intervals), rows, refusals=("no growth rate: one size a lesion",))


def make_copy_number(samples, rng):
    """A random binary tree of the samples below a trunk, with supports and one doubling; None for a single sample."""
    if len(samples) < 2:
        return None
    names = tuple(sample.name for sample in samples)
    n = len(names)
    clades, parents = list(range(n)), {}
    new = n + 1  # n is the diploid
    while len(clades) > 1:
        for child in (clades.pop(int(rng.integers(len(clades)))), clades.pop(int(rng.integers(len(clades))))):
            parents[child] = new
        clades.append(new)
        new += 1
    parents |= {clades[0]: n, n: -1}
    lengths = rng.integers(0, 30, new)
    lengths[n] = 0
    support = np.where(np.arange(new) > n, rng.uniform(0.4, 1, new), np.nan)
    doublings = np.zeros(new, dtype=int)
    doublings[clades[0]] = 1
    node_names = (*names, "diploid", *(f"node_{i}" for i in range(new - n - 1)))
    instability = tuple(
        Instability(
            *(name, i < n, 2.4, 0.3, 0.2, 0.25, 0.0, 0.1, False, None, int(i < n), int(lengths[i]), 3, 2, 0, 0.05),
            wgd_probability=0.9 if i < n else float("nan"),
        )
        for i, name in enumerate(node_names)
    )
    return CopyNumberResult(
        names,
        np.zeros((n + 1, n + 1)),
        np.zeros((n + 1, n + 1)),
        node_names,
        [parents[i] for i in range(new)],
        lengths,
        doublings,
        support,
        ("1",),
        [0],
        [80_000_000],
        np.ones((new, 2, 1)),
        False,
        (
            CopyNumberEvent(names[0], "gain", "1", 0, 100, "major"),
            *(
                CopyNumberEvent(node_names[v], "loss", "1", 0, 80_000_000, "minor")
                for v in np.flatnonzero(lengths)[::3]
            ),
        ),
        instability,
        parallel=(ParallelEvent((names[0], names[1]), "loss", "8", 0, 5_000_000, ("minor", "minor"), False),),
    )


def random_segments(samples, rng):
    """Two copies everywhere, some chromosomes gained or lost in some samples."""
    rows = []
    for s in range(len(samples)):
        for chrom in range(1, 23):
            for start in (0, 40_000_000):
                major = int(rng.choice([1, 1, 1, 2, 3]))
                minor = int(rng.choice([1, 1, 0]))
                rows.append((s, str(chrom), start, start + 40_000_000, major, min(major, minor)))
    sample, chroms, start, end, major, minor = zip(*rows)
    return CopyNumberProfile(tuple(x.name for x in samples), sample, chroms, start, end, major, minor)


@cache  # a result does not change
def one_clone():
    return make_result(n_clones=1, n_sites=1, n_samples=1, n_mutations=12, n_trees=1)


@cache
def one_metastasis():
    return make_result(n_clones=3, n_sites=2, n_samples=2, n_mutations=90, n_trees=1, seed=3)


@cache
def eight_clones():
    return make_result()


@cache
def sixty_clones():
    return make_result(n_clones=60, n_sites=20, n_samples=20, n_mutations=3000, n_trees=6, seed=5)


@cache
def fifteen_clones():
    return make_result(n_clones=15, n_sites=7, n_samples=10, n_mutations=1500, n_trees=6, seed=7)


@cache
def malicious():
    return make_result(n_clones=6, n_sites=5, n_samples=6, names=MALICIOUS, seed=9)


@cache
def nothing():
    """Only what was read: no stage could say anything."""
    full = make_result(n_clones=2, n_sites=2, n_samples=2, n_mutations=5, n_trees=1, dated=False)
    patient = full.patient.with_changes(segments=None, treatments=(), lesions=())
    return PatientResult(patient, settings=Settings(), warnings=("no mutation is left after filtering",))


ALL = {
    "one_clone": one_clone,
    "one_metastasis": one_metastasis,
    "eight_clones": eight_clones,
    "sixty_clones": sixty_clones,
    "malicious": malicious,
    "nothing": nothing,
}
