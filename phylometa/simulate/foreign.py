"""What a table of calls holds beside the mutations of the clone tree: neutral tails, artefacts, germline variants."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from phylometa.model.arrays import BoolArray, FloatArray, IntArray
from phylometa.simulate.genome import Segments
from phylometa.simulate.loci import Loci
from phylometa.simulate.mutations import draw_alleles
from phylometa.simulate.reads import leak, sequence, sequence_normal
from phylometa.simulate.settings import SimulationSettings

__all__ = ["SUBSTITUTIONS_OF_DAMAGE", "Damage", "Specimens", "draw_foreign_loci"]

# Formalin deaminates cytosine, oxidation turns guanine into 8-oxoguanine; each is seen from either strand.
SUBSTITUTIONS_OF_DAMAGE = {"ffpe": (("C", "T"), ("G", "A")), "oxidation": (("G", "T"), ("C", "A"))}
# Shape of the gamma factor of a hot spot of damage in each sample: levels that are alike, not equal.
HOT_SPOT_SHAPE = 10.0
# P(a scattered artefact is also in another sample).
SCATTER = 0.2


@dataclass(frozen=True, eq=False)
class Specimens:
    """Samples as the sequencer gets them: K clones, G segments, S samples.

    Parameters
    ----------
    segments : Segments
    copies : int64 array (K, G, 2)
        Copies of both alleles in every clone.
    normal_copies : float64 array (G,)
        Copies in normal cells.
    proportions : float64 array (K, S)
    purity : float64 array (S,)
    site : int64 array (S,)
        Index of the site of each sample.
    leakage : float or float64 array (S,)
        Share of the DNA that comes from another sample.
    donor : int64 array (S,)
        That other sample.
    """

    segments: Segments
    copies: IntArray
    normal_copies: FloatArray
    proportions: FloatArray
    purity: FloatArray
    site: IntArray
    leakage: float | FloatArray
    donor: IntArray

    @property
    def molecules_per_cell(self) -> FloatArray:
        """Mean copies of the genome per cell of each sample (S,), leakage not counted."""
        weights = self.segments.length / self.segments.length.sum()
        tumour = self.copies.sum(axis=2).T @ self.proportions * self.purity
        return np.asarray(weights @ (tumour + (1.0 - self.purity) * self.normal_copies[:, None]))

    def molecules(self, segment: IntArray) -> FloatArray:
        """Count molecules per cell at loci in `segment` (n,), in every sample (n, S)."""
        tumour = self.copies.sum(axis=2).T[segment] @ self.proportions * self.purity
        total = tumour + (1.0 - self.purity) * self.normal_copies[segment][:, None]
        return leak(total, self.leakage, self.donor)


@dataclass(frozen=True, eq=False)
class Damage:
    """Which samples are damaged: bool arrays (S,) by kind of damage."""

    is_damaged: dict[str, BoolArray]

    @classmethod
    def draw(cls, n_samples: int, settings: SimulationSettings, rng: np.random.Generator) -> Damage:
        """Every sample is fixed in formalin, and oxidised, with the probabilities of `settings`."""
        shares = {"ffpe": settings.ffpe_samples, "oxidation": settings.oxidised_samples}
        return cls({kind: rng.random(n_samples) < share for kind, share in shares.items()})

    def error_rates(
        self, refs: tuple[str, ...], alts: tuple[str, ...], settings: SimulationSettings
    ) -> float | FloatArray:
        """Give each cell's error rate (n, S): that of the damage if a read can show it; one number if all are alike."""
        if not any(samples.any() for samples in self.is_damaged.values()):
            return settings.error_rate
        n_samples = len(next(iter(self.is_damaged.values())))
        rates = np.full((len(refs), n_samples), settings.error_rate)
        for kind, samples in self.is_damaged.items():
            can_show = np.array([pair in SUBSTITUTIONS_OF_DAMAGE[kind] for pair in zip(refs, alts)], dtype=bool)
            rates[np.ix_(can_show, samples)] = max(settings.damage_error, settings.error_rate)
        return rates


@dataclass
class _Draft:
    """Loci of one cause before they are sequenced: VAF in every sample (n, S) and in the normal (n,)."""

    cause: str
    segment: IntArray
    position: IntArray
    vaf: FloatArray
    normal_vaf: FloatArray

    def __len__(self) -> int:
        return len(self.segment)


