"""Hand-made patients of one primary and one metastasis, for the comparison of both."""

import numpy as np

from phylometa.comparison.infer import compare_with_primary
from phylometa.model.clusters import CcfTable, Clustering
from phylometa.model.patient import CopyNumberAtLoci, MutationTable, Patient, Sample, Site
from phylometa.reads.lost_copies import carriers, loss_probability

PURITY, VAF = 0.8, 0.4  # VAF of a clonal mutation: one of two copies


def parts(alt, labels, prevalence, *, depth=100, power=1.0, regions=1, purity=PURITY, minor=None, virtual=False):
    """(patient, ccf, clusters): `regions` samples of the primary P, the rest of the metastasis M.

    `alt` (n, S) alternate reads, NaN if unobserved; `prevalence` (K, S) of the clusters; `minor` (n, S) copies.
    """
    alt = np.asarray(alt, dtype=float)
    n, n_samples = alt.shape
    observed = np.isfinite(alt)
    names = tuple(f"s{j}" for j in range(n_samples))
    sites = (Site("P", "primary", is_virtual=virtual), Site("M", "distant"))
    purities = np.broadcast_to(purity, n_samples)
    samples = tuple(
        Sample(name, "P" if j < regions else "M", purity=float(p)) for j, (name, p) in enumerate(zip(names, purities))
    )
    mutations = MutationTable(
        tuple(f"m{i}" for i in range(n)),
        names,
        np.nan_to_num(alt).astype(int),
        np.where(observed, np.broadcast_to(depth, alt.shape), 0).astype(int),
    )
    minor = np.ones(alt.shape) if minor is None else np.asarray(minor, dtype=float)
    copy_number = CopyNumberAtLoci(major=np.ones(alt.shape), minor=minor, normal=np.full(alt.shape, 2))
    patient = Patient("X", samples, sites, mutations, copy_number)
    one = np.ones(alt.shape)
    power = np.where(observed, np.broadcast_to(power, alt.shape), 0.0)
    loss = loss_probability(copy_number, carriers(mutations))
    ccf = CcfTable(one, one, one, one, VAF * one, power, loss)
    mean = np.asarray(prevalence, dtype=float)
    reads = np.full(mean.shape, 1000.0)
    clusters = Clustering(
        tuple(str(k + 1) for k in range(len(mean))),
        np.asarray(labels),
        np.ones(n),
        mean,
        np.maximum(mean - 0.02, 0),
        np.minimum(mean + 0.02, 1),
        mean / 2 * reads,
        reads,
    )
    return patient, ccf, clusters


def compare(alt, labels, prevalence, *, settings=None, **options):
    """The comparison of primary and metastasis of `parts`."""
    return compare_with_primary(*parts(alt, labels, prevalence, **options), settings=settings)


def compare_one(*args, **options):
    """The same, the one metastasis."""
    (found,) = compare(*args, **options).metastases
    return found
