"""The chain of stages on disk: what each was made of, and which of them no longer fits what it stands on.

``manifest.json`` has a record a stage: digests of the stages and settings that it used and of the files that it made.
A stage is *stale* if one of those it used is another one now, *changed* if its files are not those that it made.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from phylometa.errors import InputError
from phylometa.io.documents import read_json_object
from phylometa.io.files import sha256_of
from phylometa.io.ownership import MANIFEST, list_files, listed_files

__all__ = [
    "STAGE_IS_STEERED_BY",
    "STAGE_TABLES",
    "STAGE_USES",
    "StageStatus",
    "check_upstream",
    "recorded",
    "stage_status",
    "stale_unused",
]

# Stage -> stages whose results it reads, in the order of the run; `report` and `figures` show them all.
STAGE_USES: dict[str, tuple[str, ...]] = {
    "input": (),
    "clusters": ("input",),
    "trees": ("input", "clusters"),
    "copy_number": ("input", "trees"),
    "histories": ("input", "clusters", "trees"),
    "labels": ("input", "clusters", "trees", "copy_number", "histories"),
    "timing": ("input", "clusters", "trees", "histories", "labels"),
    "overview": ("input", "clusters", "trees", "copy_number", "histories", "labels", "timing"),
    "figures": ("input", "clusters", "trees", "copy_number", "histories", "labels", "timing"),
    "report": ("input", "clusters", "trees", "copy_number", "histories", "labels", "timing"),
}
# Stage -> tables of the settings that it reads.
STAGE_TABLES: dict[str, tuple[str, ...]] = {
    "input": ("read",),
    "clusters": ("seed", "ccf", "observation", "clustering", "trees", "origin"),
    "trees": ("seed", "ccf", "observation", "clustering", "trees"),
    "copy_number": ("seed", "copy_number", "comparison"),
    "histories": ("seed", "ccf", "migration", "origin", "trees"),
    "labels": ("migration", "seeding", "comparison", "timing", "trees", "ccf", "clustering", "origin"),
    "timing": ("seed", "timing", "comparison"),
}
# Tables that steer a stage while its results stay right under others: the draws of trees carry the weights of histories
# that they were made with, by which the next stage corrects them.
STAGE_IS_STEERED_BY: dict[str, tuple[str, ...]] = {"trees": ("migration", "origin")}
# Command that makes a stage again in place.
COMMANDS = {"trees": "tree", "histories": "migrate", "labels": "seeding", "timing": "timing"}
COMMANDS |= {"figures": "plot", "report": "report"}
_LABEL_FILES = ("labels.json", "comparison.json", "criteria.tsv")  # of seeding/; the others are the histories'
_FOLDERS = {"input": "input", "clusters": "clusters", "trees": "trees", "copy_number": "copy_number"}
_FOLDERS |= {"timing": "timing", "figures": "figures"}


@dataclass(frozen=True)
class StageStatus:
    """How a stage of a patient's directory stands.

    Parameters
    ----------
    stage : str
    state : {"current", "stale", "other settings", "changed", "unrecorded", "missing"}
        ``other settings``: made with settings that later stages were not made with; ``unrecorded``: by a version that
        kept no records.
    reason : str
        Which of the stages or settings that it used are others now; '' if it is current.
    version : str
        Of phylometa that made it.
    """

    stage: str
    state: str
    reason: str = ""
    version: str = ""


def stage_files(directory: Path, stage: str) -> list[Path]:
    """Files of a stage that are on disk, in fixed order."""
    if stage == "overview":
        names = ("summary.json", "warnings.tsv", "qc.tsv")
        return [directory / name for name in names if (directory / name).is_file()]
    if stage == "report":
        return [path for path in (directory / "report.html",) if path.is_file()]
    if stage in ("histories", "labels"):
        found = sorted(path for path in (directory / "seeding").glob("*") if path.is_file())
        return [path for path in found if (path.name in _LABEL_FILES) == (stage == "labels")]
    return sorted(path for path in (directory / _FOLDERS[stage]).rglob("*") if path.is_file())


def stage_digest(directory: Path, stage: str, listed: Collection[str] | None = None) -> str:
    """SHA-256 over names and bytes of a stage's files (of those `listed`, if given); '' if there are none."""
    files = stage_files(directory, stage)
    if listed is not None:
        files = [path for path in files if path.relative_to(directory).as_posix() in listed]
    if not files:
        return ""
    lines = [f"{path.relative_to(directory).as_posix()} {sha256_of(path)}" for path in files]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _table_digest(settings: Mapping[str, Any], table: str) -> str:
    from phylometa.io.documents import rounded

    text = json.dumps(rounded(settings.get(table)), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def recorded(directory: Path, stages: Iterable[str], settings: Mapping[str, Any]) -> None:
    """Record in the manifest that `stages` were made just now of what is on disk, with `settings`; list their files.

    Parameters
    ----------
    directory : Path
        A patient's directory.
    stages : iterable of str
    settings : mapping
        `phylometa.config.Settings.to_dict`.
    """
    import phylometa
    from phylometa.io.documents import write_json

    manifest = directory / MANIFEST
    document = read_json_object(manifest) if manifest.is_file() else {}
    records = document.setdefault("stages", {})
    stages, listed = tuple(stages), listed_files(directory)
    made = {name: stage_digest(directory, name, None if name in stages else listed) for name in STAGE_USES}
    for stage in stages:
        if not made[stage]:
            records.pop(stage, None)
            continue
        records[stage] = {
            "version": phylometa.__version__,
            "made": made[stage],
            "used": {name: made[name] for name in STAGE_USES[stage]},
            "settings": {table: _table_digest(settings, table) for table in STAGE_TABLES.get(stage, ())},
        }
    write_json(manifest, document)
    names = {path.relative_to(directory).parts[0] for stage in stages for path in stage_files(directory, stage)}
    list_files(directory, *sorted(names))


def stage_status(directory: Path, settings: Mapping[str, Any] | None = None) -> list[StageStatus]:
    """Give the status of every stage of a patient's directory, upstream first.

    Parameters
    ----------
    directory : Path
    settings : mapping, optional
        Settings that count as today's; those of the manifest by default.

    Raises
    ------
    InputError
        The manifest is damaged.
    """
    manifest = directory / MANIFEST
    document = read_json_object(manifest) if manifest.is_file() else {}
    records = document.get("stages")
    records = records if isinstance(records, dict) else {}
    chosen = settings if settings is not None else document.get("settings")
    found: dict[str, StageStatus] = {}
    listed = listed_files(directory) or None
    digests = {name: stage_digest(directory, name, listed) for name in STAGE_USES}
    for stage, uses in STAGE_USES.items():
        record = records.get(stage)
        if not digests[stage]:
            found[stage] = StageStatus(stage, "missing")
            continue
        if not isinstance(record, dict):
            found[stage] = StageStatus(stage, "unrecorded", "no record of what it was made of")
            continue
        version, used, tables = (record.get(name) or {} for name in ("version", "used", "settings"))
        reasons = [f"{name} changed" for name in uses if used.get(name, "") != digests[name]]
        reasons += [
            f"{name} is stale" for name in uses if found[name].state == "stale" and f"{name} changed" not in reasons
        ]
        other = []
        if isinstance(chosen, dict):
            other = [f"settings [{t}] changed" for t, digest in tables.items() if _table_digest(chosen, t) != digest]
        if reasons:
            found[stage] = StageStatus(stage, "stale", ", ".join((*reasons, *other)), str(version))
        elif other:
            found[stage] = StageStatus(stage, "other settings", ", ".join(other), str(version))
        elif record.get("made") != digests[stage]:
            found[stage] = StageStatus(stage, "changed", "files changed since it was made", str(version))
        else:
            found[stage] = StageStatus(stage, "current", "", str(version))
    return list(found.values())


def stale_unused(directory: Path, stage: str) -> frozenset[str]:
    """Find the stages of a patient's directory that are stale and that `stage` does not use."""
    status = {entry.stage: entry.state for entry in stage_status(directory)}
    return frozenset(name for name in status if status[name] == "stale" and name not in STAGE_USES[stage])


def check_upstream(directory: Path, stage: str) -> list[str]:
    """Refuse to build on stale results: those that `stage` uses must fit one another.

    Returns
    -------
    list of str
        Warnings: stages whose files were changed by hand, which are used as they are.

    Raises
    ------
    InputError
        Naming every stale stage, why it is, and the commands that mend it, in order.
    """
    status = {entry.stage: entry for entry in stage_status(directory)}
    stale = [status[name] for name in STAGE_USES[stage] if status[name].state == "stale"]
    if stale:
        remedy = [f"phylometa {COMMANDS[e.stage]} {directory}" for e in stale if e.stage in COMMANDS]
        if any(entry.stage not in COMMANDS for entry in stale):
            remedy = ["`phylometa run` again"]
        words = "; ".join(f"{entry.stage} ({entry.reason})" for entry in stale)
        raise InputError(f"stale: {words}. Make them again first: {', then '.join(remedy)}", file=str(directory))
    notes = {"changed": "files changed since phylometa wrote them; used as they are"}
    doubtful = [status[name] for name in STAGE_USES[stage] if status[name].state in ("changed", "other settings")]
    return [
        f"{entry.stage}: {notes.get(entry.state, f'made before {entry.reason}; used as it is')}" for entry in doubtful
    ]
