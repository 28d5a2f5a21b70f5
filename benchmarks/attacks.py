"""Attacks on everything but the readers of input: python benchmarks/attacks.py [--seed 1] [--few].

Prints the table of docs/reliability.md: kinds of fault, tries, and how many were held. A try is held if it ends as
it must: refused with a message that names what is wrong, or done with nothing of anybody else's changed. Not held are
an internal error, a file lost, and a wrong answer that nobody is told of. `--few` makes a few tries of every kind.
(`benchmarks/fuzz_inputs.py` damages input files; `benchmarks/concurrency.py` kills processes.)
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import errno
import io
import json
import math
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any, get_type_hints
from unittest import mock

from phylometa.cli import _invoke
from phylometa.config import Settings
from phylometa.errors import BusyError, InputError, PhylometaError
from phylometa.io.ownership import listed_files, locked, remove_leftovers, replace_directory
from phylometa.io.stage_records import stage_status
from phylometa.io.tsv import read_tsv, write_tsv
from phylometa.pipeline.stages import load_result
from phylometa.reference.setting_rules import Checked, Letters, Range, rule_of

Try = tuple[str, Callable[[], bool]]
SHEET_HEAD = "patient\tsample\tsite\tsite_type\tcounts\tpurity\tcollection_date\tdiagnosis_date\n"


def call(*arguments: object) -> tuple[int, str]:
    """Exit status and everything printed of a command."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = _invoke([str(argument) for argument in arguments])
    return status, out.getvalue() + err.getvalue()


def is_clean(status: int, text: str) -> bool:
    """No internal error and no blame on ourselves."""
    return "internal error" not in text and "defect" not in text and "Traceback" not in text


def snapshot(folder: Path) -> dict[str, bytes]:
    """Every file below a folder with its bytes."""
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file() and not path.is_symlink()}


