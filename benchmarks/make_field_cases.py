"""More small patients of the kinds of PHYLOMETA_DATA/field_cases, drawn at random.

    python benchmarks/make_field_cases.py FOLDER [--sets 2] [--seed 1]

Writes FOLDER/<set>/<case>/ with samples.tsv, counts or VCFs and truth.txt, in the layout of the bundled cases, one of
each kind in a set. Within a set all cases of the standard design share proportions, mutations and reads, so that what
one situation changes can be read off against `clean`. Standard design: trunk T; A and B below T; C below B; D below C;
E below A; two regions of the primary, a lymph node founded by B and a liver metastasis founded by C.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

ERROR = 0.001
COLUMNS = "mutation_id\tsample_id\tref_counts\talt_counts"
COPY_NUMBER = "\tmajor_cn\tminor_cn\tnormal_cn\ttumour_content"
BASES = ("C:T", "G:A", "T:G", "C:A")
Sample = tuple[str, str, str]
STANDARD: tuple[Sample, ...] = (
    ("P1", "colon", "primary"),
    ("P2", "colon", "primary"),
    ("LN", "node", "lymph_node"),
    ("M1", "liver", "metastasis"),
)
PAIR: tuple[Sample, ...] = (STANDARD[0], STANDARD[1], STANDARD[3])


class Design(NamedTuple):
    """What the cases of a set share."""

    purity: float
    depth: float
    sizes: dict[str, int]
    prevalence: dict[str, dict[str, float]]


class Group(NamedTuple):
    """Mutations of one clone: how many, on which chromosome, mutated copies of (major, minor) in each sample."""

    clone: str
    n: int
    ccf: Mapping[str, float]
    copies: Mapping[str, tuple[int, int]]
    multiplicity: Mapping[str, int]
    chrom: str = ""
    normal: int = 2


def draw_design(rng: np.random.Generator) -> Design:
    a1, b1, e2, b_node, d = rng.uniform([0.5, 0.22, 0.5, 0.85, 0.4], [0.65, 0.32, 0.65, 0.95, 0.6])
    prevalence = {
        "T": dict.fromkeys(("P1", "P2", "LN", "M1"), 1.0),
        "A": {"P1": a1, "P2": e2 + 0.3},
        "B": {"P1": b1, "LN": b_node, "M1": 1.0},
        "C": {"M1": 1.0},
        "D": {"M1": d},
        "E": {"P2": e2},
    }
    sizes = {clone: int(rng.integers(*((20, 36) if clone == "T" else (9, 15)))) for clone in prevalence}
    return Design(float(rng.uniform(0.6, 0.85)), float(rng.uniform(100, 150)), sizes, prevalence)


def plain(clone: str, n: int, ccf: Mapping[str, float], names: Sequence[str]) -> Group:
    """Mutations on one of two copies."""
    return Group(clone, n, ccf, dict.fromkeys(names, (1, 1)), dict.fromkeys(names, 1))


def standard_groups(design: Design) -> list[Group]:
    names = [name for name, *_ in STANDARD]
    return [plain(clone, design.sizes[clone], ccf, names) for clone, ccf in design.prevalence.items()]


def write_case(
    folder: Path,
    samples: Sequence[Sample],
    groups: Sequence[Group],
    rng: np.random.Generator,
    *,
    purity: float,
    depth: float,
    stated: float | None = None,
    sheet: Mapping[str, Mapping[str, str]] | None = None,
    has_copy_number: bool = True,
    copied: Mapping[str, str] | None = None,
) -> list[tuple[str, dict[str, tuple[int, int]]]]:
    """Write counts.tsv, samples.tsv and truth.txt; returns the reads of every mutation.

    `stated`: purity of the sheet, if not the true one; `sheet`: more columns, by sample; `copied`: samples with the
    reads of another.
    """
    folder.mkdir(parents=True, exist_ok=True)
    names = [name for name, *_ in samples]
    lines, truth, reads = [COLUMNS + COPY_NUMBER * has_copy_number], [], []
    for group in groups:
        for i in range(group.n):
            place = len(reads)
            chrom = group.chrom or str(place % 21 + 2)
            mutation = f"{chrom}:{1_000_000 + 37_123 * (place + 1)}:{BASES[i % 4]}"
            truth.append(f"{mutation}\t{group.clone}")
            own: dict[str, tuple[int, int]] = {}
            for name in names:
                total = sum(group.copies[name])
                molecules = purity * total + (1 - purity) * group.normal
                vaf = purity * group.ccf.get(name, 0.0) * group.multiplicity[name] / molecules
                n = int(rng.poisson(depth))
                alt = int(rng.binomial(n, vaf * (1 - ERROR) + (1 - vaf) * ERROR))
                own[name] = (n - alt, alt)
            for name, source in (copied or {}).items():
                own[name] = own[source]
            reads.append((mutation, own))
            for name in names:
                line = f"{mutation}\t{name}\t{own[name][0]}\t{own[name][1]}"
                if has_copy_number:
                    major, minor = group.copies[name]
                    line += f"\t{major}\t{minor}\t{group.normal}\t{purity if stated is None else stated:.3f}"
                lines.append(line)
    (folder / "counts.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "truth.txt").write_text("\n".join(truth) + "\n", encoding="utf-8")
    more = list(dict.fromkeys(column for cells in (sheet or {}).values() for column in cells))
    header = ["patient", "sample", "site", "site_type", "counts", *more]
    rows = []
    for sample in samples:
        cells = (sheet or {}).get(sample[0], {})
        rows.append(["P", *sample, "counts.tsv", *(cells.get(column, "") for column in more)])
    text = "\n".join("\t".join(row) for row in (header, *rows)) + "\n"
    (folder / "samples.tsv").write_text(text, encoding="utf-8")
    return reads


def clean(folder: Path, design: Design, rng: np.random.Generator) -> None:
    write_case(folder, STANDARD, standard_groups(design), rng, purity=design.purity, depth=design.depth)


def purity_understated(folder: Path, design: Design, rng: np.random.Generator) -> None:
    stated = design.purity - 0.3
    write_case(folder, STANDARD, standard_groups(design), rng, purity=design.purity, depth=design.depth, stated=stated)


def excluded(folder: Path, design: Design, rng: np.random.Generator) -> None:
    groups = [group._replace(n=300) if group.clone == "E" else group for group in standard_groups(design)]
    sheet = {"P2": {"exclude": "yes"}}
    write_case(folder, STANDARD, groups, rng, purity=design.purity, depth=design.depth, sheet=sheet)


def amplified(folder: Path, design: Design, rng: np.random.Generator) -> None:
    """Four of the trunk's mutations on one of many copies."""
    names = [name for name, *_ in STANDARD]
    trunk, *others = standard_groups(design)
    copies = int(rng.integers(20, 35)), 1
    late = Group("T", 4, trunk.ccf, dict.fromkeys(names, copies), dict.fromkeys(names, 1))
    groups = [late, trunk._replace(n=trunk.n - 4), *others]
    write_case(folder, STANDARD, groups, rng, purity=design.purity, depth=design.depth)


