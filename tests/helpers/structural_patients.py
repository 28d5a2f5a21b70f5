"""Simulated patients whose metastases are marked by structural variants alone, in the dialects of two callers."""

import gzip

_HEADERS = {
    "manta": (
        "##fileformat=VCFv4.2",
        "##source=GenerateSVCandidates 1.6.0",
        '##FORMAT=<ID=PR,Number=.,Type=Integer,Description="Spanning paired-read support">',
        '##FORMAT=<ID=SR,Number=.,Type=Integer,Description="Split reads">',
    ),
    "delly": (
        "##fileformat=VCFv4.2",
        '##FORMAT=<ID=DR,Number=1,Type=Integer,Description="Reference pairs">',
        '##FORMAT=<ID=DV,Number=1,Type=Integer,Description="Variant pairs">',
        '##FORMAT=<ID=RR,Number=1,Type=Integer,Description="Reference junction reads">',
        '##FORMAT=<ID=RV,Number=1,Type=Integer,Description="Variant junction reads">',
    ),
}


def marked_mutations(truth):
    """Mutations of the clones that the primary does not have, by a truth.json."""
    away = {clone for clone, sites in truth["presence"].items() if "primary" not in sites}
    mutations = truth["mutations"]
    return {name for name, clone in zip(mutations["mutation_id"], mutations["clone"]) if clone in away}


def as_structural(folder, marked, dialect="manta"):
    """Take the marked mutations out of the simulated VCF, and write them as deletions and junctions: reads of each.

    A list of (alternate reads, depth) per sample for every structural variant, in the order of the file; samples by
    name.
    """
    path = folder / "tumour.vcf.gz"
    kept, moved, names = [], [], []
    for line in gzip.decompress(path.read_bytes()).decode().splitlines():
        fields = line.split("\t")
        if line.startswith("#CHROM"):
            names = fields[9:]
        is_marked = not line.startswith("#") and f"{fields[0]}:{fields[1]}:{fields[3]}:{fields[4]}" in marked
        (moved if is_marked else kept).append(line)
    path.write_bytes(gzip.compress(("\n".join(kept) + "\n").encode()))
    columns = ("#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT", *names)
    lines, reads = [*_HEADERS[dialect], "\t".join(columns)], []
    for i, line in enumerate(moved):
        fields = line.split("\t")
        pairs = [tuple(map(int, cell.split(":")[1].split(","))) for cell in fields[9:]]
        reads.append({name: (alt, ref + alt) for name, (ref, alt) in zip(names, pairs)})
        lines += ["\t".join(record) for record in _RECORDS[dialect](i, fields[0], fields[1], fields[3][0], pairs)]
    (folder / "sv.vcf").write_text("\n".join(lines) + "\n")
    sheet = folder / "samples.tsv"
    sheet.write_text(sheet.read_text().replace("tumour.vcf.gz", "tumour.vcf.gz;sv.vcf"))
    return reads


def _manta(i, chrom, position, base, pairs):
    """Half of the reads as pairs, half split; a junction is two breakends."""
    cells = [f"{ref // 2},{alt // 2}:{ref - ref // 2},{alt - alt // 2}" for ref, alt in pairs]
    start = (chrom, position, f"M{i}:0", base)
    if i % 2:
        info = f"SVTYPE=DEL;END={int(position) + 5000}"
        return [(*start, "<DEL>", ".", "PASS", info, "PR:SR", *cells)]
    ours, theirs = f"{base}[chr22:{1000 + i}[", f"]{chrom}:{position}]A"
    return [
        (*start, ours, ".", "PASS", f"SVTYPE=BND;MATEID=M{i}:1", "PR:SR", *cells),
        ("chr22", str(1000 + i), f"M{i}:1", "A", theirs, ".", "PASS", f"SVTYPE=BND;MATEID=M{i}:0", "PR:SR", *cells),
    ]


def _delly(i, chrom, position, base, pairs):
    """Junction reads if precise, pairs if not; the others say something else. A junction is one record."""
    is_precise = i % 3 > 0
    own, other = [f"{ref}:{alt}" for ref, alt in pairs], ["1:1"] * len(pairs)
    cells = [":".join(cell) for cell in (zip(other, own) if is_precise else zip(own, other))]
    info = "PRECISE" if is_precise else "IMPRECISE"
    if i % 2:
        record = ("<DEL>", ".", "PASS", f"{info};SVTYPE=DEL;END={int(position) + 5000}")
    else:
        record = (f"{base}]chr22:{1000 + i}]", ".", "PASS", f"{info};SVTYPE=BND;CHR2=chr22;POS2={1000 + i}")
    return [(chrom, position, f"D{i}", base, *record, "DR:DV:RR:RV", *cells)]


_RECORDS = {"manta": _manta, "delly": _delly}
