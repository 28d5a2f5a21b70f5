"""``phylometa qc``: quality control of the input before any inference."""

from __future__ import annotations

import click

from phylometa.cli.options import check_output_file, config_option, force_option, output_option, read_settings

__all__ = ["qc"]


@click.command()
@click.argument("sheet", type=click.Path())
@output_option("Table to write, or - for stdout.", required=False, default="-")
@click.option("--patient", default=None, help="The patient, if the sheet has several [default: its only one].")
@config_option
@force_option
def qc(sheet: str, output: str, patient: str | None, config: str | None, force: bool) -> None:
    """Check the quality of SHEET before any inference: every check with figures, limit, verdict and remedy.

    Doubtful purities, sex, samples that are identical or mislabelled, contamination, germline variants, damaged DNA,
    calls without filter or counts, and what each sample could show. `run` makes the same checks and writes qc.tsv.

    \b
    Examples:
      phylometa qc samples.tsv
      phylometa qc samples.tsv --patient P01 -o qc.tsv
    """
    import tempfile
    from pathlib import Path

    from phylometa.ccf.purity import infer_purity
    from phylometa.io.ownership import replace_file
    from phylometa.io.quality_files import write_quality
    from phylometa.io.tables import read_patient
    from phylometa.qc.check import check_quality

    settings = read_settings(config, None)
    target = None if output == "-" else check_output_file(output, force=force)
    found = read_patient(sheet, settings=settings.read, patient=patient)
    report = check_quality(found, infer_purity(found, settings=settings.ccf))
    for text in (*found.warnings, *report.warnings):
        click.echo(f"warning: {text}", err=True)
    verdicts = ", ".join(f"{len(report.of_verdict(verdict))} {verdict}" for verdict in ("failed", "warning", "pass"))
    click.echo(f"patient {found.name}: {verdicts}, {len(report.of_verdict('untested'))} untested", err=True)
    if target is not None:
        with replace_file(target) as partial:
            write_quality(report, partial)
        return
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "qc.tsv"
        write_quality(report, table)
        click.echo(table.read_text(encoding="utf-8"), nl=False)