def male_x(folder: Path, design: Design, rng: np.random.Generator) -> None:
    """Ten of the trunk's mutations on X, of one copy; the segments say 1+1."""
    names = [name for name, *_ in STANDARD]
    trunk, *others = standard_groups(design)
    one = dict.fromkeys(names, 1)
    on_x = Group("T", 10, trunk.ccf, dict.fromkeys(names, (1, 0)), one, chrom="X", normal=1)
    sheet = {name: {"cn_segments": "seg.txt", "purity": f"{design.purity:.3f}", "sex": "male"} for name in names}
    write_case(
        folder,
        STANDARD,
        [on_x, trunk._replace(n=trunk.n - 10), *others],
        rng,
        purity=design.purity,
        depth=design.depth,
        sheet=sheet,
        has_copy_number=False,
    )
    rows = [f"{name}\t{chrom}\t1\t200000000\t1\t1" for name in names for chrom in (*range(1, 23), "X")]
    text = "\n".join(["sample\tchrom\tstart\tend\tmajor_cn\tminor_cn", *rows]) + "\n"
    (folder / "seg.txt").write_text(text, encoding="utf-8")


def _shared_and_private(design: Design, rng: np.random.Generator) -> list[Group]:
    names = [name for name, *_ in PAIR]
    n = int(rng.integers(60, 100))
    return [
        plain("T", n, dict.fromkeys(names, 1.0), names),
        plain("A", 8, {"P1": 1.0, "P2": 1.0}, names),
        plain("R", int(rng.integers(10, 16)), {"M1": 1.0}, names),
    ]


def sis_full(folder: Path, design: Design, rng: np.random.Generator) -> None:
    write_case(folder, PAIR, _shared_and_private(design, rng), rng, purity=design.purity, depth=design.depth)


def sis_vcf(folder: Path, design: Design, rng: np.random.Generator) -> None:
    """The same as one VCF per sample, each with the calls of four or more alternate reads only."""
    reads = write_case(folder, PAIR, _shared_and_private(design, rng), rng, purity=design.purity, depth=design.depth)
    (folder / "counts.tsv").unlink()
    head = "##fileformat=VCFv4.2\n" + "".join(f"##contig=<ID=chr{c}>\n" for c in range(1, 23))
    head += '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">\n'
    head += '##FORMAT=<ID=AD,Number=R,Type=Integer,Description="Depths">\n'
    head += '##FORMAT=<ID=DP,Number=1,Type=Integer,Description="Depth">\n'
    sheet = ["patient\tsample\tsite\tsite_type\tvcf\tpurity"]
    for name, site, kind in PAIR:
        rows = []
        for mutation, own in sorted(reads, key=lambda item: (int(item[0].split(":")[0]), int(item[0].split(":")[1]))):
            (chrom, position, ref, alt), (n_ref, n_alt) = mutation.split(":"), own[name]
            if n_alt >= 4:
                cells = f"0/1:{n_ref},{n_alt}:{n_ref + n_alt}"
                rows.append(f"chr{chrom}\t{position}\t.\t{ref}\t{alt}\t.\tPASS\t.\tGT:AD:DP\t{cells}\n")
        columns = f"#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t{name}\n"
        (folder / f"{name}.vcf").write_text(head + columns + "".join(rows))
        sheet.append(f"P\t{name}\t{site}\t{kind}\t{name}.vcf\t{design.purity:.3f}")
    (folder / "samples.tsv").write_text("\n".join(sheet) + "\n")


