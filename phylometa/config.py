"""Settings of every stage, with range, unit and source: read from TOML, printed in the report, stored in the manifest.

Defaults and ranges live here and nowhere else. A new setting writes its range beside its default
(`phylometa.reference.setting_rules.Range`); a test holds that every number has one.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Annotated, Any, Literal

from phylometa.errors import InputError, Problem
from phylometa.reference.setting_rules import Checked, Letters, Range, changed

__all__ = [
    "CcfSettings",
    "CellSettings",
    "ClusteringSettings",
    "ComparisonSettings",
    "CopyNumberSettings",
    "MigrationSettings",
    "ObservationSettings",
    "OriginSettings",
    "ProcessSettings",
    "ReadSettings",
    "SeedingSettings",
    "Settings",
    "TimingSettings",
    "TreeSettings",
    "load_settings",
]

# Alternate reads that count as a detection in power and presence calculations (docs/methods/timing.md).
MIN_ALT_READS = 3
# Days between diagnosis of primary and metastasis that still count as synchronous (docs/methods/timing.md).
SYNCHRONOUS_DAYS = 180


@dataclass(frozen=True, slots=True)
class ReadSettings(Checked):
    """Reading of files."""

    cn_missing: Literal["marginalise", "diploid", "drop"] = "marginalise"
    """What a mutation without copy number gets: all plausible states, two copies, or nothing (left out)."""
    accepted_filters: tuple[str, ...] = ("PASS", ".")
    """FILTER values that are read; caller-specific ones are added by the dialect."""
    caller_filters: bool = True
    """Whether a caller's own words for an accepted call are added (MuSE: Tier1 to Tier5)."""
    nominal_depth: Annotated[int, Range(1, 1_000_000, "reads")] = 100
    """Reads per cell that stand for a matrix without depth (cancer cell fractions alone, or 0/1)."""
    min_base_quality: Annotated[int, Range(0, 93, "Phred")] = 20
    """Base quality (Phred) below which a read does not count at a site (genotype)."""
    min_mapping_quality: Annotated[int, Range(0, 255, "Phred")] = 20
    """Mapping quality (Phred) below which a read does not count (genotype)."""
    by_error: Annotated[float, Range(0, 1, "probability", above=True)] = 0.01
    """Probability under sequencing errors alone from which the reads of a mutation are no evidence of it: it is left
    out. 1 keeps every mutation that has alternate reads."""
    uncalled: Literal["auto", "censored", "unobserved", "absent"] = "auto"
    """What a mutation is in a sample whose list of calls leaves it out: censored (fewer alternate reads than the caller
    lists), unobserved, or absent (no alternate reads at the usual depth); auto: censored if a list holds calls only."""
    columns: tuple[str, ...] = ()
    """Columns of tables under another name, as NAME_IN_THE_FILE=name (VAR_COUNT=alt_counts)."""
    as_site: tuple[str, ...] = ()
    """Kinds of samples (ctdna, ctc, ascites, pdx, organoid) that count as tissue of their site, of one of their own if
    the sheet names none."""
    unobserved_warning: Annotated[float, Range(0, 1, "share of cells")] = 0.2
    """Share of unobserved cells of a sample above which a warning tells how to genotype."""
    max_expansion: Annotated[float, Range(1, 1e6, "bytes per byte")] = 200.0
    """Decompressed bytes per byte of a gzip, bgzip or BCF file above which it is refused (beyond 128 MB in all)."""


@dataclass(frozen=True, slots=True)
class CcfSettings(Checked):
    """Reads to cancer cell fractions."""

    error_rate: Annotated[float, Range(0, 0.2, "probability")] = 0.001
    """Sequencing error: P(a read shows the alternate allele | reference), and the reverse."""
    max_copies: Annotated[int, Range(2, 32, "copies")] = 8
    """Largest total copy number considered if it is marginalised."""
    absent_weight: Annotated[float, Range(0, 1, "probability", above=True, below=True)] = 0.3
    """Prior probability that a mutation is absent from a sample (CCF 0)."""
    clonal_weight: Annotated[float, Range(0, 1, "probability", above=True, below=True)] = 0.2
    """Prior probability that a mutation is clonal in a sample (CCF 1)."""
    subclonal_gain: Annotated[float, Range(0, 1, "relative weight", above=True)] = 0.25
    """Relative prior weight of several mutated copies in a mutation that is not clonal (it needs a second event)."""
    precision: Annotated[float, Range(1, math.inf, "reads", zero=True)] = 0.0
    """Precision of the beta-binomial of a single mutation's reads; 0 = estimated from the data, inf = binomial."""
    grid_points: Annotated[int, Range(17, 2049, "points")] = 129
    """CCF values of a posterior."""

    def contradictions(self) -> Iterator[tuple[str, str]]:
        if not self.absent_weight + self.clonal_weight < 1:
            total = self.absent_weight + self.clonal_weight
            yield "clonal_weight", f"with absent_weight it adds up to {total:g}, less than 1 (probability) is expected"


