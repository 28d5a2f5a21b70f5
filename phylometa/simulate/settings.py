"""Settings of a simulated patient, each with its unit and its range."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Any, Literal, NamedTuple, get_args, get_type_hints

from phylometa.errors import InputError, Problem
from phylometa.reference.genome import CALLABLE_MB

__all__ = ["RANGES", "Range", "SimulationSettings", "check_settings"]


@dataclass(frozen=True, slots=True)
class SimulationSettings:
    """One simulated patient (docs/methods/simulation.md): history, clock, copy number, samples, reads."""

    patient: str = "SIM"
    """Name of the patient, and the beginning of the names of its samples."""
    pattern: str = "random"
    """Plan of the migration history; one of `phylometa.simulate.PATTERNS`."""
    primary_clones: int = 4
    """Clones that arise in the primary, the founder included."""
    lymph_nodes: int = 0
    """Lymph-node metastases."""
    distant_sites: int = 3
    """Distant metastases."""
    metastasis_clones: int = 1
    """Clones that arise in a metastasis after it was founded."""
    founders: int = 2
    """Clones that seed a polyclonal metastasis."""
    metastatic_source: float = 0.3
    """Pattern `random`: P(a site is seeded from a metastasis rather than from the primary)."""
    extra_founders: float = 0.5
    """Pattern `random`: mean of the Poisson number of founding clones beyond the first."""
    extra_migrations: float = 0.5
    """Pattern `random`: mean of the Poisson number of later migrations between occupied sites (reseeding)."""
    transformation_age: float = 50.0
    """Age (years) at which the founding clone of the tumour arose; the clock is faster from here on."""
    diagnosis_age: float = 60.0
    """Age (years) at diagnosis: the primary is sampled."""
    metachronous_years: float = 0.0
    """Years from diagnosis to the sampling of metastases and recurrences."""
    regularity: float = 3.0
    """Shape of the waiting times between clones: 1 = uniform order statistics, larger = more even."""
    mutation_rate: float = 0.002
    """Clock rate before transformation: mutations per Mb of diploid genome and year."""
    acceleration: float = 5.0
    """Factor on the clock rate after transformation (Gerstung et al. 2020, Nature 578:122)."""
    assay: Literal["wgs", "wes", "panel"] = "wgs"
    """Callable size: `phylometa.reference.genome.CALLABLE_MB`."""
    clock_share: float = 0.2
    """Share of SNVs that are C>T at CpG."""
    indel_share: float = 0.03
    """Share of mutations that are short deletions."""
    drivers: int = 4
    """Driver mutations at random clones, beyond those of the clock."""
    parallel_drivers: int = 1
    """Driver genes hit on two clones neither of which descends from the other."""
    sex: Literal["female", "male"] = "female"
    """A male's X has one copy in normal cells."""
    trunk_cn_events: float = 6.0
    """Mean of the Poisson number of copy-number events on the trunk."""
    branch_cn_events: float = 1.0
    """The same, on every other edge."""
    cn_kinds: tuple[float, ...] = (0.4, 0.35, 0.25)
    """Relative frequency of gain, loss, copy-neutral loss of heterozygosity."""
    cn_sizes: tuple[float, ...] = (0.2, 0.5, 0.3)
    """Relative frequency of whole chromosomes, arms, focal events."""
    trunk_doubling: float = 0.0
    """P(the genome doubled on the trunk)."""
    branch_doubling: float = 0.0
    """P(the genome doubled on an edge below the trunk)."""
    cn_caller: Literal["ascat", "battenberg"] = "battenberg"
    """How copy number is reported: clonal states only, or two states with a fraction."""
    primary_regions: int = 3
    """Samples of the primary."""
    metastasis_regions: int = 1
    """Samples of every other site."""
    region_share: float = 0.7
    """P(a clone of a site is in a region of it)."""
    proportion_concentration: float = 2.0
    """Dirichlet parameter of the clone proportions within a region."""
    min_proportion: float = 0.1
    """Least proportion of a clone in a region that holds it."""
    min_purity: float = 0.5
    """Least purity of a sample."""
    max_purity: float = 0.85
    """Largest purity of a sample; purity is uniform between the two."""
    depth: float = 100.0
    """Mean depth at two copies in every cell."""
    depth_size: float = 20.0
    """Size r of the negative binomial depth: variance mean + mean^2 / r; infinite = Poisson."""
    precision: float = 1000.0
    """Precision of the beta-binomial of alternate reads; infinite = binomial."""
    error_rate: float = 0.001
    """P(a read shows the other allele)."""
    min_alt_reads: int = 3
    """Alternate reads that make a call; a mutation is listed if it is called in at least one sample that carries it."""
    missing_rate: float = 0.0
    """P(a cell of the table is unobserved), for no reason of its own."""
    per_sample_calls: bool = False
    """True: cells below `min_alt_reads` are unobserved, as in call sets merged without genotyping."""
    leakage: float = 0.0
    """Share of the DNA of a contaminated sample that comes from another sample of the patient."""
    leaky_samples: float = 1.0
    """P(a sample is contaminated)."""
    extinct_share: float = 0.0
    """P(a population dies out before anything is sampled); never the last one of a site."""
    swept_share: float = 0.0
    """P(a population with a descendant in its own site is swept by it)."""
    swept_proportion: float = 0.1
    """Largest proportion that a sweep leaves in a region, uniform from 0; 0 = swept populations are extinct."""
    doubled_sites: int = 0
    """Metastatic sites, drawn at random, whose founding clones had their genome doubled after they left the primary."""
    tail_mutations: float = 0.0
    """Mean number of neutral mutations in a sample, beside those of the clone tree, between the two bounds below."""
    tail_min_ccf: float = 0.05
    """Least share of the cells of their clone that carry a neutral mutation."""
    tail_max_ccf: float = 0.5
    """Largest share; the density falls as 1/share^2 between the two (Williams et al. 2016, Nat Genet 48:238)."""
    tail_site_share: float = 0.0
    """P(a neutral mutation is in all regions of its site that hold its clone, rather than in one)."""
    artefact_share: float = 0.0
    """Recurrent artefacts, as a multiple of the listed mutations: one VAF in all samples and in the normal."""
    scattered_share: float = 0.0
    """Artefacts in one or a few samples, each at a VAF of its own, not in the normal; as a multiple as above."""
    artefact_min_vaf: float = 0.03
    """Least VAF of both kinds of artefact."""
    artefact_max_vaf: float = 0.2
    """Largest VAF of both kinds of artefact; uniform between the two."""
    ffpe_samples: float = 0.0
    """P(a sample was fixed in formalin): C>T and G>A artefacts."""
    oxidised_samples: float = 0.0
    """P(the DNA of a sample was oxidised): G>T and C>A artefacts."""
    damage_artefacts: float = 30.0
    """Mean number of damaged loci in a damaged sample."""
    damage_vaf: float = 0.04
    """Mean VAF of a damaged locus (exponential-like: Beta with first parameter 1)."""
    damage_recurrence: float = 0.3
    """Share of the damaged loci that are damaged in every damaged sample (a hot spot), at levels that are alike."""
    damage_error: float = 0.005
    """P(a read of a damaged sample shows the damage at any other locus where it can)."""
    germline_share: float = 0.0
    """Heterozygous germline variants that passed the filters, as a multiple of the listed mutations."""
    normal_sample: bool = False
    """True: the sheet has a row for the matched normal (site_type normal)."""
    normal_depth: float = 0.4
    """Depth of the matched normal as a multiple of `depth`."""
    tumour_in_normal: float = 0.0
    """Share of tumour cells in the matched normal: the clones of the first site sampled."""
    purity_bias: float = 0.0
    """Added to the purity that the sheet states, in every sample."""
    purity_sd: float = 0.0
    """Standard deviation of the stated purity around that, in each sample alone."""
    state_purity: bool = True
    """False: the sheet has no purity and no ploidy."""
    state_copy_number: bool = True
    """False: no file of copy number."""
    hidden_loh: float = 0.0
    """P(a segment without a minor allele, of two or more copies, is reported as if it had one copy of it)."""
    mislabelled: int = 0
    """Samples that the sheet puts under another site of the patient."""
    duplicates: int = 0
    """Samples more, each with the reads of an earlier one under a new name."""
    duplicates_elsewhere: bool = False
    """True: the sheet puts a duplicate under another site than its original."""
    separate_vcfs: bool = False
    """True: one VCF per sample, each with the mutations observed there only, instead of one for all."""


