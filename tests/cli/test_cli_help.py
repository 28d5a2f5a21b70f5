"""The command line's outer face: help, version, usage errors, exit statuses."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from phylometa import __version__
from phylometa.cli import COMMANDS, SHORT_HELP, _invoke

SAMPLE_DATA = Path(__file__).resolve().parents[2] / "sample_data"


def test_every_command_has_a_line_of_help_and_a_page(capsys):
    assert set(COMMANDS) == set(SHORT_HELP)
    assert _invoke(["--help"]) == 0
    listed = capsys.readouterr().out
    for name in COMMANDS:
        assert f"  {name} " in listed
        assert _invoke([name, "--help"]) == 0
        assert f"Usage: phylometa {name}" in capsys.readouterr().out


def test_version(capsys):
    assert _invoke(["--version"]) == 0
    assert capsys.readouterr().out == f"phylometa, version {__version__}\n"


@pytest.mark.parametrize("args", [["nonsense"], ["run"], ["run", "sheet.tsv"], ["run", "--seed", "x", "s", "-o", "d"]])
def test_usage_errors_exit_with_2(args, capsys):
    assert _invoke(args) == 2
    assert "Usage" in capsys.readouterr().err


def test_help_costs_less_than_300_ms_of_cpu():
    code = (
        "import resource, subprocess, sys; "
        "subprocess.run([sys.executable, '-m', 'phylometa', '--help'], check=True, stdout=subprocess.DEVNULL); "
        "r = resource.getrusage(resource.RUSAGE_CHILDREN); print(r.ru_utime + r.ru_stime)"
    )
    best = min(
        float(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)
        for _ in range(3)
    )
    assert best < 0.3


@pytest.mark.system
def test_interrupt_exits_with_130(tmp_path):
    """SIGINT in mid-run: status 130, no result."""
    target = tmp_path / "out"
    process = subprocess.Popen(
        [sys.executable, "-m", "phylometa", "run", str(SAMPLE_DATA / "gundem_a22/samples.tsv"), "-o", str(target)],
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a job in the background ignores it
    )
    time.sleep(6)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert not (target / "A22").exists()
