"""Chromosomal instability of samples and ancestors, and of metastases against primaries.

Over the autosomes, L length, M and m copies of the major and the minor allele, t = M + m: ploidy sum L t / sum L;
altered 1 - sum L [M = m = 1] / sum L; LOH sum L [m = 0] / sum L; wGII mean over chromosomes of the share of length with
t != round(ploidy) (Burrell et al. 2013, doi:10.1038/nature11935). Genome doubled: share with M >= 2 above 0.5 (Bielski
et al. 2018, doi:10.1038/s41588-018-0165-1), or ploidy >= 2.9 - 2 LOH (PCAWG 2020, doi:10.1038/s41586-020-1969-6).
A subclonal segment counts with both states by their share of cells.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence

import numpy as np

from phylometa.copy_number.segmentation import is_autosome
from phylometa.model.arrays import FloatArray
from phylometa.model.copy_number import ClassComparison, Instability
from phylometa.model.patient import CopyNumberProfile

__all__ = ["compare_classes", "instability_measures", "sample_instability"]

MEASURES = ("ploidy", "altered", "loh", "wgii", "branch_length")
# Assignments of the permutation test: all of them up to here, so many random ones beyond.
EXACT_ASSIGNMENTS = 20_000
RANDOM_ASSIGNMENTS = 10_000


def instability_measures(
    name: str,
    chroms: Sequence[str],
    weight: FloatArray,
    major: FloatArray,
    minor: FloatArray,
    total: FloatArray,
    *,
    is_sample: bool,
    subclonal: float = 0.0,
) -> Instability:
    """Measure the instability of one profile.

    Parameters
    ----------
    name : str
    chroms : sequence of str, length n
    weight : float array (n,)
        Length (bp), times the share of cells.
    major, minor, total : float arrays (n,)
        NaN if unknown.
    is_sample : bool
    subclonal : float

    Returns
    -------
    Instability
        All NaN if no autosome has copy number.

    Examples
    --------
    >>> one = np.ones(2)
    >>> found = instability_measures("s", ["1", "2"], one, 2 * one, one - [0, 1], np.array([3.0, 2]), is_sample=True)
    >>> found.ploidy, found.loh, found.wgii, found.wgd_major
    (2.5, 0.5, 0.5, True)
    """
    is_used = np.array([is_autosome(chrom) for chrom in chroms], dtype=bool) & np.isfinite(total)
    names = np.array(chroms)[is_used]
    weight, major, minor, total = (np.asarray(item)[is_used] for item in (weight, major, minor, total))
    whole = float(weight.sum())
    if whole == 0:
        nan = math.nan
        return Instability(name, is_sample, nan, nan, nan, nan, nan, nan, None, None)
    ploidy = float(weight @ total) / whole
    is_other = np.rint(total) != math.floor(ploidy + 0.5)
    wgii = float(np.mean([np.average(is_other[names == c], weights=weight[names == c]) for c in dict.fromkeys(names)]))
    known = np.isfinite(major) & np.isfinite(minor)
    if not known.any():
        altered = float(weight @ (np.rint(total) != 2)) / whole
        return Instability(name, is_sample, ploidy, altered, math.nan, wgii, subclonal, math.nan, None, None)
    high, low = np.rint(np.fmax(major, minor)[known]), np.rint(np.fmin(major, minor)[known])
    share = weight[known] / weight[known].sum()
    altered = 1 - float(share @ ((high == 1) & (low == 1)))
    loh = float(share @ (low == 0))
    major_2 = float(share @ (high >= 2))
    by_major, by_ploidy = major_2 > 0.5, ploidy >= 2.9 - 2 * loh
    return Instability(name, is_sample, ploidy, altered, loh, wgii, subclonal, major_2, by_major, by_ploidy)


def sample_instability(profile: CopyNumberProfile, sample: int) -> Instability:
    """Measure the instability of one sample on its own segments."""
    own = np.flatnonzero(profile.sample == sample)
    length = (profile.end - profile.start)[own].astype(np.float64)
    is_two = np.isfinite(profile.major2[own])
    fraction = np.where(is_two, profile.fraction[own], 1.0)
    second = own[is_two]
    total = np.where(is_two, profile.major[own] + profile.minor[own], profile.total[own])
    autosomal = length * [is_autosome(profile.chroms[i]) for i in own]
    subclonal = float(autosomal @ is_two) / max(float(autosomal.sum()), 1.0)
    return instability_measures(
        profile.sample_names[sample],
        [profile.chroms[i] for i in (*own, *second)],
        np.concatenate([length * fraction, (length * (1 - fraction))[is_two]]),
        np.concatenate([profile.major[own], profile.major2[second]]),
        np.concatenate([profile.minor[own], profile.minor2[second]]),
        np.concatenate([total, profile.major2[second] + profile.minor2[second]]),
        is_sample=True,
        subclonal=subclonal,
    )


def compare_classes(
    instability: Sequence[Instability], site_classes: Mapping[str, str], *, rng: np.random.Generator
) -> tuple[ClassComparison, ...]:
    """Compare the instability of metastases with that of primaries.

    Parameters
    ----------
    instability : sequence of Instability
        Ancestors are passed over.
    site_classes : mapping sample -> site class
        As `phylometa.model.patient.Site.site_class`; lymph-node and distant sites are metastases.
    rng : numpy.random.Generator

    Returns
    -------
    tuple of ClassComparison
        One a measure; empty if no sample is of either class. The test permutes samples over the two classes (all
        assignments if they are few): samples count as independent, which those of one site are not.
    """
    rows = [row for row in instability if row.is_sample]
    first = [row for row in rows if site_classes.get(row.name) == "primary"]
    second = [row for row in rows if site_classes.get(row.name) in ("lymph_node", "distant")]
    if not first and not second:
        return ()
    found = []
    for measure in MEASURES:
        a = np.array([getattr(row, measure) for row in first], dtype=np.float64)
        b = np.array([getattr(row, measure) for row in second], dtype=np.float64)
        a, b = a[np.isfinite(a)], b[np.isfinite(b)]
        if len(a) + len(b):
            primary, metastasis = (float(x.mean()) if len(x) else math.nan for x in (a, b))
            found.append(ClassComparison(measure, primary, metastasis, len(a), len(b), _permutation_p(a, b, rng)))
    return tuple(found)


def _permutation_p(a: FloatArray, b: FloatArray, rng: np.random.Generator) -> float:
    if not len(a) or not len(b):
        return math.nan
    pooled = np.concatenate([a, b])
    n = len(a)
    if math.comb(len(pooled), n) <= EXACT_ASSIGNMENTS:
        chosen = np.array(list(itertools.combinations(range(len(pooled)), n)))
        extra = 0
    else:
        chosen = np.argsort(rng.random((RANDOM_ASSIGNMENTS, len(pooled))), axis=1)[:, :n]
        extra = 1
    sums = pooled[chosen].sum(axis=1)
    difference = np.abs(sums / n - (pooled.sum() - sums) / len(b))
    exceeding = int((difference >= abs(a.mean() - b.mean()) - 1e-9).sum())
    return (exceeding + extra) / (len(chosen) + extra)
