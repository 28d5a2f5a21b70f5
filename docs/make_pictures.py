"""Draw the pictures of README and docs from result directories, and write down what they show.

``python docs/make_pictures.py demo=PDIR a22=PDIR tutorial=PDIR`` writes ``docs/images/NAME.png`` of the patients that
are named, and ``docs/images/pictures.json``: the words and numbers of every picture, and the SHA-256 of its file. A
test compares them with today's results, so that no page shows what the program no longer says.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from matplotlib.text import Text

IMAGES = Path(__file__).parent / "images"
RECORD = IMAGES / "pictures.json"
# Picture -> patient and figure.
PICTURES = {
    "demo_clone_flow": ("demo", "clone_flow"),
    "demo_migration_graph": ("demo", "migration_graph"),
    "a22_timeline": ("a22", "timeline"),
    "tutorial_migration_graph": ("tutorial", "migration_graph"),
    "tutorial_clone_tree": ("tutorial", "clone_tree"),
    "tutorial_timeline": ("tutorial", "timeline"),
}
DPI = 200


def shown_in(figure: Any) -> list[str]:
    """Every text of a figure in the order of drawing."""
    return [text.get_text() for text in figure.findobj(Text) if text.get_text().strip() and text.get_visible()]


def draw(patient: str, result: Any, directory: Path) -> dict[str, dict[str, Any]]:
    """Write the pictures of a patient; returns their records."""
    from phylometa.plots import FIGURES
    from phylometa.plots.style import save_figure

    records = {}
    for name, (of, kind) in PICTURES.items():
        if of == patient:
            figure = FIGURES[kind](result).figure
            path = save_figure(figure, directory / f"{name}.png", dpi=DPI)
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            records[name] = {"patient": of, "figure": kind, "sha256": digest, "shows": shown_in(figure)}
    return records


def main(arguments: Mapping[str, str]) -> None:
    """Draw the pictures of the named patients; others stay."""
    from phylometa.pipeline.stages import load_result

    records = json.loads(RECORD.read_text(encoding="utf-8")) if RECORD.is_file() else {}
    for patient, directory in arguments.items():
        records.update(draw(patient, load_result(directory), IMAGES))
    text = json.dumps(dict(sorted(records.items())), indent=1, ensure_ascii=False)
    RECORD.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(dict(argument.split("=", 1) for argument in sys.argv[1:]))
