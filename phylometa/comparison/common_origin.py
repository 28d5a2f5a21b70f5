"""Common origin: the probability that two tumours descend from one founding cell, from the mutations they share.

Tumours of one origin share the mutations of their trunk. Independent ones share a mutation by chance only: both hit a
recurrent position, or a germline variant passed as somatic. One shared hotspot among many private mutations therefore
speaks for independent tumours, three shared passengers for a common origin.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from phylometa.config import MIN_ALT_READS, OriginSettings
from phylometa.model.arrays import BoolArray, FloatArray, IntArray, freeze_array
from phylometa.model.patient import MutationTable, Site

__all__ = ["CommonOrigin", "call_presence", "find_common_origin", "probability_of_common_origin"]

# A mutation is in a sample if so many reads come from error with at most this probability, and its VAF is no trace.
_ERROR_TAIL, _LEAST_VAF = 1e-4, 0.03
_LEAST_DEPTH = 10  # reads in all samples of a site from which a mutation counts as looked for


@dataclass(frozen=True, eq=False)
class CommonOrigin:
    """Which sites descend from one founding cell.

    Parameters
    ----------
    site_names : sequence of str
    probability : float64 array (n_sites, n_sites)
        P(common origin) of two sites; of sites of two groups that of their groups, of one group the least with which
        these were joined.
    shared, private : int64 arrays (n_sites, n_sites)
        Mutations in both; mutations in the first, looked for and not found in the second.
    groups : tuple of tuple of int
        Sites by origin, each group and the groups by first site.
    recurrent : tuple of int
        Mutations found in more than one group: hit independently.
    """

    site_names: tuple[str, ...]
    probability: FloatArray
    shared: IntArray
    private: IntArray
    groups: tuple[tuple[int, ...], ...]
    recurrent: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        n = len(self.site_names)
        freeze_array(self, "probability", np.float64, (n, n))
        freeze_array(self, "shared", np.int64, (n, n))
        freeze_array(self, "private", np.int64, (n, n))

    @property
    def group_of(self) -> IntArray:
        """Index of every site's group (n_sites,)."""
        group = np.zeros(len(self.site_names), dtype=np.int64)
        for g, members in enumerate(self.groups):
            group[list(members)] = g
        return group


def call_presence(
    mutations: MutationTable, sample_site: IntArray, n_sites: int, *, error_rate: float
) -> tuple[BoolArray, BoolArray]:
    """Tell by reads alone whether each mutation is found in each site, and whether it was looked for.

    Parameters
    ----------
    mutations : MutationTable
    sample_site : int array (S,)
    n_sites : int
    error_rate : float
        Errors per read.

    Returns
    -------
    found, sought : bool arrays (n, n_sites)
        Found: in a sample of the site at least three alternate reads and 3 % of them, which errors give with
        probability 1e-4 at most. Sought: found, or at least ten reads in the site.
    """
    from scipy.special import bdtrc

    seen = mutations.is_informative
    by_error = bdtrc(mutations.alt_counts - 1.0, mutations.depth, error_rate)
    called = seen & (mutations.alt_counts >= MIN_ALT_READS) & (by_error <= _ERROR_TAIL)
    called &= mutations.alt_counts >= _LEAST_VAF * mutations.depth
    found = np.zeros((mutations.n_mutations, n_sites), dtype=bool)
    sought = np.zeros_like(found)
    for t in range(n_sites):
        here = np.asarray(sample_site) == t
        found[:, t] = called[:, here].any(axis=1)
        sought[:, t] = found[:, t] | (np.where(seen, mutations.depth, 0)[:, here].sum(axis=1) >= _LEAST_DEPTH)
    return found, sought


def probability_of_common_origin(
    n_shared: int, n_smaller: int, *, recurrences: Sequence[float] = (), n_passengers: int = 0, n_tumours: int = 2,
    prior: float, settings: OriginSettings,
) -> float:  # fmt: skip
    r"""Compute the probability that two or more tumours descend from one founding cell.

    With k of the n mutations of the smallest tumour found in all others,

    .. math::
        P(k \mid \text{common}) = \binom{n}{k} B(k + 2, n - k + 1) / B(2, 1) = 2 (k + 1) / ((n + 1) (n + 2)),

    a share of trunk mutations with a Beta(2, 1) prior, and P(k | independent) = the product of the recurrences of
    the shared hotspots x P(passengers) x P(others), with P(m) = 1 - q for m = 0 and q (1 - r) r^(m - 1) beyond: q for
    a first coincidence, r for each further one. Among T tumours every coincidence has happened T - 1 times, while a
    trunk is short in all of them at once: P(k | independent)^(T - 1).

    Parameters
    ----------
    n_shared : int
        k.
    n_smaller : int
        n, at least k.
    recurrences : sequence of float
        Of each shared mutation at a known hotspot: the probability that another tumour of the kind has it.
    n_passengers : int
        Shared mutations known to lie in no recurrent gene: only a germline variant that leaked explains them.
    n_tumours : int
        T, at least 2.
    prior : float
        P(common) before any mutation is seen.
    settings : OriginSettings

    Returns
    -------
    float

    Examples
    --------
    >>> settings = OriginSettings()
    >>> [round(probability_of_common_origin(k, 31, prior=0.9, settings=settings), 3) for k in (0, 1, 3)]
    [0.019, 0.258, 1.0]
    >>> round(probability_of_common_origin(1, 31, n_tumours=4, prior=0.9, settings=settings), 3)
    0.973
    """
    n_other = n_shared - len(recurrences) - n_passengers
    common = math.log(2 * (n_shared + 1)) - math.log((n_smaller + 1) * (n_smaller + 2))
    independent = sum(math.log(rate) for rate in recurrences)
    independent += _log_coincidences(n_other, settings.coincidence_rate, settings.further_coincidence)
    independent += _log_coincidences(n_passengers, settings.leak_rate, settings.further_leak)
    log_odds = common - (n_tumours - 1) * independent + math.log(prior) - math.log1p(-prior)
    return 1.0 / (1.0 + math.exp(-log_odds)) if log_odds > -700 else 0.0