@dataclass(frozen=True, slots=True)
class ObservationSettings(Checked):
    """What reads can mean besides a clone: artefacts, neutral tails, copy-number states that were missed."""

    clone_prior: Annotated[float, Range(0, 1e6, "mutations", above=True)] = 20.0
    """Pseudo-count of mutations that belong to a clone (Dirichlet prior of the classes' shares)."""
    tail_prior: Annotated[float, Range(0, 1e6, "mutations", above=True)] = 0.5
    """Pseudo-count of mutations in a neutral tail."""
    artefact_prior: Annotated[float, Range(0, 1e6, "mutations", above=True)] = 0.3
    """Pseudo-count of artefacts."""
    missed_state: Annotated[float, Range(0, 1, "probability", above=True, below=True)] = 0.03
    """Prior probability that the copy-number state of a mutation's locus is not the one given."""
    differing_state: Annotated[float, Range(0, 1, "probability", above=True, below=True)] = 0.05
    """Prior probability that the state of a locus without copy number is not the same in all samples."""
    tail_least: Annotated[float, Range(0, 1, "prevalence", above=True)] = 0.01
    """Least prevalence in a neutral tail."""
    tail_most: Annotated[float, Range(0, 1, "prevalence", above=True)] = 0.4
    """Greatest prevalence in a neutral tail."""
    copy_number_events: Literal["needed", "always", "never"] = "needed"
    """Whether gains, losses and doublings stand beside the mutations: if some sample has segments but no reads, always,
    or never."""
    wrong_segment: Annotated[float, Range(0, 0.5, "probability", above=True)] = 0.05
    """Probability that a caller's state of a segment is wrong, or another event's, in a sample."""
    wrong_clone_state: Annotated[float, Range(0, 0.5, "probability", above=True)] = 0.01
    """The same of a clone of single cells, each of which was called: what is wrong in all of them alike."""
    recurrent_event: Annotated[float, Range(0, 1, "probability", above=True, below=True)] = 0.05
    """Prior probability that no single branch explains a copy-number event: it arose, or was undone, several times."""
    spurious_event: Annotated[float, Range(0, 1, "probability", above=True, below=True)] = 0.2
    """Prior probability that a copy-number event is nothing but wrong states of single samples."""
    least_event: Annotated[int, Range(0, 250_000_000, "bp")] = 1_500_000
    """Copy-number events shorter than this (bp) are no characters: breakpoints of one event differ between samples."""

    def contradictions(self) -> Iterator[tuple[str, str]]:
        if self.tail_least >= self.tail_most:
            yield "tail_least", f"{self.tail_least:g} is not below tail_most, {self.tail_most:g}"


@dataclass(frozen=True, slots=True)
class ClusteringSettings(Checked):
    """Mutation clusters."""

    absent_weight: Annotated[float, Range(0, 1, "probability", above=True, below=True)] = 0.6
    """Prior mean of the share of (cluster, sample) pairs without the cluster (CCF 0); the data revise it."""
    clonal_weight: Annotated[float, Range(0, 1, "probability", above=True, below=True)] = 0.15
    """Prior mean of the share of (cluster, sample) pairs with the cluster in every cell (CCF 1); as above."""
    truncal_weight: Annotated[float, Range(0, 1, "probability", above=True, below=True)] = 0.15
    """Prior probability that a cluster has CCF 1 in every sample."""
    weight_strength: Annotated[float, Range(0, 1e6, "pairs of cluster and sample", above=True)] = 20.0
    """Number of (cluster, sample) pairs those two priors are worth."""
    concentration: Annotated[float, Range(1e-3, 1e3, "clusters per log mutation")] = 2.0
    """Prior median of the concentration of the Chinese restaurant process, which is summed out."""
    concentration_log_sd: Annotated[float, Range(0.01, 5, "log units")] = 1.0
    """Standard deviation of its logarithm."""
    precision: Annotated[float, Range(1, math.inf, "reads", zero=True)] = 0.0
    """Precision of the beta-binomial of the reads; 0 = estimated from the data, inf = binomial."""
    grid_points: Annotated[int, Range(17, 2049, "points")] = 129
    """CCF values on which a cluster's likelihood is integrated."""
    search_limit: Annotated[int, Range(2, 5000, "mutations")] = 250
    """Mutations clustered by the exhaustive pairwise search; of more, a sample of so many starts the clustering."""
    draws: Annotated[int, Range(0, 10_000, "draws")] = 30
    """Draws of the partition behind the CCF intervals, more if much is in doubt; 0 = the best partition is taken as
    certain."""
    alternatives: Annotated[int, Range(1, 100, "clusterings")] = 5
    """Clusterings returned at most."""
    min_weight: Annotated[float, Range(0, 1, "relative weight", above=True)] = 0.05
    """Weight, relative to the best, below which an alternative clustering is left out."""

    def contradictions(self) -> Iterator[tuple[str, str]]:
        if not self.absent_weight + self.clonal_weight < 1:
            total = self.absent_weight + self.clonal_weight
            yield "clonal_weight", f"with absent_weight it adds up to {total:g}, less than 1 (probability) is expected"