class Range(NamedTuple):
    """Allowed values of a number, and its unit.

    Parameters
    ----------
    low, high : float
        Both allowed, unless `is_open`.
    unit : str
        Empty for a plain number or a share.
    is_open : bool
        True: `low` itself is not allowed.
    """

    low: float
    high: float = math.inf
    unit: str = ""
    is_open: bool = False

    def holds(self, value: float) -> bool:
        """Tell whether `value` lies in the range; never a NaN."""
        return (self.low < value if self.is_open else self.low <= value) and value <= self.high

    def __str__(self) -> str:
        if math.isinf(self.high):
            return f"above {self.low:g}" if self.is_open else f"{self.low:g} or more"
        return f"above {self.low:g} and at most {self.high:g}" if self.is_open else f"{self.low:g} to {self.high:g}"


_SHARE = Range(0.0, 1.0)
_COUNT = Range(0, 10_000)
# Every setting that is a number. Upper bounds of counts keep a slip of the finger from filling the memory.
RANGES: dict[str, Range] = {
    "primary_clones": Range(1, 1_000, "clones"),
    "lymph_nodes": _COUNT._replace(unit="sites"),
    "distant_sites": _COUNT._replace(unit="sites"),
    "metastasis_clones": _COUNT._replace(unit="clones per site"),
    "founders": Range(1, 1_000, "clones"),
    "metastatic_source": _SHARE,
    "extra_founders": Range(0.0, 1_000.0, "clones per site"),
    "extra_migrations": Range(0.0, 1_000.0, "migrations"),
    "transformation_age": Range(0.0, 150.0, "years", is_open=True),
    "diagnosis_age": Range(0.0, 150.0, "years", is_open=True),
    "metachronous_years": Range(0.0, 150.0, "years"),
    "regularity": Range(0.0, is_open=True),
    "mutation_rate": Range(0.0, 1_000.0, "mutations per Mb and year", is_open=True),
    "acceleration": Range(0.0, 1_000.0, "", is_open=True),
    "clock_share": _SHARE,
    "indel_share": _SHARE,
    "drivers": _COUNT._replace(unit="mutations"),
    "parallel_drivers": _COUNT._replace(unit="genes"),
    "trunk_cn_events": Range(0.0, 10_000.0, "events"),
    "branch_cn_events": Range(0.0, 10_000.0, "events per edge"),
    "trunk_doubling": _SHARE,
    "branch_doubling": _SHARE,
    "doubled_sites": _COUNT._replace(unit="sites"),
    "primary_regions": _COUNT._replace(unit="samples"),
    "metastasis_regions": Range(1, 10_000, "samples per site"),
    "region_share": _SHARE,
    "proportion_concentration": Range(0.0, is_open=True),
    "min_proportion": _SHARE,
    "extinct_share": _SHARE,
    "swept_share": _SHARE,
    "swept_proportion": _SHARE,
    "min_purity": Range(0.0, 1.0, is_open=True),
    "max_purity": Range(0.0, 1.0, is_open=True),
    "depth": Range(0.0, 1e7, "reads", is_open=True),
    "depth_size": Range(0.0, is_open=True),
    "precision": Range(0.0, is_open=True),
    "error_rate": Range(0.0, 0.49),
    "min_alt_reads": Range(0, 1_000_000, "reads"),
    "missing_rate": _SHARE,
    "leakage": _SHARE,
    "leaky_samples": _SHARE,
    "tail_mutations": Range(0.0, 1e6, "mutations per sample"),
    "tail_min_ccf": Range(0.0, 1.0, is_open=True),
    "tail_max_ccf": Range(0.0, 1.0, is_open=True),
    "tail_site_share": _SHARE,
    "artefact_share": Range(0.0, 1_000.0, "per listed mutation"),
    "scattered_share": Range(0.0, 1_000.0, "per listed mutation"),
    "artefact_min_vaf": Range(0.0, 1.0, is_open=True),
    "artefact_max_vaf": Range(0.0, 1.0, is_open=True),
    "ffpe_samples": _SHARE,
    "oxidised_samples": _SHARE,
    "damage_artefacts": Range(0.0, 1e6, "loci per sample"),
    "damage_vaf": Range(0.0, 0.5, is_open=True),
    "damage_recurrence": _SHARE,
    "damage_error": Range(0.0, 0.49),
    "germline_share": Range(0.0, 1_000.0, "per listed mutation"),
    "normal_depth": Range(0.0, 1_000.0, "per depth of the tumour"),
    "tumour_in_normal": _SHARE,
    "purity_bias": Range(-1.0, 1.0),
    "purity_sd": _SHARE,
    "hidden_loh": _SHARE,
    "mislabelled": _COUNT._replace(unit="samples"),
    "duplicates": _COUNT._replace(unit="samples"),
}


