"""Stage commands: each reads a patient's directory (or a plain input), runs one stage and writes its files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from phylometa.cli.options import (
    PATIENT_DIRECTORY,
    TerminalProgress,
    check_output_directory,
    columns_option,
    config_option,
    existing_directory,
    force_option,
    organ_prior_option,
    output_option,
    read_settings,
    say_waiting,
    seed_option,
    with_options,
    with_organ_prior,
    write_text,
)

if TYPE_CHECKING:
    from phylometa.config import MigrationSettings, Settings

__all__ = ["cluster", "cnv", "migrate", "seeding", "timing", "tree"]

# Stages without a command of their own on a patient's directory, made again with the one that they use.
MADE_WITH = {"trees": ("copy_number",), "histories": ("copy_number",)}


def _settings_of(directory: Path, options: Mapping[str, Any]) -> Settings:
    """The settings the directory was made with, with the file of --config and --seed on top."""
    from phylometa.io.results import read_settings_of

    return read_settings(options["config"], options.get("seed"), base=read_settings_of(directory))


def _run_on_directory(directory: Path, stage: str, settings: Settings, *, force: bool = False) -> None:
    """Load what is there, run one stage, and put its files in place of the old ones."""
    from phylometa.errors import InfeasibleError
    from phylometa.io.ownership import check_ours, locked
    from phylometa.io.results import SUBDIRECTORIES, update_result
    from phylometa.io.stage_records import check_upstream, stage_status, stale_unused
    from phylometa.pipeline.stages import load_result, run_stage

    with locked(directory, on_wait=say_waiting):
        check_ours(directory, SUBDIRECTORIES[stage], force=force)
        notes = check_upstream(directory, stage)
        result = load_result(directory, without=stale_unused(directory, stage))
        made = [stage, *(name for name in MADE_WITH.get(stage, ()) if getattr(result, name) is not None)]
        for name in made:
            result = run_stage(name, result, settings)
        for text in (*notes, *result.warnings):
            click.echo(f"warning: {text}", err=True)
        if getattr(result, stage) is None:
            raise InfeasibleError(f"no {stage}: the warnings say why")
        for name in made:
            update_result(result, directory, name, force=force)
        stale = [entry.stage for entry in stage_status(directory) if entry.state == "stale"]
    if stale:
        click.echo(f"now stale: {', '.join(stale)}; phylometa status {directory} says why", err=True)


@click.command()
@click.argument("counts", type=click.Path())
@click.option("--sheet", type=click.Path(), default=None, help="Sample sheet with the sites (counts from COUNTS).")
@click.option(
    "--clusters", type=click.Path(), default=None, help="Clusters of PyClone-VI, PyClone, CONIPHER or Pairtree."
)
@output_option("The patient's directory to write.")
@columns_option
@seed_option
@config_option
@force_option
def cluster(counts: str, sheet: str | None, clusters: str | None, output: str, **options: Any) -> None:
    """Cluster the mutations of COUNTS (PyClone-VI's columns); known ones (column `cluster`, or --clusters) are kept.

    \b
    Examples:
      phylometa cluster counts.tsv --sheet samples.tsv -o P01
      phylometa cluster counts.tsv --sheet samples.tsv --clusters pyclone.tsv -o P01
    """
    from phylometa.io.ownership import check_ours, locked, replace_directory
    from phylometa.io.results import write_result
    from phylometa.io.tables import read_counts
    from phylometa.pipeline.stages import AnalysisResult, run_stage

    settings = read_settings(options["config"], options["seed"], columns=options["columns"])
    directory = check_output_directory(output, force=options["force"])
    check_ours(directory, force=options["force"])
    patient = read_counts(counts, sheet=sheet, settings=settings.read)
    if clusters is not None:
        from phylometa.io.clusters import clusters_of_mutations, read_clustering

        known, warnings = clusters_of_mutations(read_clustering(clusters), patient.mutations.ids, file=clusters)
        patient = patient.with_changes(known_clusters=known, warnings=(*patient.warnings, *warnings))
    result = AnalysisResult(patient=patient, settings=settings, warnings=patient.warnings)
    result = run_stage("clusters", result, settings)
    for text in result.warnings:
        click.echo(f"warning: {text}", err=True)
    with locked(directory, on_wait=say_waiting), replace_directory(directory, force=options["force"]) as partial:
        write_result(result, partial, arguments={"command": "cluster", "counts": counts, "sheet": sheet})


@click.command()
@click.argument("directory", type=PATIENT_DIRECTORY, required=False, metavar="[PDIR]")
@click.option("--ssm", type=click.Path(), help="Pairtree's .ssm file.")
@click.option("--params", type=click.Path(), help="Pairtree's .params.json file.")
@output_option("Directory to write (with --ssm).", required=False)
@seed_option
@config_option
@force_option
def tree(directory: str | None, ssm: str | None, params: str | None, output: str | None, **options: Any) -> None:
    """Infer clone trees of a patient's directory PDIR, or of Pairtree's files.

    \b
    Examples:
      phylometa tree P01
      phylometa tree --ssm P01.ssm --params P01.params.json -o P01
    """
    settings = read_settings(options["config"], options["seed"])
    if directory is not None:
        if ssm or params or output:
            raise click.UsageError("PDIR excludes --ssm, --params and -o")
        found = existing_directory(directory)
        _run_on_directory(found, "trees", _settings_of(found, options), force=options["force"])
        return
    if not (ssm and params and output):
        raise click.UsageError("give PDIR, or --ssm, --params and -o")
    from phylometa.io.ownership import check_ours, locked, replace_directory
    from phylometa.io.results import write_result
    from phylometa.io.tables import read_pairtree
    from phylometa.pipeline.stages import AnalysisResult, run_stage

    target = check_output_directory(output, force=options["force"])
    check_ours(target, force=options["force"])
    patient = read_pairtree(ssm, params, settings=settings.read)
    result = AnalysisResult(patient=patient, settings=settings, warnings=patient.warnings)
    for stage in ("clusters", "trees"):
        result = run_stage(stage, result, settings)
    for text in result.warnings:
        click.echo(f"warning: {text}", err=True)
    with locked(target, on_wait=say_waiting), replace_directory(target, force=options["force"]) as partial:
        write_result(result, partial, arguments={"command": "tree", "ssm": ssm, "params": params})


@click.command()
@click.argument("directory", type=click.Path(), metavar="PDIR|TREE")
@click.argument("labeling", type=click.Path(), required=False)
@click.option(
    "--primary", default=None, metavar="SITE|auto", help="Site of the root; auto: every candidate [needed for a tree]."
)
@click.option(
    "--model",
    type=click.Choice(["refined", "machina"]),
    default="refined",
    show_default=True,
    help="A clone in several sites, or MACHINA's one site a vertex.",
)
@click.option("--criteria", default=None, help="U, M, C, S by priority [default: UMCS for a tree, UM for PDIR].")
@click.option(
    "--pattern",
    type=click.Choice(["PS", "S", "M", "R"]),
    default=None,
    help="Upper bound of the pattern [default: R, any].",
)
@click.option("--sites", type=click.Path(), default=None, help="Leaf and site a line, of a Newick or NEXUS TREE.")
@organ_prior_option
@output_option("Directory to write (with TREE).", required=False)
@seed_option
@config_option
@force_option
def migrate(directory: str, labeling: str | None, output: str | None, **options: Any) -> None:
    """Infer migration histories of a patient's directory PDIR, or of one TREE (edge list) with its LABELING.

    LABELING is `clone site [site...]` a line (MACH2) or `leaf site` (MACHINA). A TREE in Newick, NHX, NEXUS or BEAST
    format has one site per leaf, in its annotations or in the table --sites; of several trees the mean is taken.

    \b
    Examples:
      phylometa migrate P01
      phylometa migrate A10.tree A10.labeling --primary prostate -o A10
      phylometa migrate lineages.nwk --sites leaves.tsv --primary pancreas -o M1
    """
    from phylometa.io.phylogenies import is_phylogeny

    settings = read_settings(options["config"], options["seed"])
    settings = settings.replace(migration=with_options(settings.migration, criteria=options["criteria"]))
    settings = with_organ_prior(settings, options["organ_prior"])
    if Path(directory).is_file() and is_phylogeny(directory):
        table = labeling or options.pop("sites")
        _label_phylogenies(
            directory,
            table,
            output,
            primary=options["primary"],
            force=options["force"],
            migration=settings.migration,
        )
        return
    if options["sites"] is not None:
        raise click.UsageError("--sites goes with a TREE in Newick or NEXUS format")
    if labeling is None:
        if output is not None:
            raise click.UsageError("-o goes with TREE LABELING; a patient's directory is written in place")
        found = existing_directory(directory)
        settings = _settings_of(found, options)
        settings = settings.replace(migration=with_options(settings.migration, criteria=options["criteria"]))
        settings = with_organ_prior(settings, options["organ_prior"])
        _run_on_directory(found, "histories", settings, force=options["force"])
        return
    if output is None or options["primary"] is None:
        raise click.UsageError("TREE LABELING needs --primary and -o")
    from phylometa.io.ownership import locked, replace_part
    from phylometa.pipeline.stages import match_primary, migrate_tree
    from phylometa.pipeline.warnings import unproved

    primary, note = match_primary(directory, labeling, options["primary"])
    if note:
        click.echo(f"note: {note}", err=True)
    target = check_output_directory(output, force=options["force"])
    line = TerminalProgress()
    try:
        tree, histories = migrate_tree(
            directory,
            labeling,
            primary=primary,
            model=options["model"],
            criteria=options["criteria"] or ("UMCS" if options["model"] == "refined" else "MCS"),
            pattern=options["pattern"],
            settings=settings.migration,
            progress=line,
        )
    finally:
        line.close()
    for text in unproved(histories):
        click.echo(f"warning: {text}", err=True)
    from phylometa.io.results import write_histories

    with locked(target, on_wait=say_waiting), replace_part(target, "seeding", force=options["force"]) as partial:
        write_histories(histories, {entry.tree: tree for entry in histories.trees}, partial)


def _label_phylogenies(
    tree: str,
    sites: str | None,
    output: str | None,
    *,
    primary: str | None,
    force: bool,
    migration: MigrationSettings,
) -> None:
    """Sites of the vertices of phylogenies, and the migrations between them."""
    from phylometa.io.ownership import locked, replace_part
    from phylometa.pipeline.phylogenies import label_phylogenies, write_phylogeny_migrations

    if output is None or primary is None or primary == "auto":
        raise click.UsageError("a TREE in Newick or NEXUS format needs --primary SITE and -o")
    target = check_output_directory(output, force=force)

    def progress(done: int, of: int) -> None:
        if of > 1 and (done == of or done % max(1, of // 10) == 0):
            click.echo(f"{done} of {of} trees", err=True)

    found = label_phylogenies(tree, primary=primary, sites=sites, settings=migration, progress=progress)
    for note in found.notes:
        click.echo(f"note: {note}", err=True)
    with locked(target, on_wait=say_waiting), replace_part(target, "seeding", force=force) as partial:
        write_phylogeny_migrations(found, partial)


@click.command()
@click.argument("source", type=click.Path(), metavar="PDIR|CASES.json")
@output_option("File to write (with CASES.json), or -.", required=False)
@click.option("--criteria", default=None, help="U, M, C, S by priority [default: UM].")
@click.option(
    "--weights",
    type=click.Choice(["exponential", "uniform"]),
    default=None,
    help="Weights of histories [default: exponential].",
)
@config_option
@force_option
def seeding(source: str, output: str | None, **options: Any) -> None:
    """Infer seeding labels of a patient's directory PDIR, or of clone trees given as JSON.

    \b
    Examples:
      phylometa seeding P01
      phylometa seeding CASES.json -o labels.json --criteria UMC --weights uniform
    """
    settings = read_settings(options["config"], None)
    changes = {name: options[name] for name in ("criteria", "weights") if options[name] is not None}
    settings = settings.replace(migration=with_options(settings.migration, **changes))
    if Path(source).is_dir():
        if output is not None:
            raise click.UsageError("-o goes with CASES.json; a patient's directory is written in place")
        directory = existing_directory(source)
        settings = _settings_of(directory, options)
        settings = settings.replace(migration=with_options(settings.migration, **changes))
        if changes:
            _run_on_directory(directory, "histories", settings, force=options["force"])
        _run_on_directory(directory, "labels", settings, force=options["force"])
        return
    if output is None:
        raise click.UsageError("CASES.json needs -o")
    from phylometa.io.documents import json_text, read_json
    from phylometa.pipeline.stages import classify_cases

    document = classify_cases(read_json(source), source=source, settings=settings)
    write_text(output, json_text(document), force=options["force"])


@click.command()
@click.argument("tables", type=click.Path(), nargs=-1, required=True, metavar="TABLE...")
@output_option("Directory to write copy_number/ into.")
@click.option("--wgd/--no-wgd", default=True, show_default=True, help="Whether genome doubling is an event.")
@click.option(
    "--bootstrap",
    type=click.IntRange(min=0),
    default=None,
    help="Bootstrap replicates of the support [default: that of the settings].",
)
@seed_option
@config_option
@force_option
def cnv(tables: tuple[str, ...], output: str, wgd: bool, bootstrap: int | None, **options: Any) -> None:
    """Infer copy-number distances, tree, events and instability of segments in any dialect, or MEDICC2's TSV.

    \b
    Examples:
      phylometa cnv segments.tsv -o P01
      phylometa cnv P01_T1.txt P01_M1.txt -o P01 --no-wgd --bootstrap 100
    """
    from phylometa.copy_number import infer_copy_number_tree
    from phylometa.io.copy_number_files import write_copy_number
    from phylometa.io.ownership import locked, replace_part
    from phylometa.io.segments import read_segment_tables
    from phylometa.pipeline.stages import stage_rng

    settings = read_settings(options["config"], options["seed"])
    chosen = with_options(settings.copy_number, wgd=wgd, bootstrap=bootstrap)
    target = check_output_directory(output, force=options["force"])
    profile = read_segment_tables(tables)
    result = infer_copy_number_tree(profile, settings=chosen, rng=stage_rng(settings.seed, "copy_number"))
    for text in result.warnings:
        click.echo(f"warning: {text}", err=True)
    with locked(target, on_wait=say_waiting), replace_part(target, "copy_number", force=options["force"]) as partial:
        write_copy_number(result, partial)


@click.command()
@click.argument("directory", type=PATIENT_DIRECTORY, required=False, metavar="[PDIR]")
@click.option("--table", type=click.Path(), help="Table: patient metastasis L_p L_m W_s [...].")
@output_option("File to write (with --table), or -.", required=False)
@seed_option
@config_option
@force_option
def timing(directory: str | None, table: str | None, output: str | None, **options: Any) -> None:
    """Date dissemination in a patient's directory PDIR, or in a table of published counts.

    \b
    Examples:
      phylometa timing P01
      phylometa timing --table counts.tsv -o divergence.tsv
    """
    settings = read_settings(options["config"], options["seed"])
    if directory is not None:
        if table or output:
            raise click.UsageError("PDIR excludes --table and -o")
        found = existing_directory(directory)
        _run_on_directory(found, "timing", _settings_of(found, options), force=options["force"])
        return
    if not (table and output):
        raise click.UsageError("give PDIR, or --table and -o")
    from phylometa.comparison.table import divergence_from_table
    from phylometa.io.timing_files import divergence_text, read_divergence_table

    rows = divergence_from_table(
        read_divergence_table(table), settings=settings.comparison, tables=settings.timing.tables, source=table
    )
    write_text(output, divergence_text(rows, with_patient=True), force=options["force"])
