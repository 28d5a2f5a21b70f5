"""Settings from TOML: defaults, changes, and every mistake named at once."""

import pytest

from phylometa.config import Settings, load_settings, settings_from_dict
from phylometa.errors import InputError, Problem


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
