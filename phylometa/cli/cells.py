"""``phylometa cells``: clones and tree of single cells."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from phylometa.cli.options import (
    check_output_directory,
    config_option,
    force_option,
    output_option,
    read_settings,
    seed_option,
)

if TYPE_CHECKING:
    from phylometa.config import Settings

__all__ = ["cells"]


@click.command()
@click.argument("matrix", type=click.Path())
@output_option("Directory to write.")
@click.option("--depth", type=click.Path(), help="Depths of the same rows and columns; MATRIX holds alternate reads.")
@click.option(
    "--cells-in",
    type=click.Choice(["columns", "rows"]),
    default="columns",
    show_default=True,
    help="Where the single cells are.",
)
@config_option
@seed_option
@force_option
def cells(
    matrix: str, output: str, depth: str | None, cells_in: str, config: str | None, seed: int | None, force: bool
) -> None:
    """Infer clones, their tree and the error rates from single cells: MATRIX of mutations x cells, or copy number.

    A cell of MATRIX is 0, 1 or NA (SCITE's 2 and 3 too), or alternate reads and depth as 3/10; or MATRIX is a loom or
    Tapestri file (.loom, .h5; needs h5py). Writes clones.tsv, cells.tsv, relations.tsv, tree.nwk and summary.json.

    A table with the columns chrom, start and end is copy number: a row per segment and cell (CHISEL, SIGNALS, HMMcopy,
    Cell Ranger DNA, MEDICC2), or a column per cell (Ginkgo). Writes clones.tsv, cells.tsv, profiles.tsv, cells.svg,
    summary.json and, in copy_number/, the clones' tree with its events.

    \b
    Examples:
      phylometa cells genotypes.csv -o cells
      phylometa cells AD.csv --depth DP.csv --cells-in rows -o cells
      phylometa cells sample.loom -o cells
      phylometa cells SegCopy -o cells
    """
    from phylometa.io.cell_copy_number import is_cell_copy_number

    directory = check_output_directory(output, force=force)
    settings = read_settings(config, seed)
    if depth is None and is_cell_copy_number(Path(matrix)):
        _of_copy_number(matrix, directory, settings, force=force)
    else:
        _of_mutations(matrix, directory, settings, depth=depth, cells_in=cells_in, force=force)


def _of_mutations(
    matrix: str, directory: Path, settings: Settings, *, depth: str | None, cells_in: str, force: bool
) -> None:
    from phylometa.cells import infer_cell_clones
    from phylometa.io.cell_matrix import read_cell_matrix, write_cell_clones
    from phylometa.io.ownership import locked, replace_directory
    from phylometa.pipeline.stages import stage_rng

    read = read_cell_matrix(matrix, depth=depth, cells_in=cells_in)
    found = infer_cell_clones(read, settings=settings.cells, rng=stage_rng(settings.seed, "cells"))
    if found.n_stuck:
        click.echo(
            f"warning: {found.n_stuck} of {found.n_chains} chains stayed far below the others and are left out; raise "
            "moves (table [cells] of the file given with --config)",
            err=True,
        )
    with locked(directory), replace_directory(directory, force=force) as partial:
        write_cell_clones(found, partial)


def _of_copy_number(matrix: str, directory: Path, settings: Settings, *, force: bool) -> None:
    from phylometa.cells import infer_copy_number_clones
    from phylometa.cells.copy_number_bundles import clone_segments
    from phylometa.cells.copy_number_segments import without_sex_chromosomes
    from phylometa.copy_number import infer_copy_number_tree
    from phylometa.errors import InfeasibleError
    from phylometa.io.cell_copy_number import read_cell_copy_number, write_copy_number_clones
    from phylometa.io.copy_number_files import write_copy_number
    from phylometa.io.ownership import locked, replace_directory
    from phylometa.pipeline.stages import stage_rng
    from phylometa.plots.cell_copy_number import plot_cell_copy_number
    from phylometa.plots.style import save_figure

    read = without_sex_chromosomes(read_cell_copy_number(matrix), is_female=False)
    found = infer_copy_number_clones(read, settings=settings.cells)
    tumour = [k for k, name in enumerate(found.names) if name != "N"]
    warnings, tree = list(read.warnings), None
    try:
        segments = clone_segments(found, tumour, [f"clone_{found.names[k]}" for k in tumour])
        tree = infer_copy_number_tree(segments, settings=settings.copy_number, rng=stage_rng(settings.seed, "cells"))
        warnings += tree.warnings
    except InfeasibleError as error:
        warnings.append(f"no tree of clones: {error}")
    for text in warnings:
        click.echo(f"warning: {text}", err=True)
    with locked(directory), replace_directory(directory, force=force) as partial:
        write_copy_number_clones(found, partial)
        if tree is not None:
            write_copy_number(tree, partial / "copy_number")
        figure: Any = plot_cell_copy_number(found).figure
        save_figure(figure, partial / "cells.svg")