@dataclass(frozen=True, slots=True)
class TreeSettings(Checked):
    """Clone trees."""

    error_rate: Annotated[float, Range(0, 0.2, "probability")] = 0.001
    """Sequencing error: P(a read shows the alternate allele | reference)."""
    grid: Annotated[int, Range(4, 1000, "points")] = 50
    """Grid points of a prevalence from 0 to 1."""
    presence_threshold: Annotated[float, Range(0, 0.5, "share of tumour cells")] = 0.05
    """Share of a sample's tumour cells above which a clone counts as present there; 0: any share (half a grid step)."""
    presence_weight: Annotated[float, Range(1e-3, 1e3, "weight per unit of prevalence")] = 0.4
    """Prior weight of a positive proportion per unit of prevalence, against 1 for the spike at 0 (absence)."""
    presence_weight_sd: Annotated[float, Range(0, 3, "log units")] = 0.7
    """Standard deviation of its logarithm between patients (fitted to each); 0: as given."""
    ccf_error: Annotated[float, Range(1e-4, 0.5, "prevalence")] = 0.01
    """Standard error of a prevalence that remains however deep one reads (purity, copy number)."""
    outlier_cost: Annotated[float, Range(1, 1e6, "log-likelihood")] = 30.0
    """Largest log-likelihood loss of one cluster in one sample (a lost allele, a wrong copy number)."""
    purity_error: Annotated[float, Range(1e-3, 0.5, "prevalence")] = 0.05
    """Standard deviation of the founders' prevalence around 1 if purity is in error."""
    purity_error_weight: Annotated[float, Range(0, 1, "probability", above=True, below=True)] = 0.2
    """Prior probability that a sample's purity is in error."""
    purity_floor: Annotated[float, Range(0, 1, "probability", above=True, below=True)] = 1e-4
    """Prior weight of any founder prevalence at all (a sample with hardly any tumour)."""
    founder_cost: Annotated[float, Range(0, 1e6, "log-likelihood")] = 10.0
    """Log-likelihood that a further founding clone must gain (clonally unrelated tumours)."""
    enumerate_seconds: Annotated[float, Range(0, 86_400, "s of CPU")] = 60.0
    """Budget of the exhaustive enumeration (s of CPU); beyond it `run` searches."""
    enumerate_clusters: Annotated[int, Range(0, 12, "clusters")] = 9
    """Clusters up to which all trees are enumerated."""
    exact_clusters: Annotated[int, Range(1, 60, "clusters")] = 25
    """Clusters up to which the search scores trees by their marginal likelihood; beyond, by a local approximation."""
    local_sweeps: Annotated[int, Range(1, 100_000, "moves per cluster")] = 200
    """Moves per cluster and chain of the local search, for annealing and again for sampling."""
    chains: Annotated[int, Range(1, 64, "chains")] = 4
    """Chains of the search."""
    sweeps: Annotated[int, Range(1, 100_000, "moves per cluster")] = 160
    """Moves per cluster, chain and round; a third more is discarded at the start."""
    rounds: Annotated[int, Range(1, 1000, "rounds")] = 16
    """Rounds at most; the search ends when the chains agree."""
    agreement: Annotated[float, Range(0, 1, "probability")] = 0.01
    """Largest difference of a pairwise relation's probability between two halves of the chains at which they agree."""
    max_trees: Annotated[int, Range(1, 100_000, "trees")] = 1000
    """Trees kept in the result (the rest is counted)."""
    max_scenarios: Annotated[int, Range(1, 100_000, "draws")] = 300
    """Draws of tree and presence handed to the migration stage."""
    joint_items: Annotated[int, Range(1, 1_000_000, "mutations")] = 400
    """Mutations from which those that could lie in no other cluster are bundled for the joint sampler."""
    joint_sweeps: Annotated[int, Range(1, 10_000_000, "moves per mutation")] = 1000
    """Moves per mutation of a chain of that search in a round; the first half of all is discarded."""
    joint_moves: Annotated[int, Range(1, 1_000_000_000, "moves")] = 100_000
    """At most so many in a round."""
    joint_rounds: Annotated[int, Range(1, 10_000, "rounds")] = 2
    """Rounds at most; the search ends earlier if the chains agree and the error is small enough."""
    joint_error: Annotated[float, Range(0, 1, "probability")] = 0.01
    """Largest Monte-Carlo standard error of what is said of seedings at which the search ends; 0: all rounds are made
    and all draws kept."""
    joint_agreement: Annotated[float, Range(0, 1, "probability")] = 0.02
    """Standard error of the relation of two mutations, as the chains differ, at which they agree (root mean square)."""
    joint_chains: Annotated[int, Range(1, 64, "chains")] = 4
    """Chains of the joint search."""
    joint_effective: Annotated[float, Range(0, 1, "share of draws")] = 0.1
    """Least share of the draws that count once histories have weighed them; below it their weights are tempered."""
    joint_draws: Annotated[int, Range(1, 100_000, "draws")] = 1920
    """Draws of clusters and tree kept of all chains at most; fewer if they know as much."""