def draw_foreign_loci(
    n_listed: int,
    taken: IntArray,
    specimens: Specimens,
    damage: Damage,
    *,
    settings: SimulationSettings,
    rng: np.random.Generator,
) -> Loci | None:
    """Draw loci that are no mutation of the clone tree, with their reads; None if there are none.

    Parameters
    ----------
    n_listed : int
        Mutations of the clone tree that the table lists: the unit of `artefact_share`, `scattered_share` and
        `germline_share`.
    taken : int64 array
        Loci that hold a mutation already, each 10^9 x chromosome + position.
    specimens : Specimens
    damage : Damage
    settings, rng

    Returns
    -------
    Loci or None
        Called ones only: `min_alt_reads` alternate reads in a sample whose expected frequency is above 0.
    """
    place = _Places(specimens.segments, taken, rng)
    drafts = [
        _tails(place, specimens, settings, rng),
        _recurrent(round(settings.artefact_share * n_listed), place, specimens, settings, rng),
        _scattered(round(settings.scattered_share * n_listed), place, specimens, settings, rng),
        *(_damaged(kind, samples, place, specimens, settings, rng) for kind, samples in damage.is_damaged.items()),
        _germline(round(settings.germline_share * n_listed), place, specimens, settings, rng),
    ]
    parts = [_sequenced(draft, specimens, damage, settings, rng) for draft in drafts if len(draft)]
    return Loci.merged(parts, specimens.segments.chrom) if parts else None


class _Places:
    """Draws loci that nothing else lies on."""

    def __init__(self, segments: Segments, taken: IntArray, rng: np.random.Generator) -> None:
        self.segments = segments
        self.taken = set(taken.tolist())
        self.rng = rng

    def draw(self, n: int) -> tuple[IntArray, IntArray]:
        """Segment and position of n loci, uniform over the genome."""
        length = self.segments.length
        segment = self.rng.choice(len(length), size=n, p=length / length.sum())
        position = np.empty(n, dtype=np.int64)
        for i, g in enumerate(segment.tolist()):
            while True:
                position[i] = self.segments.start[g] + int(self.rng.random() * length[g])
                key = int(self.segments.chrom[g]) * 10**9 + int(position[i])
                if key not in self.taken:
                    break
            self.taken.add(key)
        return segment, position


def _tails(place: _Places, at: Specimens, settings: SimulationSettings, rng: np.random.Generator) -> _Draft:
    """Neutral mutations: CCF within their clone of density 1/f^2, one copy each, in one region or in one site."""
    n_samples = at.proportions.shape[1]
    home = np.repeat(np.arange(n_samples), rng.poisson(settings.tail_mutations, size=n_samples))
    n = len(home)
    segment, position = place.draw(n)
    clone = np.array([rng.choice(len(at.proportions), p=at.proportions[:, s]) for s in home], dtype=np.int64)
    low, high = 1.0 / settings.tail_min_ccf, 1.0 / settings.tail_max_ccf
    share = 1.0 / (low - rng.random(n) * (low - high))
    in_sample = np.zeros((n, n_samples))
    in_sample[np.arange(n), home] = share
    is_shared = rng.random(n) < settings.tail_site_share
    factor = rng.random((n, n_samples))
    elsewhere = is_shared[:, None] & (at.site[home][:, None] == at.site) & (in_sample == 0)
    in_sample = np.where(elsewhere, share[:, None] * factor, in_sample)
    mutated = in_sample * at.proportions[clone] * at.purity
    vaf = leak(mutated, at.leakage, at.donor) / at.molecules(segment)
    return _Draft("tail", segment, position, vaf, np.zeros(n))


def _recurrent(n: int, place: _Places, at: Specimens, settings: SimulationSettings, rng: np.random.Generator) -> _Draft:
    """Artefacts of mapping or of the kit: one VAF in every sample and in the normal."""
    vaf = rng.uniform(settings.artefact_min_vaf, settings.artefact_max_vaf, size=n)
    return _Draft("recurrent", *place.draw(n), np.repeat(vaf[:, None], at.proportions.shape[1], axis=1), vaf)


