"""Settings from TOML: defaults, changes, and every mistake named at once."""

import dataclasses
import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from io_files import rewrite

from phylometa import config
from phylometa.cli import main
from phylometa.config import Settings, TreeSettings, load_settings, settings_from_dict
from phylometa.errors import InputError, Problem
from phylometa.reference.setting_rules import Checked, Letters, Range, rules_of
from phylometa.simulate import SimulationSettings


def test_an_empty_file_gives_the_defaults(tmp_path):
    path = tmp_path / "settings.toml"
    path.write_text("")
    assert load_settings(path) == Settings()


def test_changes_apply_and_whole_numbers_serve_as_floats(tmp_path):
    path = tmp_path / "settings.toml"
    path.write_text(
        'seed = 7\n[migration]\ncriteria = "UMC"\ncomigration_weight = 2\n[read]\naccepted_filters = ["PASS"]\n'
    )
    settings = load_settings(path)
    assert settings.seed == 7
    assert settings.migration.criteria == "UMC"
    assert settings.migration.comigration_weight == 2.0
    assert settings.read.accepted_filters == ("PASS",)
    assert settings_from_dict(settings.to_dict()) == settings


def test_every_mistake_is_named_at_once(tmp_path):
    path = tmp_path / "settings.toml"
    path.write_text('seed = "x"\n[nonsense]\na = 1\n[trees]\nmax_trees = "many"\nwrong = 1\n')
    with pytest.raises(InputError) as caught:
        load_settings(path)
    text = str(caught.value)
    for part in (
        "column seed: 'x'",
        "column nonsense: unknown table",
        "trees.max_trees: 'many'",
        "trees.wrong: unknown",
    ):
        assert part in text
    assert len(caught.value.problems) == 4


@pytest.mark.parametrize(("content", "message"), [(b"a = ", "not valid TOML"), (b"\xff\xfe", "not valid TOML")])
def test_what_is_no_toml_is_refused(tmp_path, content, message):
    path = tmp_path / "settings.toml"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        load_settings(path)


def test_a_word_outside_the_choices_is_refused(tmp_path):
    path = tmp_path / "settings.toml"
    path.write_text('[timing]\nclock = "sundial"\n')
    with pytest.raises(InputError, match="column timing.clock: 'sundial' is none of auto, cpg, snv"):
        load_settings(path)
    path.write_text('[timing]\nclock = "cpg"\n')
    assert load_settings(path).timing.clock == "cpg"


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        load_settings(tmp_path / "none.toml")


def test_an_error_names_its_place_and_survives_pickling():
    import pickle

    error = InputError(
        [Problem("1.3 is outside (0, 1]", file="samples.tsv", row=4, column="purity"), Problem("second")]
    )
    assert str(error) == "samples.tsv, row 4, column purity: 1.3 is outside (0, 1]\nsecond"
    assert pickle.loads(pickle.dumps(error)).problems == error.problems


def test_an_infinite_setting_survives_the_manifest():
    assert settings_from_dict({"ccf": {"precision": None}}).ccf.precision == float("inf")


STAGES = {
    name: kind
    for name, kind in vars(config).items()
    if isinstance(kind, type) and issubclass(kind, Checked) and kind is not Checked
}
TABLES = {item.name: type(getattr(Settings(), item.name)) for item in dataclasses.fields(Settings)}
TABLES["migration.process"] = config.ProcessSettings
LIMITS = [
    (kind, name, rule) for kind in (*STAGES.values(), SimulationSettings) for name, rule in rules_of(kind).items()
]
EVERY_CLASS = pytest.mark.parametrize("kind", [*STAGES.values(), SimulationSettings])


def outside(rule):
    """Values of every kind that the setting must refuse: beyond both ends, no number, another type."""
    if rule.kind is bool:
        return [1, "yes", None]
    if rule.choices or isinstance(rule.limit, Letters):
        return ["XYZ", "", 1, None]
    if rule.kind is str:
        return [1, None, ["a"]]
    if rule.kind is tuple and rule.item is str:
        return ["PASS", [1], None]
    wrong = ["many", True, math.nan, -math.inf, -1e30]
    limit = rule.limit
    wrong += [limit.low if limit.above else limit.low / 2 if limit.zero else limit.low - 1]
    if limit.high < math.inf:
        wrong += [limit.high if limit.below else limit.high * 1.001 + 1, math.inf]
    if rule.kind is int or rule.item is int:
        wrong += [limit.low + 0.5]
    return [(value,) for value in wrong] if rule.kind is tuple else wrong