@dataclass(frozen=True, slots=True)
class ComparisonSettings(Checked):
    """Primary against metastasis: what is clonal and absent, when a count may be used, when a call is made."""

    clonal_prevalence: Annotated[float, Range(0, 1, "prevalence")] = 0.85
    """Prevalence (0 to 1) in every sample of a site from which a cluster is clonal in the site, as a share of the
    greatest that a cluster surely has in the sample."""
    perhaps_clonal_prevalence: Annotated[float, Range(0, 1, "prevalence")] = 0.8
    """The same for a cluster that may be clonal, as copy number is rarely known well: its state is unknown."""
    clonal_upper: Annotated[float, Range(0, 1, "prevalence")] = 0.95
    """The same for the upper end of the 95 % interval of a cluster that may be clonal."""
    least_reference: Annotated[float, Range(0, 1, "prevalence")] = 0.7
    """Least value (0 to 1) of that greatest prevalence: purity is not taken to be overstated by more."""
    absent_prevalence: Annotated[float, Range(0, 1, "prevalence")] = 0.05
    """Prevalence (0 to 1) in every sample of a site below which a cluster is absent from the site."""
    max_missing: Annotated[float, Range(0, 1, "probability")] = 0.05
    """Largest P(fewer than 3 alternate reads | clonal), 0 to 1, at which a mutation is called absent; also the largest
    P(its copy was lost) at which its absence counts."""
    contradiction: Annotated[float, Range(0, 1, "probability")] = 0.001
    """P(so few reads | clonal), 0 to 1, below which a mutation's reads contradict that it is clonal; also P(so many
    reads | sequencing errors) below which they show the mutation."""
    min_power: Annotated[float, Range(0, 1, "probability")] = 0.8
    """Mean P(a clonal mutation is seen), 0 to 1, of primary and metastasis below which counts and call are withheld."""
    min_purity: Annotated[float, Range(0, 1, "share of cells")] = 0.3
    """Purity (0 to 1) of a site's best sample below which counts and call are withheld."""
    min_primary_regions: Annotated[int, Range(1, 1000, "samples")] = 2
    """Samples of the primary (1 or more) below which no early or late call is made (Al Bakir et al. 2023)."""
    divergence_alpha: Annotated[float, Range(0, 0.5, "p-value", above=True)] = 0.01
    """p-value (0 to 1) below which a metastasis diverged early."""
    divergence_min_private: Annotated[int, Range(0, 10_000, "mutations")] = 3
    """Primary-clonal mutations (1 or more) that a metastasis must lack for an early call."""
    divergence_probability: Annotated[float, Range(0, 1, "probability")] = 0.8
    """P(it truly lacks so many), 0 to 1, that an early call needs beside its p-value."""
    jsi_threshold: Annotated[float, Range(0, 1, "similarity")] = 0.3
    """Jaccard similarity index (0 to 1) above which a metastasis is polyclonal (Hu et al. 2020, Nat Genet 52:701)."""


@dataclass(frozen=True, slots=True)
class ProcessSettings(Checked):
    """The process model of migration (`migration.process`): rates relative to none, and limits of its sums."""

    route: Annotated[float, Range(0, 100, "weight")] = 0.3
    """Prior weight of a route out of the primary."""
    route_between: Annotated[float, Range(0, 100, "weight")] = 0.2
    """Prior weight of a route between two metastases."""
    route_back: Annotated[float, Range(0, 100, "weight")] = 0.077
    """Prior weight of a route back into the primary."""
    further_source: Annotated[float, Range(0, 100, "weight")] = 0.3
    """Prior weight of every source but the primary."""
    moving: Annotated[float, Range(0, 100, "weight")] = 0.3
    """Weight of a clone that takes an active route."""
    staying: Annotated[float, Range(0, 100, "weight")] = 0.97
    """Weight of a clone that does not take an active route."""
    hidden: Annotated[float, Range(0, 100, "weight")] = 0.01
    """Weight of a copy of a clone that was swept away before sampling."""
    exact_sites: Annotated[int, Range(1, 6, "sites")] = 4
    """Sites up to which all graphs of routes and all sets of hidden copies are summed."""
    hidden_copies: Annotated[int, Range(0, 5, "copies")] = 1
    """Hidden copies of a clone at most, with more sites."""
    max_graphs: Annotated[int, Range(1, 1_000_000, "graphs")] = 1500
    """Graphs of routes that are weighed for one tree and presence, with more sites."""
    least_log_share: Annotated[float, Range(0, 700, "log units")] = 12.0
    """Graphs with less than exp(-this) of the sum are not drawn from."""
    draws: Annotated[int, Range(1, 1_000_000, "histories")] = 4000
    """Histories drawn in all, shared by trees and presences by weight."""