def check_settings(settings: SimulationSettings, patterns: tuple[str, ...]) -> None:
    """Raise if a setting is outside its range or two of them exclude each other.

    Parameters
    ----------
    settings : SimulationSettings
    patterns : tuple of str
        Names of the patterns that there are.

    Raises
    ------
    InputError
        Naming every such setting, its value and what was expected.
    """
    problems = []

    def check(name: str, is_valid: bool, expected: str) -> None:
        if not is_valid:
            problems.append(Problem(f"{getattr(settings, name)!r} is not {expected}", file="simulation", column=name))

    words = {"pattern": patterns, "assay": tuple(CALLABLE_MB), **_choices()}
    for item in fields(settings):
        value: Any = getattr(settings, item.name)
        if item.name in words:
            check(item.name, value in words[item.name], f"one of {', '.join(words[item.name])}")
        elif item.name in RANGES:
            check(item.name, RANGES[item.name].holds(value), str(RANGES[item.name]))
        elif isinstance(value, tuple):
            is_valid = len(value) == 3 and min(value) >= 0 and 0 < sum(value) < math.inf
            check(item.name, is_valid, "three weights, not all 0")
    for low, high in (
        ("min_purity", "max_purity"),
        ("tail_min_ccf", "tail_max_ccf"),
        ("artefact_min_vaf", "artefact_max_vaf"),
    ):
        check(low, not getattr(settings, low) > getattr(settings, high), f"at most {high}")
    check("transformation_age", settings.transformation_age < settings.diagnosis_age, "below diagnosis_age")
    n_sites = settings.primary_regions + settings.lymph_nodes + settings.distant_sites
    check("primary_regions", n_sites > 0 or settings.pattern in ("demo", "lymph_node"), "leaving any sample to take")
    has_target = settings.lymph_nodes + settings.distant_sites > 0
    check("pattern", has_target or settings.pattern != "self_seeding", "possible without a metastasis")
    if problems:
        raise InputError(problems)


def _choices() -> dict[str, tuple[str, ...]]:
    """Allowed words of the settings that are one of a few."""
    hints = get_type_hints(SimulationSettings)
    return {name: get_args(hint) for name, hint in hints.items() if getattr(hint, "__origin__", None) is Literal}
