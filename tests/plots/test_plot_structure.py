"""Golden structure of the SVG files: labels, groups and numbers of elements, not pixels.

Regenerate with ``python tests/test_plot_structure.py`` after a change that is meant, and read the difference; where
the files of a result changed, the bundled patients too with ``... demo=PDIR a22=PDIR a31=PDIR``, directories that
``phylometa run`` made of them.
"""

import json
import shutil
import sys
import tempfile
from collections import Counter
from dataclasses import replace
from io import StringIO
from pathlib import Path
from xml.etree import ElementTree

import plot_results
import pytest

from phylometa.pipeline.stages import load_result
from phylometa.plots import FIGURES
from phylometa.plots.style import figure_style

GOLDEN = Path(__file__).resolve().parents[1] / "golden"
CASES = (
    *("one_clone", "one_metastasis", "eight_clones", "nothing"),
    pytest.param("sixty_clones", marks=pytest.mark.slow),
)
# Bundled patients: their most probable histories are kept as results, so that changes of the inference stay apart.
REAL_CASES = ("demo", "a22", "a31")
KEPT_GROUPS = ("clone-", "site-", "edge-", "route-", "label-", "time-", "column-", "cluster-", "ccf-", "copy-")


def structure(figure):
    """Labels in the order of drawing, how often each named group occurs, and whether pictures are in raster form."""
    buffer = StringIO()
    with figure_style():
        figure.savefig(
            buffer, format="svg", metadata={"Date": None}, dpi=36
        )  # of images, of which only the number counts
    root = ElementTree.fromstring(buffer.getvalue())
    tags = Counter(element.tag.split("}")[1] for element in root.iter())
    names = [element.get("id", "") for element in root.iter()]
    groups = Counter(name for name in names if name.startswith(KEPT_GROUPS))
    labels = ["".join(element.itertext()).strip() for element in root.iter() if element.tag.endswith("}text")]
    return {"labels": labels, "groups": dict(sorted(groups.items())), "images": tags["image"]}


def structures(result):
    return {name: structure(plot(result).figure) for name, plot in FIGURES.items()}


def golden(case):
    return json.loads((GOLDEN / f"figures_{case}.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", CASES)
def test_structure_is_the_golden_one(case):
    found, expected = structures(getattr(plot_results, case)()), golden(case)
    assert list(expected) == list(FIGURES)
    for name in FIGURES:
        assert found[name] == expected[name], name


@pytest.mark.system
@pytest.mark.parametrize("case", REAL_CASES)
def test_structure_of_a_bundled_patient_is_the_golden_one(case, tmp_path):
    shutil.unpack_archive(GOLDEN / f"result_{case}.tar.gz", tmp_path)
    found, expected = structures(load_result(tmp_path)), golden(case)
    for name in FIGURES:
        assert found[name] == expected[name], name


def test_every_clone_and_every_site_is_in_the_golden_structure():
    kept = golden("eight_clones")
    clones = {f"clone-{k}" for k in range(8)}
    sites = {f"site-{s}" for s in range(4)}
    for name in ("clone_tree", "history", "fish"):
        assert clones <= set(kept[name]["groups"]), name
    for name in ("migration_graph", "body_map", "seeding_matrix"):
        assert sites <= set(kept[name]["groups"]), name


def shortened(result, n_histories=12):
    """`result` with its most probable histories and their trees alone: small enough to be kept beside the tests."""
    ranked = sorted(result.histories, key=lambda pair: -pair[1].weight)[:n_histories]
    kept = sorted({0, *(entry.tree for entry, _ in ranked)})
    arrays = ("parents", "weights", "log_likelihood", "proportions", "presence")
    trees = replace(
        result.trees, scenarios=(), joint=None, **{name: getattr(result.trees, name)[kept] for name in arrays}
    )
    trees = replace(trees, weights=trees.weights / trees.weights.sum())
    whole = sum(history.weight for _, history in ranked)
    entries = []
    for entry, history in ranked:
        kept_history = replace(history, weight=history.weight / whole)
        place = {"tree": kept.index(entry.tree), "weight": kept_history.weight}
        entries.append(replace(entry, **place, histories=(kept_history,), alternatives=()))
    entries = tuple(entries)
    patient = result.patient.with_changes(provenance=())
    return replace(result, patient=patient, trees=trees, histories=replace(result.histories, trees=entries))


def write_golden(case, result):
    text = json.dumps(structures(result), indent=1, ensure_ascii=False) + "\n"
    (GOLDEN / f"figures_{case}.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    for case in ("one_clone", "one_metastasis", "eight_clones", "nothing", "sixty_clones"):
        write_golden(case, getattr(plot_results, case)())
    for argument in sys.argv[1:]:
        case, directory = argument.split("=")
        with tempfile.TemporaryDirectory() as scratch:
            saved = shortened(load_result(directory)).save(Path(scratch) / "result")
            (saved / "manifest.json").unlink()  # names the machine
            shutil.make_archive(str(GOLDEN / f"result_{case}"), "gztar", saved)
            write_golden(case, load_result(saved))
