"""Tables of the report: columns, rows, and which clone a row is about."""

from __future__ import annotations

from collections import Counter
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from phylometa.model.certainty import statement_key
from phylometa.model.label_specs import label_name, value_name
from phylometa.model.result import PatientResult
from phylometa.plots.clone_tree import clone_drivers
from phylometa.plots.label_words import most_probable_value
from phylometa.plots.style import percent
from phylometa.reference.sample_kinds import KIND_NAMES
from phylometa.report.circulation import circulation_tables
from phylometa.report.table import Table, number
from phylometa.report.timing_tables import timing_tables
from phylometa.seeding.criteria import labels_under_criteria
from phylometa.seeding.sentences import limits_in_words

__all__ = ["all_tables"]

_MAX_ROWS = 1000
_LEAST_SHOWN = 0.01  # probability of a route in the table of priors


def all_tables(result: PatientResult) -> dict[str, Table]:
    """Make every table the result has something for, by key."""
    tables = [
        sites_table(result),
        labels_table(result),
        criteria_table(result),
        prior_table(result),
        clones_table(result),
        samples_table(result),
        mutations_table(result),
        *circulation_tables(result),
        *timing_tables(result),
        instability_table(result),
        parallel_table(result),
        dropped_table(result),
        settings_table(result),
        inputs_table(result),
    ]
    return {table.key: table for table in tables if table is not None and table.rows}


def sites_table(result: PatientResult) -> Table:
    """One row per site: samples, clones, where it was seeded from, and how sure that is."""
    patient, labels = result.patient, result.labels
    shown = None if labels is None else labels.with_override()
    rows = []
    for index, site in enumerate(patient.sites):
        samples = [sample.name for sample in patient.samples if sample.site == site.name]
        clones = "" if result.trees is None else ", ".join(_clones_of_site(result, index))
        cells: list[Any] = [site.name, site.site_class.replace("_", " "), len(samples), clones]
        for name in ("site_sources", "site_seeding", "seeding_waves", "ongoing_evolution"):
            distribution = {} if shown is None else ({**shown.labels, **shown.extra}).get(name, {}).get(site.name, {})
            if distribution:
                value, probability = most_probable_value(distribution)
                cells.append(f"{value_name(name, value)} ({percent(probability)})")
            else:
                cells.append("not sampled" if site.is_virtual else "–")
        rows.append(tuple(cells))
    columns = ("Site", "Class", "Samples", "Clones present", "Seeded from", "Seeding", "Waves", "Ongoing evolution")
    return Table("sites", "Sites", columns, tuple(rows))


def _clones_of_site(result: PatientResult, site: int) -> list[str]:
    trees = result.trees
    assert trees is not None
    presence = np.einsum("t,tk->k", trees.weights, trees.presence[:, :, site])
    return [name for name, probability in zip(trees.names, presence) if probability >= 0.5]


def labels_table(result: PatientResult) -> Table | None:
    """Every label with its most probable value and the alternatives."""
    if result.labels is None:
        return None
    shown = result.labels.with_override()
    rows = []
    for name, part in {**shown.labels, **shown.extra}.items():
        of_sites = part if part and isinstance(next(iter(part.values())), dict) else {"": part}
        for site, distribution in of_sites.items():
            if not distribution:
                continue
            value, probability = most_probable_value(distribution)
            word = shown.level(name, site)
            error = shown.certainty.error_of(name, site, value)
            key = statement_key(name, site)
            possible = shown.certainty.could_be.get(key, "")
            level = f"{word} (could be {possible})" if possible else word
            others = "; ".join(
                f"{value_name(name, v)} {percent(p)}"
                for v, p in sorted(distribution.items(), key=lambda x: (-x[1], x[0]))
                if v != value
            )
            limits = limits_in_words(shown, key)
            found = (value_name(name, value), number(probability), number(error) if error else "", level, limits)
            rows.append((label_name(name), site, *found, others))
    columns = ("Label", "Site", "Most probable value", "Probability", "Error", "Level", "Limits", "Other values")
    note = "Error: Monte-Carlo standard error of the probability. Levels hold within two of them."
    return Table("labels", "All labels", columns, tuple(rows), note=note)