def _scattered(n: int, place: _Places, at: Specimens, settings: SimulationSettings, rng: np.random.Generator) -> _Draft:
    """Artefacts in one sample, and in each other with a small probability; any VAF in each, none in the normal."""
    shape = n, at.proportions.shape[1]
    is_in = rng.random(shape) < SCATTER
    is_in[np.arange(n), rng.integers(shape[1], size=n)] = True
    vaf = rng.uniform(settings.artefact_min_vaf, settings.artefact_max_vaf, size=shape)
    return _Draft("scattered", *place.draw(n), np.where(is_in, vaf, 0.0), np.zeros(n))


def _damaged(
    kind: str,
    samples: BoolArray,
    place: _Places,
    at: Specimens,
    settings: SimulationSettings,
    rng: np.random.Generator,
) -> _Draft:
    """Damaged loci: most in one sample each, hot spots in all damaged samples; VAF ~ Beta(1, 1/mean - 1)."""
    damaged = np.flatnonzero(samples)
    mean = settings.damage_artefacts * np.array([1.0 - settings.damage_recurrence, settings.damage_recurrence])
    own = np.repeat(damaged, rng.poisson(mean[0], size=len(damaged)))
    n_hot = int(rng.poisson(mean[1])) if len(damaged) else 0
    level = rng.beta(1.0, 1.0 / settings.damage_vaf - 1.0, size=len(own) + n_hot)
    vaf = np.zeros((len(level), len(samples)))
    vaf[np.arange(len(own)), own] = level[: len(own)]
    factor = rng.gamma(HOT_SPOT_SHAPE, 1.0 / HOT_SPOT_SHAPE, size=(n_hot, len(damaged)))
    vaf[len(own) :, damaged] = np.minimum(level[len(own) :, None] * factor, 1.0)
    return _Draft(kind, *place.draw(len(level)), vaf, np.zeros(len(level)))


def _germline(n: int, place: _Places, at: Specimens, settings: SimulationSettings, rng: np.random.Generator) -> _Draft:
    """Heterozygous variants of the germline, on one allele of every cell; hemizygous on a male's X."""
    segment, position = place.draw(n)
    is_haploid = at.normal_copies[segment] == 1
    allele = np.where(is_haploid, 0, rng.integers(2, size=n))
    in_tumour = at.copies[:, segment, allele].T @ at.proportions * at.purity
    mutated = in_tumour + (1.0 - at.purity)
    vaf = leak(mutated, at.leakage, at.donor) / at.molecules(segment)
    return _Draft("germline", segment, position, vaf, np.where(is_haploid, 1.0, 0.5))


def _sequenced(
    draft: _Draft, at: Specimens, damage: Damage, settings: SimulationSettings, rng: np.random.Generator
) -> Loci:
    """Alleles and reads of the loci of a draft that are called somewhere."""
    n, n_clones = len(draft), len(at.proportions)
    refs, alts, contexts = draw_alleles(n, np.zeros(n, dtype=bool), settings, rng)
    if draft.cause in SUBSTITUTIONS_OF_DAMAGE:
        pairs = [SUBSTITUTIONS_OF_DAMAGE[draft.cause][i] for i in rng.integers(2, size=n)]
        flanks = rng.integers(4, size=(n, 2)).tolist()
        contexts = tuple("ACGT"[left] + ref + "ACGT"[right] for (ref, _), (left, right) in zip(pairs, flanks))
        refs, alts = tuple(ref for ref, _ in pairs), tuple(alt for _, alt in pairs)
    mean = settings.depth * at.molecules(draft.segment) / at.molecules_per_cell
    error_rate = damage.error_rates(refs, alts, settings)
    alt_counts, depth, observed = sequence(draft.vaf, mean, error_rate, settings=settings, rng=rng)
    normal_alt, normal_depth = sequence_normal(draft.normal_vaf, settings=settings, rng=rng)
    loci = Loci(
        causes=(draft.cause,) * n,
        clone=np.full(n, -1),
        allele=np.full(n, -1),
        segment=draft.segment,
        position=draft.position,
        age=np.full(n, np.nan),
        multiplicity=np.zeros((n, n_clones), dtype=np.int64),
        refs=refs,
        alts=alts,
        contexts=contexts,
        genes=("",) * n,
        vaf=draft.vaf,
        alt_counts=alt_counts,
        depth=depth,
        observed=observed,
        normal_vaf=draft.normal_vaf,
        normal_alt=normal_alt,
        normal_depth=normal_depth,
    )
    is_called = (alt_counts >= settings.min_alt_reads) & observed & (draft.vaf > 0)
    return loci.take(np.flatnonzero(is_called.any(axis=1)))