def _log_coincidences(number: int, first: float, further: float) -> float:
    """Log probability of so many coincidences."""
    if not number:
        return math.log1p(-first)
    return math.log(first) + math.log1p(-further) + (number - 1) * math.log(further)


_Groups = tuple[tuple[int, ...], ...]
"""Groups of sites."""


def _sets_that_share(found: BoolArray, groups: Sequence[tuple[int, ...]]) -> list[_Groups]:
    """List the sets of three or more groups that are all those in which some mutation is found, each once."""
    in_groups = np.array([found[:, group].any(axis=1) for group in groups]).T
    sets = {tuple(group for group, is_in in zip(groups, row) if is_in) for row in np.unique(in_groups, axis=0)}
    return sorted(members for members in sets if len(members) > 2)


def find_common_origin(
    found: BoolArray,
    sought: BoolArray,
    sites: Sequence[Site],
    *,
    genes: Sequence[str] = (),
    recurrence: Mapping[str, float] | None = None,
    settings: OriginSettings | None = None,
) -> CommonOrigin:
    """Find groups of sites of one origin, and the probability of it for every pair.

    Sites start alone; the two groups whose common origin is the most probable are joined while that is at least one
    half, then three or more that share a mutation. A group has the mutations of all of its sites.

    Parameters
    ----------
    found, sought : bool arrays (n, n_sites)
        See `call_presence`.
    sites : sequence of Site
    genes : sequence of str, length n
        Empty = unknown.
    recurrence : mapping
        Gene -> the probability that another tumour has the same mutation of it.
    settings : OriginSettings, optional

    Returns
    -------
    CommonOrigin

    Examples
    --------
    >>> sites = [Site("left", "primary"), Site("right", "primary"), Site("liver", "distant")]
    >>> found = np.array([[1, 0, 0]] * 30 + [[0, 1, 1]] * 30, dtype=bool)
    >>> find_common_origin(found, np.ones_like(found), sites).groups
    ((0,), (1, 2))
    """
    settings = OriginSettings() if settings is None else settings
    found, sought = np.asarray(found, dtype=bool), np.asarray(sought, dtype=bool)
    n, n_sites = found.shape
    names = tuple(genes) or ("",) * n
    rate = [min((recurrence or {}).get(gene, 0.0), 1.0) for gene in names]

    def joined(members: _Groups) -> float:
        in_each = np.array([found[:, group].any(axis=1) for group in members])
        looked_for = np.array([sought[:, group].any(axis=1) for group in members])
        everywhere = in_each.all(axis=0)
        sizes = [int((own & np.delete(looked_for, g, axis=0).all(axis=0)).sum()) for g, own in enumerate(in_each)]
        primaries = all(any(sites[t].site_class == "primary" for t in group) for group in members)
        return probability_of_common_origin(
            int(everywhere.sum()),
            min(sizes),
            recurrences=[rate[i] for i in np.flatnonzero(everywhere) if rate[i] > 0],
            n_passengers=sum(1 for i in np.flatnonzero(everywhere) if names[i] and not rate[i]),
            n_tumours=len(members),
            prior=settings.prior_of_primaries if primaries else settings.prior_of_metastasis,
            settings=settings,
        )

    groups: list[tuple[int, ...]] = [(t,) for t in range(n_sites)]
    probability = np.eye(n_sites)
    pair_of: dict[_Groups, float] = {pair: joined(pair) for pair in combinations(groups, 2)}
    while len(groups) > 1:
        sets = pair_of
        if max(sets.values()) < 0.5:
            sets = {members: joined(members) for members in _sets_that_share(found, groups)}
        best = max(sets, key=lambda members: (sets[members], *(-group[0] for group in members)), default=None)
        if best is None or sets[best] < 0.5:
            break
        for a, b in combinations(best, 2):
            probability[np.ix_(a, b)] = probability[np.ix_(b, a)] = sets[best]
        merged = tuple(sorted(site for group in best for site in group))
        groups = sorted([group for group in groups if group not in best] + [merged])
        pair_of = {pair: value for pair, value in pair_of.items() if not set(pair) & set(best)}
        for other in groups:
            if other != merged:
                pair = (min(merged, other), max(merged, other))
                pair_of[pair] = joined(pair)
    for (a, b), value in pair_of.items():
        probability[np.ix_(a, b)] = probability[np.ix_(b, a)] = value
    in_groups = np.array([found[:, group].any(axis=1) for group in groups])
    as_numbers, looked = found.astype(np.int64), sought.astype(np.int64)
    return CommonOrigin(
        tuple(site.name for site in sites),
        probability,
        as_numbers.T @ as_numbers,
        as_numbers.T @ (looked - as_numbers),
        tuple(groups),
        tuple(np.flatnonzero(in_groups.sum(axis=0) > 1).tolist()),
    )
