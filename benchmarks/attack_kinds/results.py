"""Results that no longer fit, or were damaged."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

from attack_kinds.ground import Ground, Try, call, is_clean
from phylometa.config import Settings
from phylometa.errors import PhylometaError
from phylometa.io.ownership import listed_files
from phylometa.io.stage_records import stage_status
from phylometa.pipeline.stages import load_result


def stages(ground: Ground) -> Iterator[Try]:
    """Every file of a result edited, every setting in its manifest changed."""

    def edited(name: str) -> bool:
        here = ground.copy()
        (here / name).write_bytes((here / name).read_bytes() + b"\n")
        status, _ = call("status", here)
        return status == 3

    for name in listed_files(ground.result):
        if not name.startswith(("report", "figures")) and name != "run.log":
            yield f"{name} edited", lambda n=name: edited(n)

    def other(table: str, name: str, value: object) -> bool:
        here = ground.copy()
        document = json.loads((here / "manifest.json").read_text())
        document["settings"][table][name] = value
        (here / "manifest.json").write_text(json.dumps(document))
        return any(entry.state in ("stale", "other settings") for entry in stage_status(here))

    stages = {"ccf", "clustering", "trees", "migration", "seeding", "timing", "copy_number", "read"}
    for table, values in Settings().to_dict().items():
        if table not in stages:
            continue
        for name, value in values.items():
            if isinstance(value, (int, float)) and not isinstance(value, bool):
                yield f"[{table}] {name} changed", lambda t=table, n=name, v=value: other(t, n, 2 * v + 1)


def results(ground: Ground) -> Iterator[Try]:
    """Numbers in a result's documents replaced, tables cut short, trees of extreme shape."""

    wrong: list[object] = [math.nan, -5, 100, None, "x", [], {}, 1e308, -1]

    def paths(document: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
        if isinstance(document, dict):
            for key, value in document.items():
                yield from paths(value, (*path, key))
        elif isinstance(document, list):
            for key, value in enumerate(document[:3]):
                yield from paths(value, (*path, key))
        else:
            yield path

    def changed(name: str, path: tuple[Any, ...], value: object) -> bool:
        here = ground.copy()
        document = json.loads((here / name).read_text())
        parent = document
        for step in path[:-1]:
            parent = parent[step]
        parent[path[-1]] = value
        (here / name).write_text(json.dumps(document))
        try:
            found = load_result(here)
        except PhylometaError:
            return True
        # what is read must still be what it claims to be
        weights = float(found.trees.weights.sum()) if found.trees is not None else 1.0
        probability = found.histories.migration_probability if found.histories is not None else None
        is_right = abs(weights - 1) < 1e-3 and (probability is None or bool((probability <= 1 + 1e-6).all()))
        return is_right and (name != "trees/trees.json" or "weight" not in path[-1:])

    for name in ("trees/trees.json", "seeding/histories.json", "seeding/labels.json", "timing/timing.json"):
        document = json.loads((ground.result / name).read_text())
        every = list(paths(document))
        for path in ground.random.sample(every, min(len(every), 30)):
            value = ground.random.choice(wrong)
            yield f"{name} {path} = {value}", lambda n=name, p=path, v=value: changed(n, p, v)

    def cut(name: str, share: float) -> bool:
        here = ground.copy()
        data = (here / name).read_bytes()
        (here / name).write_bytes(data[: int(len(data) * share)])
        status, text = call("report", here, "-o", here.parent / "r.html")
        return is_clean(status, text) and status in (0, 3)

    for name in ("input/variants.tsv.gz", "trees/trees.json", "clusters/clusters.tsv", "input/samples.tsv"):
        for share in (0.0, 0.3, 0.6, 0.99):
            yield f"{name} cut at {share}", lambda n=name, s=share: cut(n, s)

    def chain(n: int) -> bool:
        place = ground.place()
        (place / "t.tree").write_text("".join(f"c{i} c{i + 1}\n" for i in range(n)))
        (place / "t.labeling").write_text("".join(f"c{i} s{i % 3}\n" for i in range(n + 1)))
        status, text = call("migrate", place / "t.tree", place / "t.labeling", "--primary", "s0", "-o", place / "o")
        return is_clean(status, text)

    for n in (10, 300, 1500):
        yield f"chain of {n} clones", lambda n=n: chain(n)
