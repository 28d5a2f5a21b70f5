"""Small simulated patients on disk, for tests that run the whole."""

from pathlib import Path

from phylometa.cli import _invoke

# Small enough for the fast suite, rich enough for every stage: three sites, two primary regions, some copy number.
SMALL_PATIENT = ("pattern=polyclonal", "distant_sites=2", "primary_regions=2", "primary_clones=3")
SMALL_PATIENT += ("mutation_rate=0.0004", "depth=80")
# Fewer clones and mutations still: what stands in the files does not matter.
TINY = ("mutation_rate=0.0001", "primary_clones=2", "depth=60", "cn_caller=ascat")
# Options of a run for tests that do not test the samplers.
QUICK = ("--config", str(Path(__file__).with_name("quick.toml")))


def simulate_small(directory, *, seed=1, name="SMALL", patients=1, extra=()):
    """Write a small patient (or a cohort of them) and return its sample sheet."""
    settings = [text for pair in (*SMALL_PATIENT, f"patient={name}", *extra) for text in ("--set", pair)]
    arguments = ["simulate", "-o", str(directory), "--seed", str(seed), "--patients", str(patients), *settings]
    assert _invoke(arguments) == 0
    return directory / "samples.tsv"