@dataclass(frozen=True, slots=True)
class MigrationSettings(Checked):
    """Migration histories."""

    model: Literal["parsimony", "process"] = "parsimony"
    """What weighs the histories of a posterior: parsimony with the weights below (criteria UM, exponential weights), or
    the process model, whose rates are `process`."""
    process: ProcessSettings = field(default_factory=ProcessSettings)
    """Rates of the process model: the table `[migration.process]`."""
    by_ancestors: bool = True
    """Weigh histories by the process model with the rates `swept` if most ancestors are in no sample."""
    swept: ProcessSettings = field(
        default_factory=lambda: ProcessSettings(
            route=3.0, route_between=0.3, route_back=0.12, further_source=1.0, moving=0.15, hidden=0.4
        )
    )
    """These rates: the table `[migration.swept]`."""
    criteria: Annotated[str, Letters("UMCS")] = "UM"
    """Criteria by priority: U unobserved, M migrations, C comigrations, S seeding sites (docs/methods/migration.md)."""
    weights: Literal["exponential", "uniform"] = "exponential"
    """Weights of tied histories: exp(-gamma - 2 sigma), or equal."""
    comigration_weight: Annotated[float, Range(0, 1000, "log weight")] = 1.0
    """Coefficient of gamma in the exponential weights."""
    seeding_site_weight: Annotated[float, Range(0, 1000, "log weight")] = 2.0
    """Coefficient of sigma in the exponential weights."""
    unobserved_weight: Annotated[float, Range(0, 1000, "log weight")] = 8.0
    """Coefficient of U when histories with different roots are compared (primary unknown)."""
    migration_weight: Annotated[float, Range(0, 1000, "log weight")] = 4.0
    """Coefficient of mu in the same comparison."""
    extra_unobserved_weight: Annotated[float, Range(0, math.inf, "log weight")] = 6.0
    """Log weight that a history of the posterior loses by one unobserved node more than needed; inf: it has none."""
    extra_migration_weight: Annotated[float, Range(0, math.inf, "log weight")] = 1.0
    """Log weight that a history of the posterior loses by one migration more than needed; inf: it has none. With both
    inf only histories of least U and mu have weight (the strict criterion). The same holds with uniform weights,
    with another order than UM, and for cases given as JSON."""
    tree_unobserved_weight: Annotated[float, Range(0, 1000, "log weight")] = 1.0
    """Log weight that a tree with its presence loses by every unobserved node that its histories cannot do without."""
    tree_migration_weight: Annotated[float, Range(0, 1000, "log weight")] = 0.5
    """Log weight that it loses by every migration that they need at least."""
    genetic_distance_weight: Annotated[float, Range(0, 1000, "log weight")] = 0.0
    """Optional prior: log weight that a history gains by migrations along the longest branches of the clone tree
    (`migration.genetic_distance`); routes and labels are then shown with and without. 0: no such prior."""
    organ_prior: str = ""
    """Optional prior of routes by the organs of their sites (`migration.organ_prior`): a table of frequencies, or
    `published` for the package's own; routes and labels are then shown with and without. Empty: no such prior."""
    organ_prior_weight: Annotated[float, Range(0, 100, "factor")] = 1.0
    """Factor of the logarithms of that prior."""
    cohort_between: Annotated[float, Range(-20, 20, "log weight")] = 0.0
    """What `run --cohort-prior` fitted (`migration.cohort_prior`): log weight of every route between metastases."""
    cohort_back: Annotated[float, Range(-20, 20, "log weight")] = 0.0
    """The same of every route back into the primary."""
    cohort_further: Annotated[float, Range(-20, 20, "log weight")] = 0.0
    """The same of every source of a site beyond the first."""
    max_histories: Annotated[int, Range(1, 1_000_000, "histories")] = 1000
    """Histories listed for one tree, the simplest first; the number beyond is counted and said."""
    max_alternatives: Annotated[int, Range(0, 100_000, "histories")] = 20
    """Near-optimal histories (U + 1, mu + 1) listed for one tree and presence, of each kind, the simplest first."""
    near_optimal_scenarios: Annotated[int, Range(0, 100_000, "draws")] = 100
    """Most probable trees and presences whose near-optimal histories are weighed, for the others too."""
    seconds: Annotated[float, Range(0.01, 86_400, "s of CPU")] = 60.0
    """CPU time limit of one tree's enumeration."""


