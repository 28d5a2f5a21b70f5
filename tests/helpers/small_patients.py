"""Small simulated patients on disk, for tests that run the whole."""

import shlex
import sys
from pathlib import Path
from unittest import mock

from phylometa.cli import _invoke
from phylometa.plots import save_figures

# Small enough for the fast suite, rich enough for every stage: three sites, two primary regions, some copy number.
SMALL_PATIENT = ("pattern=polyclonal", "distant_sites=2", "primary_regions=2", "primary_clones=3")
SMALL_PATIENT += ("mutation_rate=0.0002", "depth=80")
# Fewer clones and mutations still: what stands in the files does not matter.
TINY = ("mutation_rate=0.0001", "primary_clones=2", "depth=60", "cn_caller=ascat")
# Options of a run for tests that do not test the samplers.
QUICK = ("--config", str(Path(__file__).with_name("quick.toml")))


def svg_alone():
    """Within it figures are written as SVG: the PDFs of a patient, with their fonts, cost as much as all of its run."""
    return mock.patch.dict(save_figures.__kwdefaults__, formats=("svg",))


def no_page():
    """Within it a run leaves an empty report: the page costs a third of a small patient's run."""

    def write(result, path):
        Path(path).touch()
        return Path(path)

    return mock.patch("phylometa.report.write_report", write)


def write_quick_command(folder):
    """Write `folder`/phylometa, which is the command, but `run` makes short chains and no figure files."""
    folder.mkdir()
    command = shlex.quote(str(Path(sys.executable).with_name("phylometa")))
    path = folder / "phylometa"
    options = shlex.join((*QUICK, "--no-plots"))
    path.write_text(f'#!/bin/sh\n[ "$1" != run ] || {{ shift; set -- run {options} "$@"; }}\nexec {command} "$@"\n')
    path.chmod(0o755)


BARE_HEAD = "patient\tsample\tsite\tsite_type\tcounts\tpurity\n"


def write_bare(directory, patients=("B",)):
    """Write patients of two samples and twelve mutations, without copy number and dates; returns the sample sheet.

    A run of one takes less than a second: for tests of what happens around the analysis.
    """
    directory.mkdir(parents=True)
    rows = []
    for name in patients:
        alt = [(40, 42), (39, 41), (41, 38), (40, 40), (38, 43), (42, 39), (0, 20), (0, 21), (0, 19), (18, 0), (21, 0)]
        lines = ["mutation_id\tsample_id\tref_counts\talt_counts"]
        for i, counts in enumerate([*alt, (20, 0)]):
            lines += [f"1:{1000 * i + 1}:A:T\t{name}_{'PM'[j]}\t{100 - k}\t{k}" for j, k in enumerate(counts)]
        (directory / f"{name}.tsv").write_text("\n".join(lines) + "\n")
        rows += [
            f"{name}\t{name}_{letter}\t{site}\t{kind}\t{name}.tsv\t0.8\n"
            for letter, site, kind in (("P", "colon", "primary"), ("M", "liver", "metastasis"))
        ]
    sheet = directory / "samples.tsv"
    sheet.write_text(BARE_HEAD + "".join(rows))
    return sheet


def simulate_small(directory, *, seed=1, name="SMALL", patients=1, extra=()):
    """Write a small patient (or a cohort of them) and return its sample sheet."""
    settings = [text for pair in (*SMALL_PATIENT, f"patient={name}", *extra) for text in ("--set", pair)]
    arguments = ["simulate", "-o", str(directory), "--seed", str(seed), "--patients", str(patients), *settings]
    assert _invoke(arguments) == 0
    return directory / "samples.tsv"
