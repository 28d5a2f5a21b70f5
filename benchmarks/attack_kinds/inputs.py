"""Inputs that have no end, carry code, or match nothing."""

from __future__ import annotations

import csv
import gzip
import os
from collections.abc import Iterator

from attack_kinds.ground import Ground, Try, call, is_clean
from phylometa.io.tsv import read_tsv, write_tsv

SHEET_HEAD = "patient\tsample\tsite\tsite_type\tcounts\tpurity\tcollection_date\tdiagnosis_date\n"


def inputs_without_end(ground: Ground) -> Iterator[Try]:
    """Pipes as input, archives that expand without end."""

    def piped(column: str) -> bool:
        place = ground.place()
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
            place = ground.place()
            os.mkfifo(place / "pipe")
            status, text = call("validate", ground.sheet, option, place / "pipe")
            return status == 3 and is_clean(status, text)

        yield f"{option} is a pipe", given

    def bomb(name: str, line: bytes, size: int) -> bool:

        place = ground.place()
        with gzip.open(place / name, "wb", compresslevel=1) as handle:
            head = b"##fileformat=VCFv4.2\n" if "vcf" in name else b"mutation_id\tsample_id\tref_counts\talt_counts\n"
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


def cells(ground: Ground) -> Iterator[Try]:
    """Cells that a spreadsheet runs, names with control and direction marks, names that other formats cut."""

    signs = ("=1+1", "+1", "-x", "@SUM(A1)", "=cmd|' /C calc'!A0", "\t=1", "'=1", "''=x", "-", "=", "x=1", "é=1")

    def table(text: str) -> bool:
        path = ground.place() / "t.tsv"
        write_tsv(path, ["a", text], [[text, 1], ["b", -2.5]])
        with path.open(newline="") as handle:
            cells = [cell for row in csv.reader(handle, delimiter="\t") for cell in row if cell]
        is_safe = not any(cell[0] in "=+@" or (cell[0] == "-" and cell != "-2.5") for cell in cells)
        return is_safe and [row["a"] for row in read_tsv(path)] == [text, "b"] and text in next(iter(read_tsv(path)))

    for text in signs:
        yield f"cell {text!r}", lambda t=text: table(t)

    def name(column: str, text: str) -> bool:
        place = ground.place()
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
        place = ground.place()
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


def matches(ground: Ground) -> Iterator[Try]:
    """Tables that match no patient or gene, dates that cannot be."""

    def warned(option: str, text: str, words: str) -> bool:
        place = ground.place()
        (place / "t.tsv").write_text(text)
        status, printed = call("validate", ground.sheet, option, place / "t.tsv")
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
        place = ground.place()
        rows = "".join(f"m{i}\tA\t50\t50\n" for i in range(3))
        (place / "c.tsv").write_text("mutation_id\tsample_id\tref_counts\talt_counts\n" + rows)
        (place / "s.tsv").write_text(SHEET_HEAD + f"P\tA\ts\tprimary\tc.tsv\t0.8\t{taken}\t{found}\n")
        status, text = call("validate", place / "s.tsv")
        return status == 0 and ("check both dates" in text) == is_odd

    for years in range(1, 20):
        yield f"diagnosis {years} years late", lambda y=years: dates("2000-01-01", f"{2000 + y}-06-01", True)
        yield f"sample {years} years later", lambda y=years: dates(f"{2000 + y}-01-01", "2000-06-01", False)