@dataclass(frozen=True, slots=True)
class OriginSettings(Checked):
    """Common origin of the tumours of a patient."""

    prior_of_metastasis: Annotated[float, Range(0, 1, "probability")] = 0.9
    """P(a metastasis and another tumour of the patient have a common origin) before any mutation is seen."""
    prior_of_primaries: Annotated[float, Range(0, 1, "probability")] = 0.5
    """The same of two primaries."""
    coincidence_rate: Annotated[float, Range(0, 1, "probability")] = 0.1
    """P(two independent tumours share a mutation of no known gene): a hotspot, or a germline variant that leaked."""
    further_coincidence: Annotated[float, Range(0, 1, "probability")] = 0.01
    """P(one more such mutation, given one)."""
    leak_rate: Annotated[float, Range(0, 1, "probability")] = 0.01
    """P(two independent tumours share a mutation that lies in no recurrent gene): a germline variant that leaked."""
    further_leak: Annotated[float, Range(0, 1, "probability")] = 0.005
    """P(one more such mutation, given one)."""
    driver_recurrence: Annotated[float, Range(0, 1, "probability")] = 0.1
    """P(another tumour has the same mutation) in a driver gene that the table of recurrence does not list."""


@dataclass(frozen=True, slots=True)
class SeedingSettings(Checked):
    """Labels."""

    headline_probability: Annotated[float, Range(0.5, 1, "probability")] = 0.95
    """A label at or above is `supported`."""
    favoured_probability: Annotated[float, Range(0.5, 1, "probability")] = 0.8
    """A label at or above is `favoured`; no arrow below it in the clinician's view."""

    def contradictions(self) -> Iterator[tuple[str, str]]:
        if self.favoured_probability > self.headline_probability:
            yield (
                "favoured_probability",
                f"{self.favoured_probability:g} is more than headline_probability, {self.headline_probability:g}",
            )


@dataclass(frozen=True, slots=True)
class TimingSettings(Checked):
    """Dissemination timing."""

    acceleration_median: Annotated[float, Range(0.1, 100, "factor")] = 5.0
    """Median acceleration of the clock after transformation (Gerstung et al. 2020, Nature 578:122)."""
    acceleration_sigma: Annotated[float, Range(0, 3, "log units")] = 0.6
    """Standard deviation of its logarithm: among types, and among the patients of a type."""
    acceleration_by_type: bool = True
    """Whether the cancer type's row of tables/acceleration.tsv replaces the two values above."""
    cohort_acceleration: Annotated[float, Range(0.01, 100, "factor")] = 1.0
    """What `run --cohort-prior` fitted (`timing.cohort_acceleration`): factor on the median acceleration."""
    cohort_acceleration_sigma: Annotated[float, Range(0, 3, "log units")] = 0.0
    """The same: standard deviation of its logarithm among the cohort's patients; 0 = no cohort prior."""
    tables: str = ""
    """Directory with edited copies of the package's tables (acceleration, doubling_times, expansion_times)."""
    signatures: str = ""
    """Table of mutational signatures (a row per channel, a column per signature), for stamps of treatments."""
    clock: Literal["auto", "cpg", "snv"] = "auto"
    """Mutations of the clock: C>T at CpG, all SNVs, or, if contexts are known, CpG with the other SNVs as a second."""
    second_gap: Annotated[float, Range(0, 3, "log units")] = 0.5
    """Standard deviation of the log ratio of the second clock's acceleration to that of C>T at CpG."""
    second_spread: Annotated[float, Range(0, 3, "coefficient of variation")] = 0.3
    """Scale of the half-normal prior of the variation of the second clock's rate between branches."""
    regularity: Annotated[float, Range(0.01, 1000, "shape")] = 1.0
    """Evenness of the waiting times between clones on a branch: 1 = a Poisson process."""
    rate_spread: Annotated[float, Range(0, 3, "log units")] = 0.5
    """Scale of the half-normal prior of the spread of log rates between lineages: a metastasis may be slow or fast."""
    tail_prevalence: Annotated[float, Range(0, 1, "prevalence")] = 0.2
    """A leaf clone seen in one sample only, below this prevalence, may be a neutral tail of many lineages."""
    lineage_share: Annotated[float, Range(0, 1, "share of cells")] = 0.5
    """A leaf clone seen in one sample only, at most this share of itself and the cells that another clone has left
    there, may be several clones of one prevalence; 0: only the rule above."""
    tail_probability: Annotated[float, Range(0, 1, "probability")] = 0.5
    """Prior probability that such a leaf is several clones rather than one: then its mutations do not tell how long its
    branch was. A neutral tail is as likely as several clones, and told by its reads."""
    tail_counts: bool = False
    """Whether the calls of a sample hold every mutation above their lowest allele frequency that 3 reads show, so that
    how many a neutral tail has is evidence."""
    tail_spread: Annotated[float, Range(0.01, 3, "coefficient of variation")] = 0.5
    """Variation of the number of mutations between neutral tails of one growth and clock, beyond counts."""
    min_clock_mutations: Annotated[int, Range(1, 1_000_000, "mutations")] = 50
    """Fewer clock-like mutations: no calendar date."""
    exome_dates: bool = False
    """Whether an exome or panel may give calendar dates (with a warning)."""
    hu2020: bool = False
    """Whether the seeding time of Hu et al. 2020 is given too."""
    draws: Annotated[int, Range(100, 1_000_000, "draws")] = 3000
    """Monte Carlo draws of a dissemination interval."""
    diameter_error: Annotated[float, Range(1e-3, 3, "log units")] = 0.1
    """Standard deviation of the logarithm of a measured diameter."""
    detectable_cm: Annotated[float, Range(0.01, 50, "cm")] = 0.5
    """Diameter (cm) that a sampled metastasis had at least: the limit of computed tomography and of biopsy."""
    sampled_cm: Annotated[float, Range(0.01, 50, "cm")] = 2.0
    """Median diameter (cm) of a sampled metastasis whose size is not given."""
    sampled_spread: Annotated[float, Range(0.01, 3, "log units")] = 0.8
    """Standard deviation of its logarithm (95 %: 0.4 to 9.6 cm)."""
    dormancy_probability: Annotated[float, Range(0, 1, "probability")] = 0.1
    """Prior probability that a metastasis rested between its arrival and its growth."""
    dormancy_years: Annotated[float, Range(0.01, 100, "years")] = 3.0
    """Mean of the rest, if there was one (years; exponential)."""
    gompertz_capacity: Annotated[float, Range(1e6, 1e15, "cells")] = 1e12
    """Cells at which Gompertz growth ends."""
    max_recurrence_burden: Annotated[float, Range(0, 1e4, "mutations per Mb")] = 10.0
    """Mutations per Mb of a treated sample from which only CpG transitions are dated."""
    synchronous_days: Annotated[int, Range(0, 36_500, "days")] = SYNCHRONOUS_DAYS
    """Metastasis found within so many days of the primary: synchronous."""
    radiotherapy_curves: bool = False
    """Whether figures and report hold tumour control against dose: a model with assumed constants, no prognosis."""
    clonogens: Annotated[float, Range(1, 1e12, "cells")] = 1e7
    """Tumour control against dose (a figure only): clonogenic cells in the irradiated site."""
    radiation_alpha: Annotated[float, Range(0, 10, "per Gy", above=True)] = 0.3
    """The same: linear coefficient of cell kill (per Gy)."""
    radiation_beta: Annotated[float, Range(0, 10, "per Gy^2")] = 0.03
    """The same: quadratic coefficient of cell kill (per Gy^2)."""
    recruitment_per_gy: Annotated[float, Range(0, 1e9, "cells per Gy")] = 1.0
    """The same, with reseeding: circulating tumour cells recruited into the site per Gy (an assumption)."""
    clonogenic_probability: Annotated[float, Range(0, 1, "probability")] = 0.005
    """The same: P(a recruited cell grows out)."""


