"""Golden structure of the SVG files: labels, groups and numbers of elements, not pixels.

Regenerate with ``python tests/test_plot_structure.py`` after a change that is meant, and read the difference.
"""

import json
from collections import Counter
from io import StringIO
from pathlib import Path
from xml.etree import ElementTree

import plot_results
import pytest

from phylometa.plots import FIGURES
from phylometa.plots.style import figure_style

GOLDEN = Path(__file__).parent / "golden" / "figures.json"
CASES = ("one_clone", "one_metastasis", "eight_clones", "nothing")
KEPT_GROUPS = ("clone-", "site-", "edge-", "route-", "label-", "time-", "column-", "cluster-", "ccf-", "copy-")


def structure(figure):
    """Labels in the order of drawing, how often each named group occurs, and whether pictures are in raster form."""
    buffer = StringIO()
    with figure_style():
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    root = ElementTree.fromstring(buffer.getvalue())
    tags = Counter(element.tag.split("}")[1] for element in root.iter())
    names = [element.get("id", "") for element in root.iter()]
    groups = Counter(name for name in names if name.startswith(KEPT_GROUPS))
    labels = ["".join(element.itertext()).strip() for element in root.iter() if element.tag.endswith("}text")]
    return {"labels": labels, "groups": dict(sorted(groups.items())), "images": tags["image"]}


def all_structures():
    found = {}
    for case in CASES:
        result = getattr(plot_results, case)()
        found[case] = {name: structure(plot(result).figure) for name, plot in FIGURES.items()}
    return found


@pytest.mark.parametrize("case", CASES)
def test_structure_is_the_golden_one(case):
    golden = json.loads(GOLDEN.read_text(encoding="utf-8"))[case]
    result = getattr(plot_results, case)()
    assert list(golden) == list(FIGURES)
    for name, plot in FIGURES.items():
        assert structure(plot(result).figure) == golden[name], name


def test_every_clone_and_every_site_is_in_the_golden_structure():
    golden = json.loads(GOLDEN.read_text(encoding="utf-8"))["eight_clones"]
    clones = {f"clone-{k}" for k in range(8)}
    sites = {f"site-{s}" for s in range(4)}
    for name in ("clone_tree", "history", "fish"):
        assert clones <= set(golden[name]["groups"]), name
    for name in ("migration_graph", "body_map", "seeding_matrix"):
        assert sites <= set(golden[name]["groups"]), name


if __name__ == "__main__":
    GOLDEN.write_text(
        json.dumps(all_structures(), indent=1, ensure_ascii=False, sort_keys=False) + "\n", encoding="utf-8"
    )
