"""`phylometa plot` and `report --one-page` on a directory of results: what is asked for, beside what is there."""

import shutil
import struct
from unittest import mock

import pytest
from result_files import digests

from phylometa.cli import _invoke


@pytest.fixture()
def patient(small_run, tmp_path):
    return shutil.copytree(small_run, tmp_path / "SMALL")


def test_one_figure_in_one_format_at_one_size_beside_the_others(patient, small_run):
    arguments = ["plot", str(patient), "--figure", "timeline", "--format", "png"]
    assert _invoke(arguments) == 0
    assert _invoke([*arguments, "--dpi", "254", "--width", "90"]) == 0
    width, _ = struct.unpack(">II", (patient / "figures/timeline.png").read_bytes()[16:24])
    assert width == pytest.approx(900, abs=2)
    drawn, before = digests(patient / "figures"), digests(small_run / "figures")
    assert drawn.pop("timeline.png") and drawn == before
    assert _invoke(["status", str(patient)]) == 0


@pytest.mark.parametrize(
    ("option", "value"), [("--format", "gif"), ("--dpi", "5"), ("--width", "20"), ("--figure", "x")]
)
def test_what_plot_refuses(patient, option, value, capsys):
    assert _invoke(["plot", str(patient), option, value]) == 2
    assert option in capsys.readouterr().err


@pytest.mark.system
def test_one_page_stands_in_the_directory_or_where_it_is_asked_for(patient, tmp_path, capsys):
    with mock.patch("phylometa.report.write_one_page", lambda result, path: path.write_bytes(b"an earlier page")):
        assert _invoke(["report", str(patient), "--one-page"]) == 0
    assert (patient / "one_page.pdf").read_bytes() == b"an earlier page"
    assert _invoke(["report", str(patient), "--one-page"]) == 0  # ours, so replaced
    assert (patient / "one_page.pdf").read_bytes().startswith(b"%PDF")
    assert _invoke(["status", str(patient)]) == 0
    target = tmp_path / "P.pdf"
    assert _invoke(["report", str(patient), "--one-page", "-o", str(target)]) == 0
    assert target.read_bytes() == (patient / "one_page.pdf").read_bytes()
    assert _invoke(["report", str(patient), "--one-page", "-o", str(target)]) == 2
    assert _invoke(["report", str(patient), "--one-page", "-o", str(tmp_path / "P.txt")]) == 2
    assert "does not end in .pdf" in capsys.readouterr().err
    (patient / "one_page.pdf").write_bytes(b"my own")
    assert _invoke(["report", str(patient), "--one-page"]) == 2