@dataclass(frozen=True, slots=True)
class CopyNumberSettings(Checked):
    """Copy-number phylogeny."""

    wgd: bool = True
    """Whether genome doubling is an event."""
    bootstrap: Annotated[int, Range(0, 100_000, "replicates")] = 100
    """Replicates of the branch support."""
    support: Literal["bootstrap", "jackknife"] = "bootstrap"
    """`bootstrap` draws chromosomes with replacement, `jackknife` keeps a random share 1 - 1/e of the segments."""
    min_segment_length: Annotated[int, Range(0, 250_000_000, "bp")] = 0
    """Common segments shorter than this (bp) are left out."""
    amplicon_copies: Annotated[int, Range(1, 1000, "copies")] = 8
    """Copies of an allele beyond which every doubling of the copies counts as one gain: amplicons grow by multiples."""
    min_coverage: Annotated[float, Range(0, 1, "share of the genome")] = 0.5
    """A sample that covers less than this share of what any sample covers is left out of the tree."""
    permutations: Annotated[int, Range(0, 1_000_000, "permutations")] = 200
    """Permutations of the null of parallel events."""


@dataclass(frozen=True, slots=True)
class CellSettings(Checked):
    """Clones of single cells (docs/kinds_of_evidence.md)."""

    false_positive: Annotated[float, Range(0, 0.5, "probability", above=True, below=True)] = 0.01
    """Mean of the prior of the rate at which a mutation is called that a cell lacks."""
    dropout: Annotated[float, Range(0, 1, "probability", above=True, below=True)] = 0.2
    """Mean of the prior of the rate at which a mutation is missed that a cell has; of counts: at which an allele is."""
    doublet: Annotated[float, Range(0, 0.5, "probability", below=True)] = 0.05
    """Mean of the prior of the rate at which two cells are taken for one; 0: never."""
    rate_strength: Annotated[float, Range(1, 1e6, "calls", above=True)] = 20.0
    """Calls (of doublets: cells) that the priors of the rates are worth."""
    concentration: Annotated[float, Range(1e-3, 1e3, "clones per log mutation")] = 2.0
    """Of the Chinese restaurant process over the mutations of clones."""
    moves: Annotated[int, Range(100, 1_000_000_000, "moves")] = 60_000
    """Moves of a chain; the first half finds the posterior."""
    chains: Annotated[int, Range(1, 64, "chains")] = 3
    """Chains, from different clusterings."""
    draws: Annotated[int, Range(1, 100_000, "draws")] = 150
    """Draws kept of all chains."""
    wrong_state: Annotated[float, Range(0, 0.4, "probability", above=True)] = 0.05
    """Of copy number: prior mean of the probability that a segment's state is wrong in a cell."""
    noisy: Annotated[float, Range(0, 0.5, "probability", below=True)] = 0.02
    """Of copy number: prior probability that a cell has several times as many wrong states as usual; 0: never."""
    clone_change: Annotated[float, Range(0, 0.5, "probability", above=True)] = 0.1
    """Of copy number: prior probability that a clone's state of a segment is not drawn from those of all cells."""
    clone_concentration: Annotated[float, Range(1e-3, 1e3, "clones per log cell")] = 1.0
    """Of the Chinese restaurant process over cells in clones of one copy-number profile."""
    least_cells: Annotated[int, Range(1, 1000, "cells")] = 3
    """Of copy number: cells that a clone needs, in all and in a site."""
    breakpoint_error: Annotated[int, Range(0, 50_000_000, "bp")] = 1_500_000
    """Of copy number: breakpoints of cells within so many bp are one."""


