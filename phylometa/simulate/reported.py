"""What the files say of the samples, which need not be true: site, purity, copy number, one sample under two names."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from phylometa.model.arrays import FloatArray, IntArray
from phylometa.model.patient import CopyNumberProfile
from phylometa.simulate.settings import SimulationSettings

__all__ = ["Sheet", "draw_sheet", "hide_loh"]

# Least purity that a sheet states.
LEAST_STATED = 0.05


@dataclass(frozen=True, eq=False)
class Sheet:
    """Rows of the sample sheet.

    Parameters
    ----------
    names : tuple of str
    column : int64 array (rows,)
        The sample whose reads are listed under each name.
    site : tuple of str
        As stated.
    true_site : tuple of str
    purity : float64 array (rows,)
        As stated; NaN if it is not.
    """

    names: tuple[str, ...]
    column: IntArray
    site: tuple[str, ...]
    true_site: tuple[str, ...]
    purity: FloatArray


def draw_sheet(
    names: tuple[str, ...],
    sites: tuple[str, ...],
    purity: FloatArray,
    settings: SimulationSettings,
    rng: np.random.Generator,
) -> Sheet:
    """Draw what the sheet says: duplicates added, sites and purities changed as `settings` ask.

    A mislabelled sample goes to another site that was sampled; if its own site would be left without a sample, it
    changes places with a sample of the other one. With one site sampled there is nothing to mislabel.

    Parameters
    ----------
    names, sites : tuples of str, length S
        Samples and where they were taken.
    purity : float64 array (S,)
    settings, rng

    Returns
    -------
    Sheet
    """
    column = [*range(len(names)), *rng.integers(len(names), size=settings.duplicates).tolist()]
    true_site = [sites[s] for s in column]
    stated = list(true_site)
    all_names = list(names)
    if settings.duplicates_elsewhere and len(set(sites)) > 1:
        for row in range(len(names), len(column)):
            stated[row] = _other(true_site[row], sites, rng)
    for row in range(len(names), len(column)):
        all_names.append(_next_name(f"{settings.patient}_{stated[row]}", all_names))
    chosen = rng.permutation(len(names))[: settings.mislabelled].tolist() if len(set(sites)) > 1 else []
    for row in chosen:
        site = stated[row]
        target = _other(site, sites, rng)
        there = [i for i, other in enumerate(stated) if other == target == true_site[i]]
        if site != true_site[row] or not there:
            continue  # has changed places already
        if stated.count(site) == 1:
            stated[int(rng.choice(there))] = site
        stated[row] = target
    told: FloatArray = purity[column] + settings.purity_bias + settings.purity_sd * rng.standard_normal(len(column))
    if settings.purity_bias == 0 and settings.purity_sd == 0:
        told = purity[column]
    if not settings.state_purity:
        told = np.full(len(column), np.nan)
    return Sheet(
        names=tuple(all_names),
        column=np.array(column, dtype=np.int64),
        site=tuple(stated),
        true_site=tuple(true_site),
        purity=np.clip(told, min(LEAST_STATED, float(purity.min())), 1.0).round(3),
    )


def _other(site: str, sites: tuple[str, ...], rng: np.random.Generator) -> str:
    """A random one of the sampled sites but `site`."""
    others = [other for other in dict.fromkeys(sites) if other != site]
    return others[int(rng.integers(len(others)))]


def _next_name(stem: str, taken: list[str]) -> str:
    """The first of stem_1, stem_2, ... that is free."""
    return next(name for i in range(1, len(taken) + 2) if (name := f"{stem}_{i}") not in taken)


def hide_loh(
    profile: CopyNumberProfile, share: float, haploid_chroms: frozenset[str], rng: np.random.Generator
) -> CopyNumberProfile:
    """Report a share of a profile's losses of heterozygosity as balanced: (t, 0) as (t - 1, 1), t >= 2.

    Totals stay as they are, as in callers that see coverage alone. Two states that come out the same are one.

    Parameters
    ----------
    profile : CopyNumberProfile
    share : float
        Probability of each segment.
    haploid_chroms : frozenset of str
        Chromosomes of one copy in normal cells, which lose no heterozygosity.
    rng : numpy.random.Generator
    """
    is_hit = (rng.random(len(profile.chroms)) < share) & ~np.isin(np.array(profile.chroms), list(haploid_chroms))
    changes: dict[str, FloatArray] = {}
    for major, minor in (("major", "minor"), ("major2", "minor2")):
        high, low = getattr(profile, major), getattr(profile, minor)
        is_loh = is_hit & (low == 0) & (high >= 2)
        changes |= {major: np.where(is_loh, high - 1, high), minor: np.where(is_loh, 1.0, low)}
    is_same = (changes["major"] == changes["major2"]) & (changes["minor"] == changes["minor2"])
    changes |= {name: np.where(is_same, np.nan, changes[name]) for name in ("major2", "minor2")}
    changes["fraction"] = np.where(is_same, 1.0, profile.fraction)
    return replace(profile, **changes)  # type: ignore[arg-type]