def test_every_settings_class_is_checked():
    assert {name for name in vars(config) if name.endswith("Settings")} == set(STAGES)
    for kind in STAGES.values():
        for item in dataclasses.fields(kind):
            assert item.name in rules_of(kind) or type(getattr(kind(), item.name)) in TABLES.values(), (kind, item.name)


@EVERY_CLASS
def test_every_number_has_a_range_a_unit_and_a_default_inside(kind):
    for name, rule in rules_of(kind).items():
        if rule.kind in (int, float) or rule.item in (int, float):
            limit = rule.limit
            assert isinstance(limit, Range) and limit.unit and limit.low < limit.high, name
        (default,) = (item.default for item in dataclasses.fields(kind) if item.name == name)
        assert rule.accept(default) == default, name


@EVERY_CLASS
def test_every_setting_is_refused_outside_its_range_with_name_range_and_unit(kind):
    for name, rule in rules_of(kind).items():
        for value in outside(rule):
            try:
                kind(**{name: value})
            except InputError as error:
                (problem,) = error.problems
            else:
                pytest.fail(f"{name}: {value!r} is taken")
            assert problem.column == name and problem.file == kind.__name__
            is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
            if rule.kind is not int and is_number and isinstance(rule.limit, Range):
                assert str(rule.limit) in problem.message and rule.limit.unit in problem.message, (name, value)


@pytest.mark.parametrize("table", [name for name in TABLES if name != "seed"])
def test_toml_is_held_to_the_same_ranges(tmp_path, table):
    path = tmp_path / "settings.toml"
    for kind, name, rule in LIMITS:
        if kind is not TABLES[table]:
            continue
        for value in outside(rule):
            if value is None:
                continue
            number = isinstance(value, float) and not math.isfinite(value)
            text = str(value) if number else json.dumps(value)
            rewrite(path, f"[{table}]\n{name} = {text}\n")
            with pytest.raises(InputError, match=f"column {table}.{name}: "):
                load_settings(path)


@given(st.data())
def test_whatever_the_range_holds_is_taken_and_nothing_else(data):
    kind, name, rule = data.draw(st.sampled_from([entry for entry in LIMITS if entry[2].kind in (int, float)]))
    value = data.draw(st.one_of(st.integers(), st.floats()))
    is_inside = value in rule.limit and (rule.kind is float or isinstance(value, int))
    try:
        assert rule.accept(value) == value and is_inside
    except ValueError:
        assert not is_inside


def test_numbers_of_numpy_are_kept_as_plain_ones():
    settings = TreeSettings(error_rate=np.float32(0.25) / 2, max_trees=np.int64(3), grid=10, outlier_cost=30)
    assert [type(value) for value in (settings.error_rate, settings.max_trees, settings.outlier_cost)] == [
        float,
        int,
        float,
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            "[ccf]\nabsent_weight = 0.5\nclonal_weight = 0.5",
            "column ccf.clonal_weight: with absent_weight it adds up to 1",
        ),
        ("[seeding]\nheadline_probability = 0.7", "column seeding.favoured_probability: 0.8 is more than headline"),
        ("seed = -1", "column seed: -1 is outside 0 to"),
        ("seed = 1.5", "column seed: 1.5 is not a whole number"),
    ],
)
def test_settings_that_cannot_go_together(tmp_path, content, message):
    path = tmp_path / "settings.toml"
    path.write_text(content)
    with pytest.raises(InputError, match=message):
        load_settings(path)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["seeding", "cases.json", "-o", "-", "--criteria", "XYZ"], "--criteria: 'XYZ' is outside letters of UMCS"),
        (
            ["migrate", "x.tree", "x.labeling", "--primary", "P", "-o", "o", "--criteria", ""],
            "--criteria: '' is outside",
        ),
        (["run", "samples.tsv", "-o", "o", "--seed", "-1"], "--seed"),
    ],
)
def test_the_command_line_is_held_to_the_same_ranges(tmp_path, monkeypatch, capsys, arguments, message):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert message in capsys.readouterr().err
    assert not any(tmp_path.iterdir())
