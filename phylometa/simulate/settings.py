"""Settings of a simulated patient, each with its range and unit."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Literal, get_args

from phylometa.reference.setting_rules import Checked, Range

__all__ = ["PATTERNS", "Pattern", "SimulationSettings"]

Pattern = Literal[
    "random",
    "linear",
    "parallel",
    "monoclonal",
    "polyclonal",
    "monophyletic",
    "polyphyletic",
    "lymph_node",
    "cascade",
    "cross_seeding",
    "self_seeding",
    "local_recurrence",
    "demo",
]
PATTERNS: tuple[str, ...] = get_args(Pattern)
_SHARE = Range(0, 1, "share")
_PROBABILITY = Range(0, 1, "probability")


@dataclass(frozen=True, slots=True)
class SimulationSettings(Checked):
    """One simulated patient (docs/methods/simulation.md): history, clock, copy number, samples, reads.

    Raises
    ------
    InputError
        Naming every setting outside its range, and those that exclude each other.
    """

    patient: str = "SIM"
    """Name of the patient, and the beginning of the names of its samples."""
    pattern: Pattern = "random"
    """Plan of the migration history; `demo` is written out, the others are grown at random."""
    primary_clones: Annotated[int, Range(1, 1_000, "clones")] = 4
    """Clones that arise in the primary, the founder included."""
    lymph_nodes: Annotated[int, Range(0, 10_000, "sites")] = 0
    """Lymph-node metastases."""
    distant_sites: Annotated[int, Range(0, 10_000, "sites")] = 3
    """Distant metastases."""
    metastasis_clones: Annotated[int, Range(0, 10_000, "clones per site")] = 1
    """Clones that arise in a metastasis after it was founded."""
    founders: Annotated[int, Range(1, 1_000, "clones")] = 2
    """Clones that seed a polyclonal metastasis."""
    metastatic_source: Annotated[float, _PROBABILITY] = 0.3
    """Pattern `random`: P(a site is seeded from a metastasis rather than from the primary)."""
    extra_founders: Annotated[float, Range(0, 1_000, "clones per site")] = 0.5
    """Pattern `random`: mean of the Poisson number of founding clones beyond the first."""
    extra_migrations: Annotated[float, Range(0, 1_000, "migrations")] = 0.5
    """Pattern `random`: mean of the Poisson number of later migrations between occupied sites (reseeding)."""
    transformation_age: Annotated[float, Range(0, 150, "years", above=True)] = 50.0
    """Age (years) at which the founding clone of the tumour arose; the clock is faster from here on."""
    diagnosis_age: Annotated[float, Range(0, 150, "years", above=True)] = 60.0
    """Age (years) at diagnosis: the primary is sampled."""
    metachronous_years: Annotated[float, Range(0, 150, "years")] = 0.0
    """Years from diagnosis to the sampling of metastases and recurrences."""
    regularity: Annotated[float, Range(0, math.inf, "shape", above=True)] = 3.0
    """Shape of the waiting times between clones: 1 = uniform order statistics, larger = more even."""
    mutation_rate: Annotated[float, Range(0, 1_000, "mutations per Mb and year", above=True)] = 0.002
    """Clock rate before transformation: mutations per Mb of diploid genome and year."""
    acceleration: Annotated[float, Range(0, 1_000, "factor", above=True)] = 5.0
    """Factor on the clock rate after transformation (Gerstung et al. 2020, Nature 578:122)."""
    assay: Literal["wgs", "wes", "panel"] = "wgs"
    """Callable size: `phylometa.reference.genome.CALLABLE_MB`."""
    clock_share: Annotated[float, _SHARE] = 0.2
    """Share of SNVs that are C>T at CpG."""
    indel_share: Annotated[float, _SHARE] = 0.03
    """Share of mutations that are short deletions."""
    drivers: Annotated[int, Range(0, 10_000, "mutations")] = 4
    """Driver mutations at random clones, beyond those of the clock."""
    parallel_drivers: Annotated[int, Range(0, 10_000, "genes")] = 1
    """Driver genes hit on two clones neither of which descends from the other."""
    sex: Literal["female", "male"] = "female"
    """A male's X has one copy in normal cells."""
    trunk_cn_events: Annotated[float, Range(0, 10_000, "events")] = 6.0
    """Mean of the Poisson number of copy-number events on the trunk."""
    branch_cn_events: Annotated[float, Range(0, 10_000, "events per edge")] = 1.0
    """The same, on every other edge."""
    cn_kinds: Annotated[tuple[float, ...], Range(0, 1e6, "relative weight")] = (0.4, 0.35, 0.25)
    """Relative frequency of gain, loss, copy-neutral loss of heterozygosity."""
    cn_sizes: Annotated[tuple[float, ...], Range(0, 1e6, "relative weight")] = (0.2, 0.5, 0.3)
    """Relative frequency of whole chromosomes, arms, focal events."""
    trunk_doubling: Annotated[float, _PROBABILITY] = 0.0
    """P(the genome doubled on the trunk)."""
    branch_doubling: Annotated[float, _PROBABILITY] = 0.0
    """P(the genome doubled on an edge below the trunk)."""
    cn_caller: Literal["ascat", "battenberg"] = "battenberg"
    """How copy number is reported: clonal states only, or two states with a fraction."""
    primary_regions: Annotated[int, Range(0, 10_000, "samples")] = 3
    """Samples of the primary."""
    metastasis_regions: Annotated[int, Range(1, 10_000, "samples per site")] = 1
    """Samples of every other site."""
    region_share: Annotated[float, _PROBABILITY] = 0.7
    """P(a clone of a site is in a region of it)."""
    proportion_concentration: Annotated[float, Range(0, math.inf, "concentration", above=True)] = 2.0
    """Dirichlet parameter of the clone proportions within a region."""
    min_proportion: Annotated[float, _SHARE] = 0.1
    """Least proportion of a clone in a region that holds it."""
    min_purity: Annotated[float, Range(0, 1, "purity", above=True)] = 0.5
    """Least purity of a sample."""
    max_purity: Annotated[float, Range(0, 1, "purity", above=True)] = 0.85
    """Largest purity of a sample; purity is uniform between the two."""
    depth: Annotated[float, Range(0, 1e7, "reads", above=True)] = 100.0
    """Mean depth at two copies in every cell."""
    depth_size: Annotated[float, Range(0, math.inf, "reads", above=True)] = 20.0
    """Size r of the negative binomial depth: variance mean + mean^2 / r; infinite = Poisson."""
    precision: Annotated[float, Range(0, math.inf, "reads", above=True)] = 1000.0
    """Precision of the beta-binomial of alternate reads; infinite = binomial."""
    error_rate: Annotated[float, Range(0, 0.49, "probability")] = 0.001
    """P(a read shows the other allele)."""
    min_alt_reads: Annotated[int, Range(0, 1_000_000, "reads")] = 3
    """Alternate reads that make a call; a mutation is listed if it is called in at least one sample that carries it."""
    missing_rate: Annotated[float, _PROBABILITY] = 0.0
    """P(a cell of the table is unobserved), for no reason of its own."""
    per_sample_calls: bool = False
    """True: cells below `min_alt_reads` are unobserved, as in call sets merged without genotyping."""
    leakage: Annotated[float, _SHARE] = 0.0
    """Share of the DNA of a contaminated sample that comes from another sample of the patient."""
    leaky_samples: Annotated[float, _PROBABILITY] = 1.0
    """P(a sample is contaminated)."""
    extinct_share: Annotated[float, _PROBABILITY] = 0.0
    """P(a population dies out before anything is sampled); never the last one of a site."""
    swept_share: Annotated[float, _PROBABILITY] = 0.0
    """P(a population with a descendant in its own site is swept by it)."""
    swept_proportion: Annotated[float, _SHARE] = 0.1
    """Largest proportion that a sweep leaves in a region, uniform from 0; 0 = swept populations are extinct."""
    doubled_sites: Annotated[int, Range(0, 10_000, "sites")] = 0
    """Metastatic sites, drawn at random, whose founding clones had their genome doubled after they left the primary."""
    tail_mutations: Annotated[float, Range(0, 1e6, "mutations per sample")] = 0.0
    """Mean number of neutral mutations in a sample, beside those of the clone tree, between the two bounds below."""
    tail_min_ccf: Annotated[float, Range(0, 1, "share of cells", above=True)] = 0.05
    """Least share of the cells of their clone that carry a neutral mutation."""
    tail_max_ccf: Annotated[float, Range(0, 1, "share of cells", above=True)] = 0.5
    """Largest share; the density falls as 1/share^2 between the two (Williams et al. 2016, Nat Genet 48:238)."""
    tail_site_share: Annotated[float, _PROBABILITY] = 0.0
    """P(a neutral mutation is in all regions of its site that hold its clone, rather than in one)."""
    artefact_share: Annotated[float, Range(0, 1_000, "per listed mutation")] = 0.0
    """Recurrent artefacts, as a multiple of the listed mutations: one VAF in all samples and in the normal."""
    scattered_share: Annotated[float, Range(0, 1_000, "per listed mutation")] = 0.0
    """Artefacts in one or a few samples, each at a VAF of its own, not in the normal; as a multiple as above."""
    artefact_min_vaf: Annotated[float, Range(0, 1, "VAF", above=True)] = 0.03
    """Least VAF of both kinds of artefact."""
    artefact_max_vaf: Annotated[float, Range(0, 1, "VAF", above=True)] = 0.2
    """Largest VAF of both kinds of artefact; uniform between the two."""
    ffpe_samples: Annotated[float, _PROBABILITY] = 0.0
    """P(a sample was fixed in formalin): C>T and G>A artefacts."""
    oxidised_samples: Annotated[float, _PROBABILITY] = 0.0
    """P(the DNA of a sample was oxidised): G>T and C>A artefacts."""
    damage_artefacts: Annotated[float, Range(0, 1e6, "loci per sample")] = 30.0
    """Mean number of damaged loci in a damaged sample."""
    damage_vaf: Annotated[float, Range(0, 0.5, "VAF", above=True)] = 0.04
    """Mean VAF of a damaged locus (exponential-like: Beta with first parameter 1)."""
    damage_recurrence: Annotated[float, _SHARE] = 0.3
    """Share of the damaged loci that are damaged in every damaged sample (a hot spot), at levels that are alike."""
    damage_error: Annotated[float, Range(0, 0.49, "probability")] = 0.005
    """P(a read of a damaged sample shows the damage at any other locus where it can)."""
    germline_share: Annotated[float, Range(0, 1_000, "per listed mutation")] = 0.0
    """Heterozygous germline variants that passed the filters, as a multiple of the listed mutations."""
    normal_sample: bool = False
    """True: the sheet has a row for the matched normal (site_type normal)."""
    normal_depth: Annotated[float, Range(0, 1_000, "per depth of the tumour")] = 0.4
    """Depth of the matched normal as a multiple of `depth`."""
    tumour_in_normal: Annotated[float, _SHARE] = 0.0
    """Share of tumour cells in the matched normal: the clones of the first site sampled."""
    purity_bias: Annotated[float, Range(-1, 1, "purity")] = 0.0
    """Added to the purity that the sheet states, in every sample."""
    purity_sd: Annotated[float, Range(0, 1, "purity")] = 0.0
    """Standard deviation of the stated purity around that, in each sample alone."""
    state_purity: bool = True
    """False: the sheet has no purity and no ploidy."""
    state_copy_number: bool = True
    """False: no file of copy number."""
    hidden_loh: Annotated[float, _PROBABILITY] = 0.0
    """P(a segment without a minor allele, of two or more copies, is reported as if it had one copy of it)."""
    mislabelled: Annotated[int, Range(0, 10_000, "samples")] = 0
    """Samples that the sheet puts under another site of the patient."""
    duplicates: Annotated[int, Range(0, 10_000, "samples")] = 0
    """Samples more, each with the reads of an earlier one under a new name."""
    duplicates_elsewhere: bool = False
    """True: the sheet puts a duplicate under another site than its original."""
    plasma_samples: Annotated[int, Range(0, 1_000, "samples")] = 0
    """Plasma samples, every `plasma_interval_days` from the diagnosis on."""
    plasma_min_tumour: Annotated[float, Range(0, 1, "share of the DNA", above=True)] = 0.005
    """Least share of tumour in the DNA of a plasma sample."""
    plasma_max_tumour: Annotated[float, Range(0, 1, "share of the DNA", above=True)] = 0.2
    """Largest share of tumour in the DNA of a plasma sample; uniform in the logarithm between the two."""
    plasma_depth: Annotated[float, Range(0, 1e7, "reads", above=True)] = 3000.0
    """Mean depth of a plasma sample."""
    plasma_error: Annotated[float, Range(0, 0.49, "probability")] = 0.001
    """P(a read of plasma shows the other allele)."""
    plasma_interval_days: Annotated[int, Range(1, 10_000, "days")] = 60
    """Days between two plasma samples."""
    plasma_only_share: Annotated[float, _SHARE] = 0.0
    """Share of the DNA of every plasma sample that comes from a clone that no sampled site has; 0 = no such clone. It
    is taken from the tumour's DNA as far as there is enough."""
    plasma_only_mutations: Annotated[int, Range(1, 100_000, "mutations")] = 15
    """Mutations of that clone."""
    ctc_pools: Annotated[int, Range(0, 1_000, "samples")] = 0
    """Pools of circulating tumour cells, taken as the plasma samples are."""
    ctc_clones: Annotated[int, Range(1, 1_000, "clones")] = 2
    """Clones of a pool."""
    xenografts: Annotated[int, Range(0, 1_000, "samples")] = 0
    """Xenografts, each grown from one metastasis after another."""
    xenograft_clones: Annotated[int, Range(1, 1_000, "clones")] = 1
    """Clones of its site that a xenograft keeps (the bottleneck)."""
    separate_vcfs: bool = False
    """True: one VCF per sample, each with the mutations observed there only, instead of one for all."""

    def contradictions(self) -> Iterator[tuple[str, str]]:
        """(setting, message) for every pair of settings that cannot go together."""
        for name in ("cn_kinds", "cn_sizes"):
            weights = getattr(self, name)
            if len(weights) != 3 or not sum(weights) > 0:
                yield name, f"{weights!r} is not three weights, not all 0"
        for low, high in (
            ("min_purity", "max_purity"),
            ("tail_min_ccf", "tail_max_ccf"),
            ("artefact_min_vaf", "artefact_max_vaf"),
            ("plasma_min_tumour", "plasma_max_tumour"),
        ):
            least, most = getattr(self, low), getattr(self, high)
            if least > most:
                yield low, f"{least!r} is not at most {high}, {most!r}"
        arose, found = self.transformation_age, self.diagnosis_age
        if arose >= found:
            yield "transformation_age", f"{arose!r} is not below diagnosis_age, {found!r}"
        n_metastases = self.lymph_nodes + self.distant_sites
        if self.primary_regions + n_metastases == 0 and self.pattern not in ("demo", "lymph_node"):
            yield "primary_regions", "0 leaves no sample to take where there is no metastasis either"
        if n_metastases == 0 and self.pattern == "self_seeding":
            yield "pattern", "self_seeding is not possible without a metastasis"