def two_primaries(folder: Path, design: Design, rng: np.random.Generator) -> None:
    samples = (("L1", "left breast", "primary"), ("R1", "right breast", "primary"), ("M1", "liver", "metastasis"))
    names = [name for name, *_ in samples]
    groups = [
        plain("A", int(rng.integers(15, 25)), {"R1": 1.0, "M1": 1.0}, names),
        plain("B", int(rng.integers(15, 25)), {"L1": 1.0}, names),
        plain("a", 8, {"M1": 1.0}, names),
    ]
    write_case(folder, samples, groups, rng, purity=design.purity, depth=design.depth)


def hotspot(folder: Path, design: Design, rng: np.random.Generator) -> None:
    samples = (("P1", "left lung", "primary"), ("P2", "left lung", "primary"), ("M1", "right lung", "metastasis"))
    names = [name for name, *_ in samples]
    groups = [
        plain("A", int(rng.integers(20, 40)), {"P1": 1.0, "P2": 1.0}, names),
        plain("B", int(rng.integers(20, 40)), {"M1": 1.0}, names),
        plain("KRAS", 1, dict.fromkeys(names, 1.0), names)._replace(chrom="12"),
    ]
    write_case(folder, samples, groups, rng, purity=design.purity, depth=design.depth)


def one_mutation(folder: Path, design: Design, rng: np.random.Generator) -> None:
    samples = (STANDARD[0], STANDARD[3])
    group = plain("T", 1, {"P1": 1.0, "M1": 1.0}, ("P1", "M1"))
    write_case(folder, samples, [group], rng, purity=design.purity, depth=design.depth)


def duplicate(folder: Path, design: Design, rng: np.random.Generator) -> None:
    names = [name for name, *_ in PAIR]
    sizes = {clone: max(design.sizes[clone] // 3, 2) for clone in ("T", "A", "B", "E")}
    groups = [plain(clone, n, design.prevalence[clone], names) for clone, n in sizes.items()]
    write_case(folder, PAIR, groups, rng, purity=design.purity, depth=design.depth, copied={"M1": "P1"})


def side(
    primary: tuple[int, int], metastasis: tuple[int, int], n_primary: int, n_metastasis: int
) -> Callable[..., None]:
    """40 shared mutations, private ones on either side; the shared ones before a doubling of the metastasis."""

    def write(folder: Path, design: Design, rng: np.random.Generator) -> None:
        names = [name for name, *_ in PAIR]
        samples = tuple((name, "breast" if site == "colon" else site, kind) for name, site, kind in PAIR)
        copies = {"P1": primary, "P2": primary, "M1": metastasis}
        early = {"P1": 1, "P2": 1, "M1": 2 if metastasis == (2, 2) else 1}
        late = dict.fromkeys(names, 1)
        groups = [
            Group("shared", 40, dict.fromkeys(names, 1.0), copies, early),
            Group("ppriv", n_primary, {"P1": 1.0, "P2": 1.0}, copies, late),
            Group("mpriv", n_metastasis, {"M1": 1.0}, copies, late),
        ]
        write_case(folder, samples, groups, rng, purity=0.9, depth=100.0)

    return write


KINDS: dict[str, Callable[[Path, Design, np.random.Generator], None]] = {
    "clean": clean,
    "sis_full": sis_full,
    "sis_vcf": sis_vcf,
    "two_primaries_one_met": two_primaries,
    "hotspot_shared": hotspot,
    "purity_understated": purity_understated,
    "maleX_11": male_x,
    "excluded_0.001": excluded,
    "amp_late_28": amplified,
    "onemut": one_mutation,
    "dup_primary_as_met": duplicate,
    "control": side((1, 1), (1, 1), 40, 20),
    "gain": side((2, 1), (1, 1), 40, 20),
    "metwgd": side((1, 1), (2, 2), 20, 40),
    "wgd_post": side((2, 2), (1, 1), 40, 20),
}
# Cases that the standard design alone tells apart from `clean`: the same stream, so the same reads if possible.
SAME_READS = ("clean", "purity_understated")


def make_set(folder: Path, seed: int, number: int) -> None:
    """One case of every kind."""
    design = draw_design(np.random.default_rng([seed, number]))
    for place, (name, write) in enumerate(KINDS.items()):
        write(folder / name, design, np.random.default_rng([seed, number, 0 if name in SAME_READS else place]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--sets", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    for number in range(options.sets):
        make_set(options.folder / str(number), options.seed, number)


if __name__ == "__main__":
    main()