def criteria_table(result: PatientResult) -> Table | None:
    """Compared labels under our criteria and those of other tools."""
    found = [] if result.labels is None or result.labels.override else labels_under_criteria(result.labels)
    if not found:
        return None
    tools = list(dict.fromkeys(tool for row in found for tool in row.values))
    rows = []
    for row in found:
        cells = [
            f"{' or '.join(value_name(row.label, value) for value in row.values[tool][0].split('|'))} "
            f"({percent(row.values[tool][1])})"
            if tool in row.values
            else "–"
            for tool in tools
        ]
        rows.append((label_name(row.label), *cells, "differs" if row.differing else ""))
    note = (
        "Ours: over trees, presence and weighed histories. MACHINA: least migrations, comigrations, seeding sites of "
        "labellings with one site a clone. MACH2: least unobserved nodes, then the same. Metient: the corners of its "
        "Pareto front. In brackets: probability, or share of the optima."
    )
    columns = ("Label", *(tool.capitalize() if tool == "ours" else tool for tool in tools), "Compared")
    return Table("criteria", "Labels under every criterion", columns, tuple(rows), note=note)


def prior_table(result: PatientResult) -> Table | None:
    """Routes, and labels of the patient whose value differs, with and without an optional prior."""
    histories, labels = result.histories, result.labels
    plain = None if histories is None else histories.without_prior
    if histories is None or plain is None:
        return None
    names = histories.site_names
    found, without = histories.migration_probability, plain.migration_probability
    pairs = np.argwhere(np.maximum(found, without) >= _LEAST_SHOWN).tolist()
    rows: list[tuple[Any, ...]] = [
        (f"{names[s]} to {names[t]}", number(float(found[s, t])), number(float(without[s, t]))) for s, t in pairs
    ]
    rows.sort(key=lambda row: (-row[1], row[0]))
    before = None if labels is None else labels.without_prior
    if labels is not None and before is not None:
        for name, value in labels.headline.items():
            other = before.headline.get(name)
            if isinstance(value, str) and isinstance(other, str) and value != other:
                rows.append((label_name(name), value_name(name, value), value_name(name, other)))
    note = "Probabilities of routes, and headlines that differ."
    return Table("prior", "With and without the prior", ("", "With", "Without"), tuple(rows), note=note)


def clones_table(result: PatientResult) -> Table | None:
    """One row per clone: mutations, drivers, parent, support, share of every sample."""
    trees = result.trees
    if trees is None or len(trees) == 0:
        return None
    tree = trees.best
    names = tuple(sample.name for sample in result.patient.samples)
    rows = []
    for clone in tree.preorder:
        parent = int(tree.parents[clone])
        rows.append(
            (
                tree.names[clone],
                int(tree.n_mutations[clone]),
                tree.names[parent] if parent >= 0 else "",
                number(float(trees.edge_support[parent, clone])) if parent >= 0 else "",
                ", ".join(clone_drivers(result, clone)),
                *(number(float(share), 2) for share in trees.proportions[0, clone]),
            )
        )
    columns = ("Clone", "Mutations", "Parent", "Support", "Drivers", *(f"Share of {name}" for name in names))
    return Table(
        "clones",
        "Clones",
        columns,
        tuple(rows),
        clones=tuple(tree.preorder),
        note="Shares of tumour cells under the most probable tree.",
    )


def samples_table(result: PatientResult) -> Table:
    """One row per sample: site, purity, ploidy, depth, dates."""
    patient = result.patient
    mutations = patient.of_reads.mutations
    has_kinds = any(sample.kind != "tissue" for sample in patient.samples)
    rows = []
    for s, sample in enumerate(patient.samples):
        seen = mutations.is_informative[:, s]
        depth = mutations.depth[seen, s]
        rows.append(
            (
                sample.name,
                sample.site,
                *((KIND_NAMES[sample.kind],) if has_kinds else ()),
                number(sample.purity),
                "estimated" if sample.purity_is_estimated else "given",
                number(sample.ploidy),
                number(float(np.median(depth))) if len(depth) else "",
                int((mutations.alt_counts[:, s] > 0).sum()),
                int((~seen).sum()),
                str(sample.collection_date or ""),
                number(sample.age),
            )
        )
    columns = (
        "Sample",
        "Site",
        *(("Kind",) if has_kinds else ()),
        "Purity",
        "Purity is",
        "Ploidy",
        "Median depth",
        "Mutations with reads",
        "Cells without reads",
        "Date",
        "Age",
    )
    return Table("samples", "Samples", columns, tuple(rows))


def _reads_cell(result: PatientResult, mutation: int, sample: int) -> str:
    """Reads of a mutation in a sample, or the share of cells that have a copy-number event."""
    mutations = result.patient.mutations
    if not mutations.is_informative[mutation, sample]:
        return ""
    alt, depth = int(mutations.alt_counts[mutation, sample]), int(mutations.depth[mutation, sample])
    if mutations.is_event[mutation]:
        return percent(min(2.0 * alt / depth / result.patient.purity[sample], 1.0))
    return f"{alt}/{depth}"


