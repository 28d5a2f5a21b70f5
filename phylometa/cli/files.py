"""``phylometa counts``, ``genotype``, ``convert`` and ``simulate``: files in, files out, no inference."""

from __future__ import annotations

from typing import Any

import click

from phylometa.cli.options import (
    check_output_directory,
    check_output_file,
    columns_option,
    config_option,
    force_option,
    output_option,
    read_settings,
    seed_option,
    uncalled_option,
    write_data,
    written_together,
)

__all__ = ["convert", "counts", "genotype", "simulate"]


@click.command()
@click.argument("sheet", type=click.Path())
@output_option("Table to write, or - for stdout.")
@click.option("--patient", default=None, help="The patient, if the sheet has several [default: its only one].")
@uncalled_option
@columns_option
@config_option
@force_option
def counts(
    sheet: str,
    output: str,
    patient: str | None,
    uncalled: str | None,
    columns: tuple[str, ...],
    config: str | None,
    force: bool,
) -> None:
    """Write mutation x sample read counts with copy number of SHEET, in PyClone-VI's columns.

    \b
    Examples:
      phylometa counts samples.tsv -o counts.tsv
      phylometa counts cohort.tsv --patient P01 -o -
    """
    import math
    import tempfile
    from pathlib import Path

    from phylometa.ccf.purity import estimate_purity
    from phylometa.io.ownership import replace_file
    from phylometa.io.tables import read_patient, write_counts

    settings = read_settings(config, None, uncalled=uncalled, columns=columns)
    target = None if output == "-" else check_output_file(output, force=force)
    stated = read_patient(sheet, settings=settings.read, patient=patient)
    found = estimate_purity(stated, settings=settings.ccf)
    for text in found.warnings:
        click.echo(f"warning: {text}", err=True)
    for before, after in zip(stated.samples, found.samples):
        if after.purity_is_estimated and math.isfinite(before.purity):
            text = f"the reads reject the stated purity {before.purity:g}: {after.purity:g} is written"
            click.echo(f"warning: sample {after.name}: {text}; phylometa qc says why", err=True)
    if target is not None:
        with replace_file(target) as partial:
            write_counts(found, partial)
        return
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "counts.tsv"
        write_counts(found, table)
        write_data(table.read_text(encoding="utf-8"))


@click.command()
@click.argument("sheet", type=click.Path())
@click.option(
    "--fasta",
    type=click.Path(),
    required=True,
    help="Reference genome of the alignments, FASTA; indexed if the index is missing.",
)
@output_option("Table of counts to write.")
@click.option("--patient", default=None, help="The patient, if the sheet has several [default: its only one].")
@config_option
@force_option
def genotype(sheet: str, fasta: str, output: str, patient: str | None, config: str | None, force: bool) -> None:
    """Count reads at every site of SHEET in every BAM/CRAM of its column `bam`: fills cells no caller reported.

    Base and mapping quality of at least 20 (`min_base_quality`, `min_mapping_quality` of [read] in the settings).

    \b
    Example:
      phylometa genotype samples.tsv --fasta genome.fa -o counts.tsv
    """
    from phylometa.io.genotype import genotype_patient
    from phylometa.io.ownership import replace_file
    from phylometa.io.tables import write_counts

    settings = read_settings(config, None)
    target = check_output_file(output, force=force)
    found = genotype_patient(sheet, fasta=fasta, settings=settings.read, patient=patient)
    with replace_file(target) as partial:
        write_counts(found, partial)


