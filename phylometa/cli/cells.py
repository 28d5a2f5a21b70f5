"""``phylometa cells``: clones and tree of single cells."""

from __future__ import annotations

import click

from phylometa.cli.options import (
    check_output_directory,
    config_option,
    force_option,
    output_option,
    read_settings,
    seed_option,
)

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
    """Infer clones, their tree and the error rates from single cells: MATRIX of mutations x cells.

    A cell of MATRIX is 0, 1 or NA (SCITE's 2 and 3 too), or alternate reads and depth as 3/10; or MATRIX is a loom or
    Tapestri file (.loom, .h5; needs h5py). Writes clones.tsv, cells.tsv, relations.tsv, tree.nwk and summary.json.

    \b
    Examples:
      phylometa cells genotypes.csv -o cells
      phylometa cells AD.csv --depth DP.csv --cells-in rows -o cells
      phylometa cells sample.loom -o cells
    """
    from phylometa.cells import infer_cell_clones
    from phylometa.io.cell_matrix import read_cell_matrix, write_cell_clones
    from phylometa.io.ownership import locked, replace_directory
    from phylometa.pipeline.stages import stage_rng

    directory = check_output_directory(output, force=force)
    settings = read_settings(config, seed)
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
