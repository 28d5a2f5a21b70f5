"""``phylometa sheet``: a sample sheet to edit, guessed from files."""

from __future__ import annotations

import click

from phylometa.cli.options import output_option

__all__ = ["sheet"]


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path())
@output_option("Sheet to write (tab-separated), or - for stdout; never replaced.")
def sheet(files: tuple[str, ...], output: str) -> None:
    """Guess a sample sheet from FILES: VCFs, MAFs, tables of reads, segments, purity files, copy number of single
    cells, or folders of them.

    Look at patient, site and site_type before a run: they are read in the names of samples and files.

    \b
    Examples:
      phylometa sheet calls/*.vcf.gz segments/*.txt -o samples.tsv
      phylometa sheet data -o samples.tsv
    """
    from pathlib import Path

    from phylometa.io.ownership import replace_file
    from phylometa.io.sheet_guess import COLUMNS, guess_sheet
    from phylometa.io.tsv import write_tsv

    target = Path(output)
    if output != "-":
        if target.exists():
            raise click.UsageError(f"{target} exists: a sheet is never replaced, it may hold your own work")
        if not target.parent.is_dir():
            raise click.UsageError(f"no directory {target.parent}")
    rows, notes = guess_sheet(files, Path() if output == "-" else target.parent)
    table = [row.cells() for row in rows]
    used = [i for i in range(len(COLUMNS)) if i < 4 or any(cells[i] for cells in table)]
    header, table = [COLUMNS[i] for i in used], [[cells[i] for i in used] for cells in table]
    for note in notes:
        click.echo(f"note: {note}", err=True)
    if output == "-":
        click.echo("\n".join("\t".join(cells) for cells in [header, *table]))
        return
    with replace_file(target) as partial:
        write_tsv(partial, header, table)
    n = len(rows)
    click.echo(f"{target}: {n} sample{'s' if n != 1 else ''}; next: phylometa validate {target}", err=True)