def mutations_table(result: PatientResult) -> Table | None:
    """One row per mutation (drivers and then the rest, up to a limit): cluster, reads in every sample."""
    patient, clusters = result.patient, result.clusters
    mutations = patient.mutations
    if mutations.n_mutations == 0:
        return None
    is_driver = np.array([gene in patient.drivers for gene in mutations.genes])
    has_gene = np.array([bool(gene) for gene in mutations.genes])
    order = np.lexsort((np.arange(len(is_driver)), ~has_gene, ~is_driver))[:_MAX_ROWS]
    rows = []
    for i in order:
        reads = (_reads_cell(result, int(i), s) for s in range(mutations.n_samples))
        cluster = "" if clusters is None else clusters.names[clusters.labels[i]]
        rows.append((mutations.ids[i], mutations.genes[i], "yes" if is_driver[i] else "", cluster, *reads))
    note = "Reads: alternate/depth; empty: no reads."
    if mutations.is_event.any():
        note += " Copy-number events: share of the tumour cells."
    if mutations.n_mutations > _MAX_ROWS:
        note += f" The first {_MAX_ROWS} of {mutations.n_mutations}; all stand in input/counts.tsv."
    columns = ("Mutation", "Gene", "Driver", "Cluster", *(f"Reads in {name}" for name in mutations.sample_names))
    of_clone = () if clusters is None else tuple(int(clusters.labels[i]) for i in order)
    return Table("mutations", "Mutations and reads", columns, tuple(rows), clones=of_clone, note=note)


def instability_table(result: PatientResult) -> Table | None:
    """One row per node of the copy-number tree: instability, P(genome doubled), events on the branch above."""
    if result.copy_number is None:
        return None
    rows = tuple(
        (
            x.name, "sample" if x.is_sample else "ancestor", number(x.ploidy), number(x.altered), number(x.loh),
            number(x.wgii), number(x.wgd_probability), x.branch_length, x.gains, x.losses,
        )
        for x in result.copy_number.instability
    )  # fmt: skip
    columns = (
        "Node", "Kind", "Ploidy", "Altered", "LOH", "wGII", "P(genome doubled)",
        "Events on its branch", "Gains", "Losses",
    )  # fmt: skip
    note = "Shares of the autosomes. P(genome doubled): model comparison on the states of the chromosome arms."
    return Table("instability", "Chromosomal instability", columns, rows, note=note)


def parallel_table(result: PatientResult) -> Table | None:
    """One row per pair of branches with the same copy-number event."""
    if result.copy_number is None:
        return None
    rows = tuple(
        (*x.branches, x.kind, x.chrom, x.start + 1, x.end, "yes" if x.is_mirrored else "no")
        for x in result.copy_number.parallel
    )
    columns = ("Branch", "Other branch", "Kind", "Chromosome", "From", "To", "Mirrored")
    return Table("parallel", "Parallel copy-number events", columns, rows)


def dropped_table(result: PatientResult) -> Table | None:
    """Variants left out, counted by reason, sample and file."""
    dropped = result.patient.dropped
    counted = Counter(zip(dropped.reasons, dropped.samples, dropped.files))
    rows = tuple((reason, sample or "all", file, count) for (reason, sample, file), count in sorted(counted.items()))
    note = "Every variant with its line stands in input/dropped.tsv.gz."
    return Table("left_out", "Variants left out", ("Reason", "Sample", "File", "Variants"), rows, note=note)


def settings_table(result: PatientResult) -> Table | None:
    """Every setting with its value."""
    if result.settings is None:
        return None
    rows: list[tuple[str, str, str]] = []
    for stage in fields(result.settings):
        value = getattr(result.settings, stage.name)
        if is_dataclass(value):
            rows.extend((stage.name, item.name, str(getattr(value, item.name))) for item in fields(value))
        else:
            rows.append(("", stage.name, str(value)))
    return Table("settings", "Settings", ("Stage", "Setting", "Value"), tuple(rows))


def inputs_table(result: PatientResult) -> Table | None:
    """Input files with how they were read and their digest."""
    columns: dict[str, None] = {}
    for entry in result.patient.provenance:
        columns.update(dict.fromkeys(entry))
    rows = tuple(tuple(str(entry.get(name, "")) for name in columns) for entry in result.patient.provenance)
    return Table("inputs", "Input files", tuple(columns), rows)