@dataclass(frozen=True, slots=True)
class Settings(Checked):
    """All settings of a run."""

    read: ReadSettings = field(default_factory=ReadSettings)
    ccf: CcfSettings = field(default_factory=CcfSettings)
    observation: ObservationSettings = field(default_factory=ObservationSettings)
    clustering: ClusteringSettings = field(default_factory=ClusteringSettings)
    trees: TreeSettings = field(default_factory=TreeSettings)
    comparison: ComparisonSettings = field(default_factory=ComparisonSettings)
    migration: MigrationSettings = field(default_factory=MigrationSettings)
    origin: OriginSettings = field(default_factory=OriginSettings)
    seeding: SeedingSettings = field(default_factory=SeedingSettings)
    timing: TimingSettings = field(default_factory=TimingSettings)
    copy_number: CopyNumberSettings = field(default_factory=CopyNumberSettings)
    cells: CellSettings = field(default_factory=CellSettings)
    seed: Annotated[int, Range(0, 2**64 - 1, "any whole number")] = 1

    def __repr__(self) -> str:
        """What is not the default."""
        changed = [f"seed={self.seed}"]
        for stage in dataclasses.fields(self)[:-1]:
            own = getattr(self, stage.name)
            default = type(own)()
            for field_ in dataclasses.fields(own):
                if getattr(own, field_.name) != getattr(default, field_.name):
                    value = repr(getattr(own, field_.name))
                    changed.append(f"{stage.name}.{field_.name}={value if len(value) <= 40 else '...'}")
        more = [f"{len(changed) - 12} more"] if len(changed) > 12 else []
        return f"Settings({', '.join([*changed[:12], *more])})"

    def to_dict(self) -> dict[str, Any]:
        """Return a plain nested dictionary (JSON-ready)."""
        return dataclasses.asdict(self)

    def replace(self, **changes: Any) -> Settings:
        """Return a copy with whole stages or the seed replaced."""
        return dataclasses.replace(self, **changes)


def load_settings(path: str | Path, *, base: Settings | None = None) -> Settings:
    """Settings from a TOML file: one table a stage, `seed` at the top; unknown keys and wrong types are errors.

    Parameters
    ----------
    path : path of the TOML file
    base : Settings, optional
        What the file does not name; the defaults if None.

    Returns
    -------
    Settings

    Raises
    ------
    InputError
        Naming the file and every unknown table, unknown key or wrong type.
    """
    try:
        import tomllib
    except ModuleNotFoundError:  # Python 3.10
        import tomli as tomllib

    path = Path(path)
    if path.exists() and not path.is_file():
        raise InputError("is a directory, a pipe or a device, not a file", file=str(path))
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", file=str(path)) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"not valid TOML: {error}", file=str(path)) from None
    except RecursionError:
        raise InputError("not valid TOML: nested too deeply", file=str(path)) from None
    return settings_from_dict(document, source=str(path), base=base)


def settings_from_dict(
    document: Mapping[str, Any], *, source: str = "settings", base: Settings | None = None
) -> Settings:
    """Settings from a nested dictionary; see `load_settings` (which reads one from TOML) for the errors."""
    defaults = base or Settings()
    stages = {item.name: getattr(defaults, item.name) for item in fields(Settings) if item.name != "seed"}
    problems: list[Problem] = []
    changes: dict[str, Any] = {}
    top = {}
    for key, value in document.items():
        if key == "seed":
            top[key] = value
        elif key not in stages or not isinstance(value, Mapping):
            problems.append(Problem(f"unknown table; known: {', '.join(stages)}", file=source, column=key))
        else:
            changes[key] = changed(stages[key], value, f"{key}.", source, problems)
    settings = changed(defaults, top, "", source, problems)
    if problems:
        raise InputError(problems)
    return settings.replace(**changes)
