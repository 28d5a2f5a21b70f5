"""Commands on results that are there: figures and report again, and which stage is stale."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from phylometa.cli.options import (
    PATIENT_DIRECTORY,
    check_output_file,
    existing_directory,
    force_option,
    output_option,
    say_waiting,
)

__all__ = ["fitting_result", "plot", "report", "status"]

_ONE_PAGE = "one_page.pdf"


def fitting_result(directory: str | Path, stage: str) -> Any:
    """Load a result whose stages fit together as `stage` uses them; nothing is written, not even a lock."""
    from phylometa.io.stage_records import check_upstream, stale_unused
    from phylometa.pipeline.stages import load_result

    target = existing_directory(str(directory))
    for text in check_upstream(target, stage):
        click.echo(f"warning: {text}", err=True)
    return load_result(target, without=stale_unused(target, stage))


@contextmanager
def _locked_result(directory: str, stage: str) -> Iterator[tuple[Any, Path]]:
    """`fitting_result` and its directory, under its lock."""
    from phylometa.io.ownership import locked

    target = existing_directory(directory)
    with locked(target, on_wait=say_waiting):
        yield fitting_result(target, stage), target


def _redraw(directory: str, stage: str, draw: Callable[[Any, Path], None]) -> None:
    """Draw a result that fits together again."""
    from phylometa.io.stage_records import recorded

    with _locked_result(directory, stage) as (result, target):
        draw(result, target)
        if (target / "manifest.json").is_file():
            recorded(target, [stage], result.settings.to_dict())


@click.command()
@click.argument("directory", type=PATIENT_DIRECTORY, metavar="PDIR")
@click.option("--figure", "figures", multiple=True, metavar="NAME", help="This figure only [repeatable; default: all].")
@click.option(
    "--format",
    "formats",
    multiple=True,
    type=click.Choice(["svg", "pdf", "png"]),
    help="This format only [repeatable; default: all].",
)
@click.option("--dpi", type=click.FloatRange(min=36, max=2400), default=None, help="Of PNG [default: 300].")
@click.option(
    "--width",
    type=click.FloatRange(min=60, max=600),
    default=None,
    help="Of the figures in millimetres [default: 183 or 89, journal columns].",
)
@click.option(
    "--colors",
    type=click.Path(),
    default=None,
    metavar="FILE",
    help="Table of colours of sites and clones: an edited copy of figures/colors.tsv [default: palettes].",
)
@force_option
def plot(
    directory: str,
    figures: tuple[str, ...],
    formats: tuple[str, ...],
    dpi: float | None,
    width: float | None,
    colors: str | None,
    force: bool,
) -> None:
    """Draw the figures of a patient's directory again, as SVG, PDF and PNG.

    With --figure or --format the named ones are drawn into figures/ beside the others. Colours given with --colors are
    kept in figures/colors.tsv: later figures, reports and exports have them, too. Tumour control against dose is
    a model with assumed constants and is drawn only if it is named.

    \b
    Examples:
      phylometa plot results/P01
      phylometa plot results/P01 --figure tumour_control
      phylometa plot results/P01 --figure timeline --format png --dpi 600 --width 90
      phylometa plot results/P01 --colors our_colors.tsv
    """

    from phylometa.plots import FIGURES, FORMATS

    for name in figures:
        if name not in FIGURES:
            raise click.UsageError(f"--figure {name}: unknown; the figures are {', '.join(FIGURES)}")

    def draw(result: Any, target: Path) -> None:
        import shutil

        from phylometa.io.colour_files import COLOURS_FILE, read_colours, write_colours
        from phylometa.io.ownership import replace_part
        from phylometa.plots import save_figures

        if colors is not None:
            result = read_colours(result, Path(colors))
        with replace_part(target, "figures", force=force) as partial:
            if (figures or formats) and (target / "figures").is_dir():
                shutil.copytree(target / "figures", partial, dirs_exist_ok=True)
            chosen = formats or FORMATS
            save_figures(result, partial, figures=figures, formats=chosen, dpi=dpi, width=width)
            write_colours(result, partial / COLOURS_FILE)

    _redraw(directory, "figures", draw)


@click.command()
@click.argument("directory", type=PATIENT_DIRECTORY, metavar="PDIR")
@output_option("File to write [default: PDIR/report.html, or PDIR/one_page.pdf].", required=False)
@click.option("--one-page", is_flag=True, help="Its first screen on one page, as PDF.")
@force_option
def report(directory: str, output: str | None, one_page: bool, force: bool) -> None:
    """Write the self-contained HTML report of a patient's directory again, or one page of it as PDF.

    \b
    Examples:
      phylometa report results/P01 -o P01.html
      phylometa report results/P01 --one-page -o P01.pdf
    """
    if one_page:
        _one_page(directory, output, force=force)
        return

    def draw(result: Any, target: Path) -> None:
        from phylometa.io.ownership import check_ours, replace_file
        from phylometa.report import write_report

        if output is None:
            check_ours(target, "report.html", force=force)
        path = target / "report.html" if output is None else check_output_file(output, force=force)
        with replace_file(path) as partial:
            write_report(result, partial)

    _redraw(directory, "report", draw)


def _one_page(directory: str, output: str | None, *, force: bool) -> None:
    from phylometa.io.ownership import check_ours, list_files, replace_file
    from phylometa.report import write_one_page

    with _locked_result(directory, "report") as (result, target):
        path = target / _ONE_PAGE if output is None else check_output_file(output, force=force)
        if path.suffix != ".pdf":
            raise click.UsageError(f"--one-page writes PDF: {path} does not end in .pdf")
        if output is None:
            check_ours(target, _ONE_PAGE, force=force)
        with replace_file(path) as partial:
            write_one_page(result, partial)
        if output is None and (target / "manifest.json").is_file():
            list_files(target, _ONE_PAGE)


@click.command()
@click.argument("directory", type=PATIENT_DIRECTORY, metavar="PDIR")
def status(directory: str) -> int:
    """Show which stage of a patient's directory was made with what, and which is stale; exit status 3 if one is.

    A stage is stale if a stage or settings that it used are others now, and changed if its own files are.

    \b
    Example:
      phylometa status results/P01
    """
    from phylometa.io.stage_records import stage_status

    entries = [entry for entry in stage_status(existing_directory(directory)) if entry.state != "missing"]
    click.echo("stage\tstate\tversion\treason")
    for entry in entries:
        click.echo(f"{entry.stage}\t{entry.state}\t{entry.version}\t{entry.reason}")
    return 3 if any(entry.state not in ("current", "unrecorded") for entry in entries) else 0
