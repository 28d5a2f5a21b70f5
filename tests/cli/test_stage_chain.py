"""The chain of stages: what each was made of is recorded, and nothing is built on results that no longer fit."""

import functools
import json
import shutil
from dataclasses import fields

import pytest
from result_files import digests
from small_patients import QUICK, no_page

from phylometa.cli import _invoke
from phylometa.config import Settings, load_settings
from phylometa.io import stage_records
from phylometa.io.stage_records import STAGE_IS_STEERED_BY, STAGE_TABLES, STAGE_USES, stage_status
from phylometa.model.result import PatientResult
from phylometa.pipeline.stages import STAGES, load_result, run_stage

TIMELINE = ("--figure", "timeline", "--format", "svg")


@pytest.fixture
def directory(small_run, tmp_path):
    copy = tmp_path / "SMALL"
    shutil.copytree(small_run, copy)
    return copy


def states(directory):
    return {entry.stage: entry.state for entry in stage_status(directory)}


def stale(directory):
    return {stage for stage, state in states(directory).items() if state == "stale"}


def settings_file(tmp_path, text):
    path = tmp_path / "settings.toml"
    path.write_text(text)
    return str(path)


def test_a_whole_run_is_current(small_run, capsys):
    assert set(states(small_run).values()) <= {"current", "missing"}
    assert _invoke(["status", str(small_run)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "stage\tstate\tversion\treason"
    assert {line.split("\t")[0] for line in lines[1:]} >= set(STAGES) - {"copy_number"}


@pytest.mark.system
def test_everything_below_a_stage_made_anew_is_stale_and_commands_go_on_with_its_settings(directory, tmp_path, capsys):
    config = settings_file(tmp_path, "[trees]\npresence_threshold = 0.2\n")
    assert _invoke(["tree", str(directory), "--config", config]) == 0
    assert "now stale: " in capsys.readouterr().err
    assert stale(directory) >= {"histories", "labels", "timing", "report"}
    assert json.loads((directory / "manifest.json").read_text())["settings"]["trees"]["presence_threshold"] == 0.2
    summary = json.loads((directory / "summary.json").read_text())
    assert summary["labels"] is None and summary["timing"] is None  # nothing stale is shown
    for command in (["report"], ["plot"], ["seeding"], ["timing"]):
        assert _invoke([*command, str(directory)]) == 3
        err = capsys.readouterr().err
        assert "stale: " in err and f"phylometa migrate {directory}" in err
    # All go on with the settings of the directory: that of the trees, and from here on that of migration.
    config = settings_file(tmp_path, "[migration]\ncomigration_weight = 3\n")
    for command in (["migrate", "--config", config], ["seeding"], ["timing"], ["plot", *TIMELINE], ["report"]):
        with no_page():
            assert _invoke([*command, str(directory)]) == 0, capsys.readouterr().err
    assert stale(directory) <= {"copy_number"}
    settings = json.loads((directory / "manifest.json").read_text())["settings"]
    assert settings["trees"]["presence_threshold"] == 0.2 and settings["migration"]["comigration_weight"] == 3
    capsys.readouterr()
    _invoke(["status", str(directory)])
    assert "clusters\tcurrent\t" in capsys.readouterr().out  # the clusters shown were made with the trees


def below(stage):
    """Stages that use `stage`, and all that use those."""
    found = {stage}
    for name, uses in STAGE_USES.items():
        if found & set(uses):
            found.add(name)
    return found - {stage}


@pytest.mark.parametrize("stage", STAGE_USES)
def test_whatever_is_made_anew_all_that_uses_it_is_stale(stage, directory):
    present = {name for name, state in states(directory).items() if state != "missing"}
    assert stage in present
    path = stage_records.stage_files(directory, stage)[0]
    path.write_bytes(path.read_bytes() + b"\n")
    stage_records.recorded(directory, [stage], json.loads((directory / "manifest.json").read_text())["settings"])
    assert stale(directory) == below(stage) & present


def test_every_setting_that_is_another_is_said_by_every_stage_that_reads_it(small_run, monkeypatch):
    monkeypatch.setattr(stage_records, "stage_digest", functools.cache(stage_records.stage_digest))
    listed = frozenset(stage_records.listed_files(small_run))
    monkeypatch.setattr(stage_records, "listed_files", lambda _: listed)
    settings = Settings().to_dict()
    document = json.loads((small_run / "manifest.json").read_text())["settings"]
    assert document.keys() == settings.keys()
    for table, values in document.items():
        for name in values if isinstance(values, dict) else [None]:
            changed = {**document, table: {**values, name: "another"} if name else "another"}
            found = {entry.stage for entry in stage_status(small_run, changed) if entry.state == "other settings"}
            assert found == {stage for stage, tables in STAGE_TABLES.items() if table in tables}, (table, name)


def test_the_same_again_makes_nothing_stale(directory):
    assert _invoke(["migrate", str(directory)]) == 0
    assert states(directory)["histories"] == "current"


@pytest.mark.parametrize(
    ("file", "stage", "command", "status"),
    [
        ("trees/trees.json", "trees", "migrate", 3),
        ("clusters/assignments.tsv", "clusters", "tree", 3),
        ("input/counts.tsv", "input", "tree", 3),
        ("seeding/labels.json", "labels", "report", 3),
        ("seeding/histories.json", "histories", "seeding", 3),
    ],
)
def test_a_file_changed_by_hand_is_seen(file, stage, command, status, directory, capsys):
    path = directory / file
    path.write_text(path.read_text() + "\n")
    assert states(directory)[stage] == "changed"
    assert _invoke(["status", str(directory)]) == 3
    assert f"{stage}\tchanged" in capsys.readouterr().out


@pytest.mark.system
def test_report_and_figures_are_the_same_again(small_run, directory):
    assert _invoke(["report", str(directory)]) == 0
    shutil.rmtree(directory / "figures")
    assert _invoke(["plot", str(directory), "--format", "svg"]) == 0
    drawn = digests(directory / "figures")
    kept = {name: d for name, d in digests(small_run / "figures").items() if name.endswith((".svg", ".tsv"))}
    assert drawn == kept and len(drawn) > 10
    assert states(directory)["report"] == "current"
    before, after = (json.loads((folder / "manifest.json").read_text()) for folder in (small_run, directory))
    assert after["inputs"] == before["inputs"] and after["settings"] == before["settings"]
    report = (directory / "report.html").read_text()
    for entry in before["inputs"]:
        assert entry.get("sha256", "")[:12] in report
    assert report == (small_run / "report.html").read_text()


def test_foreign_files_stay_whatever_stage_runs(directory, capsys):
    for folder in ("trees", "seeding", "timing", "figures"):
        (directory / folder).mkdir(exist_ok=True)
        (directory / folder / "mine.txt").write_text("mine")
    (directory / "notes.txt").write_text("mine")
    for command in ("tree", "migrate", "seeding", "timing", "plot"):
        assert _invoke([command, str(directory)]) == 2
        assert "mine.txt" in capsys.readouterr().err
        assert _invoke([command, str(directory), "--force"]) == 2
    assert sorted(path.name for path in directory.rglob("*.txt")) == ["mine.txt"] * 4 + ["notes.txt"]


class Recorder:
    """Stands for an object and writes down which of its fields are read."""

    def __init__(self, target, seen):
        object.__setattr__(self, "_target", target)
        object.__setattr__(self, "_seen", seen)

    def __getattr__(self, name):
        self._seen.add(name)
        return getattr(self._target, name)


FIELDS = {"patient": "input", "ccf": "input", "comparison": "labels"}


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_reads_no_more_than_its_record_says(stage, small_run, monkeypatch):
    result = load_result(small_run)
    seen_fields, seen_tables = set(), set()
    settings = load_settings(QUICK[1])
    _, function = STAGES[stage]
    recorded_settings = Recorder(settings, seen_tables)
    names = {item.name for item in fields(PatientResult)}
    function(Recorder(result, seen_fields), recorded_settings)
    stages = {FIELDS.get(name, name) for name in seen_fields & names} - {"settings", "warnings", "quality"}
    assert stages <= {*STAGE_USES[stage], stage}
    tables = seen_tables & {item.name for item in fields(Settings)}
    assert tables <= {*STAGE_TABLES[stage], *STAGE_IS_STEERED_BY.get(stage, ())}


def test_every_stage_has_a_record():
    assert set(STAGES) <= set(STAGE_USES)
    order = list(STAGE_USES)
    for stage, uses in STAGE_USES.items():
        assert all(order.index(name) < order.index(stage) for name in uses)
    assert callable(run_stage)
