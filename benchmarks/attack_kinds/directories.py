"""Whose files: locks, files of somebody else, targets that are no files."""

from __future__ import annotations

import json
import os
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from attack_kinds.ground import Ground, Try, call, is_clean
from phylometa.errors import BusyError
from phylometa.io.ownership import locked, remove_leftovers, replace_directory


def locks(ground: Ground) -> Iterator[Try]:
    """Locks of every age and host, threads at once, a clean-up beside a live writer."""

    def killed_in(text: str, age: float, is_free: bool) -> bool:
        target = ground.place() / "P"
        lock = target.with_name(".P.lock")
        lock.write_text(text)
        os.utime(lock, (lock.stat().st_mtime - age,) * 2)
        try:
            with locked(target, wait=False):
                return is_free
        except BusyError:
            return not is_free and lock.exists()

    for age in (0.0, 100.0, 250.0, 400.0, 1e6):
        for host, pid in (("elsewhere", 1), ("elsewhere", os.getpid()), ("node-7.cluster", 99999)):
            text = json.dumps({"pid": pid, "host": host, "start": "1"})
            yield f"lock of {host}, {age} s", lambda t=text, a=age: killed_in(t, a, a > 300)
    for text in ("", "{", "[]", "null", '{"pid": -1}', '{"pid": "x", "host": 3, "start": []}', "\0" * 50):
        yield f"lock {text!r}", lambda t=text: killed_in(t, 10.0, True)

    def at_once(n: int) -> bool:
        folder, inside, most = ground.place(), Counter(), []

        def work() -> None:
            for _ in range(5):
                with locked(folder / "P"):
                    inside["now"] += 1
                    most.append(inside["now"])
                    inside["now"] -= 1

        threads = [threading.Thread(target=work) for _ in range(n)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return max(most) == 1 and not list(folder.iterdir())

    for n in (2, 3, 5, 8):
        yield f"{n} threads", lambda n=n: at_once(n)

    def live_partial() -> bool:
        folder = ground.place()
        with locked(folder / "P"), replace_directory(folder / "P") as partial:
            (partial / "x").write_text("x")
            remove_leftovers(folder)
            if not partial.exists():
                return False
        return (folder / "P/x").exists()

    yield "clean-up beside a live writer", live_partial


def foreign(ground: Ground) -> Iterator[Try]:
    """Files of the user in and beside a result, and commands that would replace it."""

    names = (
        "notes.txt",
        "my_curated/table.tsv",
        "my_raw_data.bam",
        "trees/mine.nwk",
        "figures/mine.svg",
        ".hidden",
    )
    names += ("seeding/.old-1/x", ".P.partial-x/y", "input/raw.vcf", "deep/a/b/c", "report.html.bak", "ünï cöde")
    commands: tuple[tuple[str, ...], ...] = (
        ("run", "{sheet}", "-o", "{above}", "--resume", "--no-plots", "--config", "{quick}", "--seed", "2"),
        ("run", "{sheet}", "-o", "{above}", "--force", "--no-plots", "--config", "{quick}"),
        ("cluster", "{here}/input/counts.tsv", "-o", "{here}", "--force"),
        ("simulate", "-o", "{here}", "--force"),
        ("plot", "{here}", "--force", "--figure", "timeline", "--format", "svg"),
        ("tree", "{here}", "--force"),
    )

    def attack(name: str, command: tuple[str, ...]) -> bool:
        here = ground.copy()
        mine = here / name
        mine.parent.mkdir(parents=True, exist_ok=True)
        mine.write_text("mine")
        words = {"sheet": ground.sheet, "above": here.parent, "here": here, "quick": ground.quick}
        status, text = call(*(part.format(**words) for part in command))
        return is_clean(status, text) and mine.read_text() == "mine"

    for name in names:
        for command in commands:
            yield f"{name}: {command[0]}", lambda n=name, c=command: attack(n, c)

    def emptied(name: str, text: str) -> bool:
        here = ground.copy()
        (here / "mine").write_text("mine")
        (here / name).write_text(text)
        command = ("run", ground.sheet, "-o", here.parent, "--resume", "--no-plots", "--config", ground.quick)
        status, printed = call(*command)
        return is_clean(status, printed) and status != 0 and (here / "mine").read_text() == "mine"

    for name in ("summary.json", "manifest.json"):
        for text in ("{}", "", "[]", '{"files": {"mine": "0"}}', "null"):
            yield f"{name} = {text}", lambda n=name, t=text: emptied(n, t)

    def cohort_table(name: str) -> bool:
        here = ground.place()
        (here / name).write_text("mine")
        rows = ground.sheet.read_text().splitlines()
        second = [row.replace("P", "Q", 1) for row in rows[1:]]
        sheet = ground.sheet.with_name("two.tsv")
        sheet.write_text("\n".join([*rows, *second]) + "\n")
        status, text = call("run", sheet, "-o", here, "--resume", "--no-plots", "--config", ground.quick)
        return is_clean(status, text) and status == 2 and (here / name).read_text() == "mine"

    for name in ("cohort.tsv", "index.html", "frequencies.tsv", "manifest.json", "phylometa_mqc.tsv"):
        yield f"the user's {name}", lambda n=name: cohort_table(n)

    def hidden(name: str) -> bool:
        here = ground.place()
        (here / name).mkdir()
        (here / name / "data").write_text("mine")
        remove_leftovers(here)
        with locked(here / "P"):
            pass
        return (here / name / "data").read_text() == "mine"

    for name in (
        ".backup.old-2020",
        ".P.partial-mine",
        ".P.old-1",
        ".x.partial-",
        ".P.lock.d",
        ".P.partial-abcd1234",
    ):
        yield name, lambda n=name: hidden(n)


def streams(ground: Ground) -> Iterator[Try]:
    """Devices, FIFOs, links and directories as the target of a command."""

    def through(kind: str, command: tuple[object, ...]) -> bool:
        place = ground.place()
        target, found = place / "target", []
        reader = None
        if kind == "fifo":
            os.mkfifo(target)
            reader = threading.Thread(target=lambda: found.append(target.read_bytes()), daemon=True)
            reader.start()
        elif kind == "link":
            (place / "real").write_text("old")
            target.symlink_to("real")
        elif kind == "directory":
            target.mkdir()
            (target / "mine").write_text("mine")
        elif kind == "null":
            target = Path("/dev/null")
        before = target.lstat().st_mode
        status, text = call(*command, "-o", target, "--force")
        if reader is not None:
            reader.join(20)
        same = target.lstat().st_mode == before
        if kind == "directory":
            return is_clean(status, text) and status == 2 and (target / "mine").exists()
        return is_clean(status, text) and status == 0 and same and (kind != "fifo" or bool(found and found[0]))

    cases = ground.folder / "cases.json"
    cases.write_text(json.dumps({"cases": []}))
    table = ground.folder / "divergence.tsv"
    table.write_text("patient\tmetastasis\tL_p\tL_m\tW_s\nP1\tM1\t5\t10\t2\n")
    commands = (
        ("counts", ground.sheet),
        ("seeding", cases),
        ("timing", "--table", table),
        ("report", ground.result),
    )
    for kind in ("fifo", "null", "link", "directory"):
        for command in commands:
            yield f"{command[0]} to a {kind}", lambda k=kind, c=command: through(k, c)
