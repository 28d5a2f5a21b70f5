"""``phylometa export``: a patient's results as files of other tools."""

from __future__ import annotations

from pathlib import Path

import click

from phylometa.cli.options import force_option, output_option, written_together

__all__ = ["export"]


@click.command()
@click.argument("directory", type=click.Path(file_okay=False), metavar="PDIR")
@click.option(
    "--to",
    "target",
    required=True,
    metavar="FORMAT",
    help="jellyfish, metient, machina, mach2, auspice, nexus, nhx, itol, cytoscape, newick or pairtree.",
)
@output_option("File to write; for jellyfish, itol and cytoscape a directory.")
@force_option
def export(directory: str, target: str, output: str, force: bool) -> None:
    """Export results of a patient's directory PDIR to other tools: viewers of trees, methods, networks.

    nexus (FigTree), nhx, newick, auspice: OUTPUT is a file. machina, mach2: X.tree, and X.labeling beside it. metient:
    X.tsv and X.tree. pairtree: X.ssm and X.params.json. jellyfish, itol, cytoscape: a directory.

    \b
    Examples:
      phylometa export results/P01 --to nexus -o P01.nex
      phylometa export results/P01 --to jellyfish -o P01_jellyfish
    """
    from phylometa.io.export import DIRECTORY_FORMATS, EXPORT_FORMATS, export_files, export_result

    if target not in EXPORT_FORMATS:
        raise click.UsageError(f"--to {target}: unknown; known: {', '.join(EXPORT_FORMATS)}")
    from phylometa.cli.results import fitting_result

    result = fitting_result(directory, "report")
    with written_together(
        Path(output), lambda path: export_files(target, path), is_directory=target in DIRECTORY_FORMATS, force=force
    ) as partial:
        for text in export_result(result, partial, target=target):
            click.echo(f"note: {text}", err=True)