@click.command()
@click.option(
    "--from",
    "source",
    required=True,
    help="Format of INPUT: machina, mach2, metient, jellyfish, pairtree, pyclone, medicc2 or segments.",
)
@click.option("--to", "target", required=True, help="Format to write, of the same kind as INPUT.")
@click.argument("input", type=click.Path())
@output_option("File (or, for jellyfish, directory) to write; a second file is put beside it if the format has two.")
@click.option("--primary", default=None, metavar="SITE", help="Primary site, which metient needs.")
@click.option("--patient", default=None, help="The patient, if tables of jellyfish hold several.")
@columns_option
@force_option
def convert(
    source: str, target: str, input: str, output: str, primary: str | None, patient: str | None, **options: Any
) -> None:
    """Convert between machina, mach2, metient and jellyfish (trees with sites), pairtree and pyclone (reads), medicc2
    and segments (copy number).

    machina, mach2: INPUT is X.tree, with X.labeling beside it. metient: X.tsv with X.tree. pairtree: X.ssm with
    X.params.json. jellyfish: a directory.

    \b
    Examples:
      phylometa convert --from machina --to mach2 A10.tree -o A10.mach2.tree
      phylometa convert --from pyclone --to pairtree counts.tsv -o P01.ssm
    """
    from pathlib import Path

    from phylometa.io.convert import FORMATS, convert_format, targets_of, written_files

    for option, name in (("--from", source), ("--to", target)):
        if name not in FORMATS:
            raise click.UsageError(f"{option} {name}: unknown; known: {', '.join(FORMATS)}")
    if target not in targets_of(source):
        raise click.UsageError(f"{source} holds nothing that {target} can: --to {' or '.join(targets_of(source))}")
    with written_together(
        Path(output),
        lambda path: written_files(target, path),
        is_directory=target == "jellyfish",
        force=options["force"],
    ) as partial:
        convert_format(
            Path(input),
            partial,
            source=source,
            target=target,
            primary=primary,
            patient=patient,
            columns=options["columns"],
        )


@click.command()
@output_option("Directory to write.")
@click.option("--preset", default=None, help="A named setting [default: none]; docs/methods/simulation.md lists them.")
@click.option(
    "--set",
    "changes",
    multiple=True,
    metavar="NAME=VALUE",
    help="Change one setting (units in docs/methods/simulation.md); may be repeated.",
)
@click.option("--patients", type=click.IntRange(min=1), default=1, show_default=True, help="A cohort of so many.")
@seed_option
@force_option
def simulate(
    output: str, preset: str | None, changes: tuple[str, ...], patients: int, seed: int | None, force: bool
) -> None:
    """Simulate a patient with known truth, in the input formats, with truth.json.

    \b
    Examples:
      phylometa simulate -o P01 --preset exome --set pattern=cascade --set depth=150
      phylometa simulate -o cohort --patients 20 --seed 7
    """
    from dataclasses import replace

    from phylometa.io.ownership import locked, replace_directory
    from phylometa.io.simulated import write_simulated_cohort, write_simulated_patient
    from phylometa.pipeline.stages import stage_rng
    from phylometa.simulate import settings_from_text, simulate_patient

    directory = check_output_directory(output, force=force)
    settings = _simulation_settings(settings_from_text, preset, changes)
    seed = 1 if seed is None else seed
    if patients == 1:
        patient = simulate_patient(settings, rng=stage_rng(seed, "simulate"))
        with locked(directory), replace_directory(directory, force=force) as partial:
            write_simulated_patient(patient, partial)
        return
    names = [f"{settings.patient}{i + 1}" for i in range(patients)]
    cohort = (
        simulate_patient(replace(settings, patient=name), rng=stage_rng(seed, f"simulate {name}")) for name in names
    )
    with locked(directory), replace_directory(directory, force=force) as partial:
        write_simulated_cohort(cohort, partial)


def _simulation_settings(parse: Any, preset: str | None, changes: tuple[str, ...]) -> Any:
    from phylometa.errors import InputError

    pairs = {}
    for change in changes:
        name, separator, value = change.partition("=")
        if not separator:
            raise click.UsageError(f"--set {change}: expected NAME=VALUE")
        pairs[name] = value
    try:
        return parse(preset, pairs)
    except InputError as error:
        lines = [f"--set {problem.column}: {problem.message}" for problem in error.problems]
        raise click.UsageError("; ".join(lines)) from None
    except ValueError as error:
        raise click.UsageError(str(error)) from None