class Attacks:
    """All groups; `folder` is scratch, `result` a finished patient's directory, `sheet` its sheet."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder, self.random, self.number = folder, random.Random(seed), 0
        simulate = ("pattern=polyclonal", "distant_sites=2", "mutation_rate=0.0002", "primary_clones=3", "patient=P")
        settings = [text for pair in simulate for text in ("--set", pair)]
        assert call("simulate", "-o", folder / "patient", *settings)[0] == 0
        self.sheet = folder / "patient/samples.tsv"
        assert call("run", self.sheet, "-o", folder / "out", "--no-plots")[0] == 0
        self.result = folder / "out/P"

    def place(self) -> Path:
        self.number += 1
        path = self.folder / f"try{self.number}"
        path.mkdir()
        return path

    def copy(self) -> Path:
        return Path(shutil.copytree(self.result, self.place() / "P"))

    # 1
    def locks(self) -> Iterator[Try]:
        def killed_in(text: str, age: float, is_free: bool) -> bool:
            target = self.place() / "P"
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
            folder, inside, most = self.place(), Counter(), []

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
            folder = self.place()
            with locked(folder / "P"), replace_directory(folder / "P") as partial:
                (partial / "x").write_text("x")
                remove_leftovers(folder)
                if not partial.exists():
                    return False
            return (folder / "P/x").exists()

        yield "clean-up beside a live writer", live_partial

    # 2
    def foreign(self) -> Iterator[Try]:
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
            ("run", "{sheet}", "-o", "{above}", "--resume", "--no-plots", "--seed", "2"),
            ("run", "{sheet}", "-o", "{above}", "--force", "--no-plots"),
            ("cluster", "{here}/input/counts.tsv", "-o", "{here}", "--force"),
            ("simulate", "-o", "{here}", "--force"),
            ("plot", "{here}", "--force"),
            ("tree", "{here}", "--force"),
        )

        def attack(name: str, command: tuple[str, ...]) -> bool:
            here = self.copy()
            mine = here / name
            mine.parent.mkdir(parents=True, exist_ok=True)
            mine.write_text("mine")
            words = {"sheet": self.sheet, "above": here.parent, "here": here}
            status, text = call(*(part.format(**words) for part in command))
            return is_clean(status, text) and mine.read_text() == "mine"

        for name in names:
            for command in commands[:4]:
                yield f"{name}: {' '.join(command[:1])}", lambda n=name, c=command: attack(n, c)

        def emptied(name: str, text: str) -> bool:
            here = self.copy()
            (here / "mine").write_text("mine")
            (here / name).write_text(text)
            status, printed = call("run", self.sheet, "-o", here.parent, "--resume", "--no-plots")
            return is_clean(status, printed) and status != 0 and (here / "mine").read_text() == "mine"

        for name in ("summary.json", "manifest.json"):
            for text in ("{}", "", "[]", '{"files": {"mine": "0"}}', "null"):
                yield f"{name} = {text}", lambda n=name, t=text: emptied(n, t)

        def cohort_table(name: str) -> bool:
            here = self.place()
            (here / name).write_text("mine")
            rows = self.sheet.read_text().splitlines()
            second = [row.replace("P", "Q", 1) for row in rows[1:]]
            sheet = self.sheet.with_name("two.tsv")
            sheet.write_text("\n".join([*rows, *second]) + "\n")
            status, text = call("run", sheet, "-o", here, "--resume", "--no-plots")
            return is_clean(status, text) and status == 2 and (here / name).read_text() == "mine"

        for name in ("cohort.tsv", "index.html", "frequencies.tsv", "manifest.json", "phylometa_mqc.tsv"):
            yield f"the user's {name}", lambda n=name: cohort_table(n)

        def hidden(name: str) -> bool:
            here = self.place()
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

    # 3
    def streams(self) -> Iterator[Try]:
        def through(kind: str, command: tuple[object, ...]) -> bool:
            place = self.place()
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

        cases = self.folder / "cases.json"
        cases.write_text(json.dumps({"cases": []}))
        table = self.folder / "divergence.tsv"
        table.write_text("patient\tmetastasis\tL_p\tL_m\tW_s\nP1\tM1\t5\t10\t2\n")
        commands = (
            ("counts", self.sheet),
            ("seeding", cases),
            ("timing", "--table", table),
            ("report", self.result),
        )
        for kind in ("fifo", "null", "link", "directory"):
            for command in commands:
                yield f"{command[0]} to a {kind}", lambda k=kind, c=command: through(k, c)

    # 5
    def settings(self) -> Iterator[Try]:
        path = self.folder / "settings.toml"

        def toml(table: str, name: str, value: object) -> bool:
            text = str(value) if isinstance(value, float) and not math.isfinite(value) else json.dumps(value)
            path.write_text(f"[{table}]\n{name} = {text}\n")
            status, printed = call("run", self.sheet, "-o", self.folder / "never", "--config", path)
            return status == 3 and f"{table}.{name}: " in printed and is_clean(status, printed)

        def python(kind: Any, name: str, value: object) -> bool:
            try:
                kind(**{name: value})
            except InputError as error:
                return error.problems[0].column == name
            return False

        tables = {item.name: type(getattr(Settings(), item.name)) for item in fields(Settings)}
        for table, kind in tables.items():
            if not (isinstance(kind, type) and issubclass(kind, Checked)):
                continue
            for name, hint in get_type_hints(kind, include_extras=True).items():
                rule = rule_of(hint)
                if rule is None:
                    continue
                limit = rule.limit
                wrong: list[object] = ["XYZ", [], [1]]
                if rule.kind is str and not rule.choices and not isinstance(limit, Letters):
                    wrong = [1, [], True]
                if rule.kind is tuple:
                    wrong = ["XYZ", [[1]], 3]
                if isinstance(limit, Range):
                    below = limit.low if limit.above else limit.low / 2 if limit.zero else limit.low - 1
                    wrong += [math.nan, -math.inf, -1e300, below]
                    if limit.high < math.inf:
                        wrong += [math.inf, limit.high * 2 + 1]
                for value in wrong:
                    yield f"[{table}] {name} = {value}", lambda t=table, n=name, v=value: toml(t, n, v)
                    yield f"{kind.__name__}({name}={value})", lambda k=kind, n=name, v=value: python(k, n, v)
        for option, value in (("--seed", "-1"), ("--seed", "x"), ("--jobs", "0"), ("--cn-missing", "perhaps")):
            yield f"run {option} {value}", lambda o=option, v=value: call("run", self.sheet, "-o", "x", o, v)[0] == 2
        for value in ("XYZ", "", "UU", "U M", "1", "umx"):
            arguments = ("seeding", self.folder / "cases.json", "-o", "-", "--criteria", value)
            yield (
                f"--criteria {value!r}",
                lambda a=arguments: (found := call(*a))[0] == 2 and "--criteria" in found[1] and is_clean(*found),
            )

    # 6
    def stages(self) -> Iterator[Try]:
        def edited(name: str) -> bool:
            here = self.copy()
            (here / name).write_bytes((here / name).read_bytes() + b"\n")
            status, _ = call("status", here)
            return status == 3

        for name in listed_files(self.result):
            if not name.startswith(("report", "figures")) and name != "run.log":
                yield f"{name} edited", lambda n=name: edited(n)

        def other(table: str, name: str, value: object) -> bool:
            here = self.copy()
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

    # 7
    def results(self) -> Iterator[Try]:
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
            here = self.copy()
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
            document = json.loads((self.result / name).read_text())
            every = list(paths(document))
            for path in self.random.sample(every, min(len(every), 30)):
                value = self.random.choice(wrong)
                yield f"{name} {path} = {value}", lambda n=name, p=path, v=value: changed(n, p, v)

        def cut(name: str, share: float) -> bool:
            here = self.copy()
            data = (here / name).read_bytes()
            (here / name).write_bytes(data[: int(len(data) * share)])
            status, text = call("report", here, "-o", here.parent / "r.html")
            return is_clean(status, text) and status in (0, 3)

        for name in ("input/variants.tsv.gz", "trees/trees.json", "clusters/clusters.tsv", "input/samples.tsv"):
            for share in (0.0, 0.3, 0.6, 0.99):
                yield f"{name} cut at {share}", lambda n=name, s=share: cut(n, s)

        def chain(n: int) -> bool:
            place = self.place()
            (place / "t.tree").write_text("".join(f"c{i} c{i + 1}\n" for i in range(n)))
            (place / "t.labeling").write_text("".join(f"c{i} s{i % 3}\n" for i in range(n + 1)))
            status, text = call("migrate", place / "t.tree", place / "t.labeling", "--primary", "s0", "-o", place / "o")
            return is_clean(status, text)

        for n in (10, 300, 1500):
            yield f"chain of {n} clones", lambda n=n: chain(n)

    # 8
    def environment(self) -> Iterator[Try]:
        causes = ("ENOSPC", "EDQUOT", "EROFS", "EACCES", "EIO", "EMFILE", "ENOMEM", "ESTALE", "ENAMETOOLONG")

        def failing(name: str, after: int) -> bool:
            here, number, count = self.copy(), getattr(errno, name), Counter()
            write = Path.write_text

            def broken(path: Path, *arguments: Any, **options: Any) -> int:
                count["n"] += 1
                if count["n"] > after:
                    raise OSError(number, os.strerror(number), str(path))
                return write(path, *arguments, **options)

            before = snapshot(here)
            with mock.patch.object(Path, "write_text", broken):
                status, text = call("report", here)
            return is_clean(status, text) and status in (0, 1) and (status == 0 or snapshot(here) == before)

        for name in causes:
            for after in range(6):
                yield f"{name} after {after} writes", lambda n=name, a=after: failing(n, a)

        def shell(line: str, status: int) -> bool:
            command = line.format(python=sys.executable, sheet=self.sheet, result=self.result)
            done = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
            return done.returncode == status and is_clean(done.returncode, done.stderr)

        run = "{python} -m phylometa"
        for line, status in (
            (f"{run} status {{result}} > /dev/full", 1),
            (f"{run} counts {{sheet}} -o - > /dev/full", 1),
            (f"{run} status {{result}} >&-", 1),
            (f"{run} counts {{sheet}} -o - >&-", 1),
            (f"{run} status {{result}} 2>&-", 0),
            (f"{run} status {{result}} <&-", 0),
            (f"PYTHONIOENCODING=latin-1 {run} validate {{sheet}}", 0),
            (f"LC_ALL=C PYTHONUTF8=0 PYTHONCOERCECLOCALE=0 {run} validate {{sheet}}", 0),
        ):
            yield line, lambda li=line, s=status: shell(li, s)

    # 9
    def inputs_without_end(self) -> Iterator[Try]:
        def piped(column: str) -> bool:
            place = self.place()
            os.mkfifo(place / "pipe")
            cells = {"counts": "counts.tsv", column: "pipe"}
            (place / "counts.tsv").write_text("mutation_id\tsample_id\tref_counts\talt_counts\nm\tA\t5\t5\n")
            names = list(dict.fromkeys(["patient", "sample", "site", *cells]))
            values = {"patient": "P", "sample": "A", "site": "s", **cells}
            if column in ("vcf", "maf"):
                values["counts"] = ""
            (place / "s.tsv").write_text("\t".join(names) + "\n" + "\t".join(values[name] for name in names) + "\n")
            status, text = call("validate", place / "s.tsv")
            return status == 3 and "pipe" in text

        for column in ("counts", "vcf", "maf", "cn_segments", "purity_file"):
            yield f"{column} is a pipe", lambda c=column: piped(c)
        for option in ("--treatments", "--lesions", "--genes", "--config"):

            def given(option: str = option) -> bool:
                place = self.place()
                os.mkfifo(place / "pipe")
                status, text = call("validate", self.sheet, option, place / "pipe")
                return status == 3 and is_clean(status, text)

            yield f"{option} is a pipe", given

        def bomb(name: str, line: bytes, size: int) -> bool:
            import gzip

            place = self.place()
            with gzip.open(place / name, "wb", compresslevel=1) as handle:
                head = (
                    b"##fileformat=VCFv4.2\n" if "vcf" in name else b"mutation_id\tsample_id\tref_counts\talt_counts\n"
                )
                handle.write(head)
                for _ in range(size):
                    handle.write(line * 100_000)
            column = "vcf" if "vcf" in name else "counts"
            (place / "s.tsv").write_text(f"patient\tsample\tsite\t{column}\nP\tA\ts\t{name}\n")
            status, text = call("validate", place / "s.tsv")
            return status == 3 and is_clean(status, text)

        for name in ("c.tsv.gz", "c.vcf.gz"):
            for line in (b"\n", b"\r\n", b"#\n", b" \n", b"\t\n"):
                yield f"{name} of {line!r}", lambda n=name, li=line: bomb(n, li, 20)

    # 10
    def cells(self) -> Iterator[Try]:
        signs = ("=1+1", "+1", "-x", "@SUM(A1)", "=cmd|' /C calc'!A0", "\t=1", "'=1", "''=x", "-", "=", "x=1", "é=1")

        def table(text: str) -> bool:
            path = self.place() / "t.tsv"
            write_tsv(path, ["a", text], [[text, 1], ["b", -2.5]])
            with path.open(newline="") as handle:
                cells = [cell for row in csv.reader(handle, delimiter="\t") for cell in row if cell]
            is_safe = not any(cell[0] in "=+@" or (cell[0] == "-" and cell != "-2.5") for cell in cells)
            return (
                is_safe and [row["a"] for row in read_tsv(path)] == [text, "b"] and text in next(iter(read_tsv(path)))
            )

        for text in signs:
            yield f"cell {text!r}", lambda t=text: table(t)

        def name(column: str, text: str) -> bool:
            place = self.place()
            (place / "c.tsv").write_text("mutation_id\tsample_id\tref_counts\talt_counts\nm\tA\t50\t50\n")
            row = {"patient": "P", "sample": "A", "site": "s", column: text}
            head = "patient\tsample\tsite\tcounts\n"
            (place / "s.tsv").write_text(head + "\t".join(row.values()) + "\tc.tsv\n", encoding="utf-8", newline="")
            status, printed = call("validate", place / "s.tsv")
            return status == 3 and is_clean(status, printed)

        for code in (*range(1, 9), *range(14, 28), 127, *range(128, 133), *range(134, 160), 0x61C, 0x200E, 0x200F):
            yield f"patient with U+{code:04X}", lambda c=code: name("patient", f"P{chr(c)}x")
        for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0xFEFF):
            for column in ("patient", "site"):
                yield f"{column} with U+{code:04X}", lambda c=code, k=column: name(k, f"a{chr(c)}b")

        def converted(target: str, site: str) -> bool:
            place = self.place()
            (place / "x.tree").write_text("R\tA\n")
            (place / "x.labeling").write_text(f"R\tP\nA\t{site}\n")
            out = place / "y.tree"
            status, text = call("convert", "--from", "mach2", "--to", target, place / "x.tree", "-o", out)
            if status != 0:
                return status == 3 and is_clean(status, text)
            again = call("migrate", out, out.with_suffix(".labeling"), "--primary", "P", "-o", place / "o")
            return again[0] == 0

        for target in ("machina", "mach2"):
            for site in ("lung", "left lung", "lung ", "a\u00a0b", "x\u2003y", "lymph node 2"):
                yield f"convert to {target}: {site!r}", lambda t=target, s=site: converted(t, s)

    # 11
    def matches(self) -> Iterator[Try]:
        def warned(option: str, text: str, words: str) -> bool:
            place = self.place()
            (place / "t.tsv").write_text(text)
            status, printed = call("validate", self.sheet, option, place / "t.tsv")
            return status == 0 and words in printed

        for name in ("Q", "p", "P ", "P01", "PP", "P-1"):
            stray = name.strip() != "P"
            rows = f"patient\tkind\tstart\n{name}\tchemo\t2020-01-01\n"
            words = "no patients of the sheet" if stray else ""
            yield f"treatments of {name!r}", lambda t=rows, w=words: warned("--treatments", t, w)
            rows = f"patient\tsite\tdate\tdiameter_cm\n{name}\tprimary\t2020-01-01\t2\n"
            yield f"lesions of {name!r}", lambda t=rows, w=words: warned("--lesions", t, w)
        for genes in ("ENSG00000141510", "tp53", "7157", "NOSUCHGENE", "TP53.1"):
            yield f"genes {genes}", lambda g=genes: warned("--genes", f"{g}\n", "gene")

        def dates(taken: str, found: str, is_odd: bool) -> bool:
            place = self.place()
            rows = "".join(f"m{i}\tA\t50\t50\n" for i in range(3))
            (place / "c.tsv").write_text("mutation_id\tsample_id\tref_counts\talt_counts\n" + rows)
            (place / "s.tsv").write_text(SHEET_HEAD + f"P\tA\ts\tprimary\tc.tsv\t0.8\t{taken}\t{found}\n")
            status, text = call("validate", place / "s.tsv")
            return status == 0 and ("check both dates" in text) == is_odd

        for years in range(1, 20):
            yield f"diagnosis {years} years late", lambda y=years: dates("2000-01-01", f"{2000 + y}-06-01", True)
            yield f"sample {years} years later", lambda y=years: dates(f"{2000 + y}-01-01", "2000-06-01", False)


GROUPS = {
    "parallel jobs into one directory": Attacks.locks,
    "files of somebody else": Attacks.foreign,
    "targets that are no files": Attacks.streams,
    "settings outside their range": Attacks.settings,
    "stages that no longer fit": Attacks.stages,
    "results damaged or changed": Attacks.results,
    "disk, streams, permissions": Attacks.environment,
    "inputs without an end": Attacks.inputs_without_end,
    "formulas, control characters, blanks": Attacks.cells,
    "tables that match nothing, dates": Attacks.matches,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--few", action="store_true")
    options = parser.parse_args()
    failed: list[str] = []
    total = 0
    print("| kind of fault | tries | held |\n|---|---|---|")
    with tempfile.TemporaryDirectory() as scratch:
        attacks = Attacks(Path(scratch), options.seed)
        for group, make in GROUPS.items():
            tries = list(make(attacks))
            if options.few:
                tries = attacks.random.sample(tries, min(len(tries), 6))
            wrong = []
            for name, attack in tries:
                try:
                    is_held = attack()
                except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever it is, it was not held
                    is_held, name = False, f"{name}: {type(error).__name__}: {error}"
                if not is_held:
                    wrong.append(f"{group}: {name}")
            print(f"| {group} | {len(tries)} | {len(tries) - len(wrong)} |", flush=True)
            failed += wrong
            total += len(tries)
    print(f"| all | {total} | {total - len(failed)} |")
    for text in failed:
        print(f"not held: {text}", file=sys.stderr)
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
