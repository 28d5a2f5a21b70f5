"""A simulated patient as the files a user would have, and its truth as JSON. Same patient, same bytes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from phylometa.errors import InputError
from phylometa.io.sheet import is_name
from phylometa.io.tsv import write_tsv
from phylometa.reference.genome import CHROMOSOMES
from phylometa.simulate.labels import true_labels_document, truth_document
from phylometa.simulate.truth import SimulatedPatient

__all__ = ["write_simulated_cohort", "write_simulated_patient"]

SHEET_COLUMNS = (
    "patient",
    "sample",
    "site",
    "site_type",
    "vcf",
    "normal_sample",
    "vcf_caller",
    "cn_segments",
    "cn_caller",
    "purity",
    "ploidy",
    "sex",
    "age",
    "collection_date",
    "diagnosis_date",
    "assay",
    "kind",
)
SITE_TYPES = {"primary": "primary", "lymph_node": "lymph_node", "distant": "metastasis", "bed": "recurrence"}
TREATMENT_COLUMNS = ("patient", "site", "kind", "start", "end", "dose_gy", "fractions")
VCF_COLUMNS = ("#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT")
ASCAT_COLUMNS = ("sample", "chr", "startpos", "endpos", "nMajor", "nMinor")
BATTENBERG_COLUMNS = (
    "chr",
    "startpos",
    "endpos",
    "BAF",
    "LogR",
    "ntot",
    "nMaj1_A",
    "nMin1_A",
    "frac1_A",
    "nMaj2_A",
    "nMin2_A",
    "frac2_A",
)


def write_simulated_patient(simulated: SimulatedPatient, directory: str | Path) -> Path:
    """Write one simulated patient into `directory`, which is made if needed.

    Files: ``samples.tsv``, ``tumour.vcf.gz`` (bgzip; all tumour samples and the matched normal, in Mutect2's layout; if
    `separate_vcfs` one ``<sample>.vcf.gz`` per sample), copy number unless withheld (``segments.tsv`` of ASCAT, or one
    ``<sample>_subclones.txt`` of Battenberg per sample), ``genes.txt``, ``truth.json``, ``true_labels.json``, and
    ``treatments.tsv`` if there are any.

    Parameters
    ----------
    simulated : phylometa.simulate.SimulatedPatient
    directory : path

    Returns
    -------
    Path
        Of the sample sheet.
    """
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    rows = _write_patient_files(simulated, directory, prefix="")
    return _write_tables([simulated], rows, directory)


def write_simulated_cohort(patients: Iterable[SimulatedPatient], directory: str | Path) -> Path:
    """Write several simulated patients: a folder each, and one sample sheet and one treatments table above them.

    Parameters
    ----------
    patients : iterable of phylometa.simulate.SimulatedPatient
        With different names. Consumed one by one.
    directory : path

    Returns
    -------
    Path
        Of the sample sheet.
    """
    directory = Path(directory)
    rows: list[list[Any]] = []
    kept = []
    for simulated in patients:
        name = simulated.patient.name
        _check_name(name)
        (directory / name).mkdir(parents=True, exist_ok=True)
        rows += _write_patient_files(simulated, directory / name, prefix=f"{name}/")
        kept.append(simulated)
    return _write_tables(kept, rows, directory)


def _check_name(name: str) -> None:
    """`InputError` if a patient's name would lead files out of the directory."""
    if not is_name(name):
        raise InputError(f"patient {name!r} cannot be a name: no slash, no control character, no dot at the start")


def _write_tables(patients: Sequence[SimulatedPatient], rows: list[list[Any]], directory: Path) -> Path:
    sheet = directory / "samples.tsv"
    is_plain = not any(row[-1] for row in rows)  # tissue alone: no column of kinds
    written = [row[:-1] for row in rows] if is_plain else rows
    write_tsv(sheet, SHEET_COLUMNS[:-1] if is_plain else SHEET_COLUMNS, written, is_input=True)
    treatments = [
        (one.patient.name, item.site, item.kind, item.start, item.end, item.dose_gy, item.fractions)
        for one in patients
        for item in one.patient.treatments
    ]
    if treatments:
        write_tsv(directory / "treatments.tsv", TREATMENT_COLUMNS, treatments, is_input=True)
    genes = sorted({gene for one in patients for gene in one.patient.drivers})
    (directory / "genes.txt").write_text("".join(f"{gene}\n" for gene in genes), encoding="utf-8")
    return sheet


def _write_patient_files(simulated: SimulatedPatient, directory: Path, *, prefix: str) -> list[list[Any]]:
    """VCF, segments and truth of one patient; its rows of the sample sheet."""
    patient = simulated.patient
    _check_name(patient.name)
    vcfs = _write_vcfs(simulated, directory)
    segments = _write_segments(simulated, directory)
    for name, document in (("truth", truth_document(simulated)), ("true_labels", true_labels_document(simulated))):
        text = json.dumps(document, indent=1, sort_keys=False, allow_nan=False)
        (directory / f"{name}.json").write_text(text + "\n", encoding="utf-8")
    site_type = {site.name: SITE_TYPES[site.site_class] for site in patient.sites}
    (normal,) = patient.mutations.normal_names
    rows: list[list[Any]] = [
        [
            patient.name,
            sample.name,
            sample.site,
            "" if sample.circulates else site_type[sample.site],
            prefix + vcfs[s],
            normal,
            "mutect2",
            prefix + segments[s] if segments and sample.kind == "tissue" else "",
            simulated.settings.cn_caller if segments and sample.kind == "tissue" else "",
            sample.purity,
            sample.ploidy,
            sample.sex,
            sample.age,
            sample.collection_date,
            sample.diagnosis_date,
            sample.assay,
            "" if sample.kind == "tissue" else sample.kind,
        ]
        for s, sample in enumerate(patient.samples)
    ]
    if simulated.settings.normal_sample:
        own = {"patient": patient.name, "sample": normal, "site": "normal", "site_type": "normal"}
        own |= {"vcf": prefix + vcfs[0], "vcf_caller": "mutect2", "assay": patient.samples[0].assay or ""}
        rows.append([own.get(column, "") for column in SHEET_COLUMNS])
    return rows


def _write_vcfs(simulated: SimulatedPatient, directory: Path) -> list[str]:
    """One VCF for all samples, or one per sample with what was observed there; the file of every sample."""
    names, n = simulated.patient.mutations.sample_names, len(simulated.patient.samples)
    if not simulated.settings.separate_vcfs:
        _write_vcf(simulated, directory / "tumour.vcf.gz", range(n))
        return ["tumour.vcf.gz"] * n
    for s, name in enumerate(names):
        _write_vcf(simulated, directory / f"{name}.vcf.gz", [s])
    return [f"{name}.vcf.gz" for name in names]


def _write_vcf(simulated: SimulatedPatient, path: Path, samples: Sequence[int]) -> None:
    """Write the given samples (indices) and the normal; rows that are observed in none of them are left out."""
    import pysam

    table = simulated.patient.mutations
    (normal,), names = table.normal_names, [table.sample_names[s] for s in samples]
    header = [
        "##fileformat=VCFv4.2",
        '##FILTER=<ID=PASS,Description="Site contains at least one allele that passes filters">',
        '##FORMAT=<ID=AD,Number=R,Type=Integer,Description="Allelic depths for the ref and alt alleles">',
        '##FORMAT=<ID=AF,Number=A,Type=Float,Description="Allele fractions of alternate alleles in the tumor">',
        '##FORMAT=<ID=DP,Number=1,Type=Integer,Description="Approximate read depth">',
        '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">',
        "##INFO=<ID=ANN,Number=.,Type=String,Description=\"Functional annotations: 'Allele | Annotation | "
        "Annotation_Impact | Gene_Name'\">",
        '##INFO=<ID=DP,Number=1,Type=Integer,Description="Approximate read depth">',
        *(f"##contig=<ID={chromosome.name},length={chromosome.length}>" for chromosome in CHROMOSOMES),
        "##source=Mutect2",
        "##source=phylometa simulate",
        f"##normal_sample={normal}",
        *(f"##tumor_sample={name}" for name in names),
        "\t".join(("#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT", normal, *names)),
    ]
    min_alt = simulated.settings.min_alt_reads
    with pysam.BGZFile(str(path), "wb", None) as handle:
        handle.write(("\n".join(header) + "\n").encode())
        for i in np.flatnonzero(table.observed[:, samples].any(axis=1)).tolist():
            alt, depth = table.alt_counts[i, samples].tolist(), table.depth[i, samples].tolist()
            total = sum(depth) + int(table.normal_depth[i, 0])
            gene = table.genes[i]
            info = f"DP={total}" + (f";ANN={table.alts[i]}|missense_variant|MODERATE|{gene}" if gene else "")
            fields = [table.chroms[i], str(int(table.positions[i]) + 1), ".", table.refs[i], table.alts[i], ".", "PASS"]
            fields += [info, "GT:AD:AF:DP", _cell(int(table.normal_alt[i, 0]), int(table.normal_depth[i, 0]), "0/0")]
            fields += [
                _cell(a, d, "0/1" if a >= min_alt else "0/0") if seen else "./.:.:.:."
                for a, d, seen in zip(alt, depth, table.observed[i, samples].tolist())
            ]
            handle.write(("\t".join(fields) + "\n").encode())


def _cell(alt: int, depth: int, genotype: str) -> str:
    """GT:AD:AF:DP of one sample."""
    return f"{genotype}:{depth - alt},{alt}:{alt / depth if depth else 0.0:.3f}:{depth}"


def _write_segments(simulated: SimulatedPatient, directory: Path) -> list[str]:
    """Copy number in the caller's own layout, 1-based and inclusive; the file of every sample, none if withheld."""
    patient, profile = simulated.patient, simulated.patient.segments
    if profile is None:
        return []
    names = profile.sample_names
    start, end = (profile.start + 1).tolist(), profile.end.tolist()
    major, minor = profile.major.astype(int).tolist(), profile.minor.astype(int).tolist()
    if simulated.settings.cn_caller == "ascat":
        columns = (profile.chroms, start, end, major, minor)
        write_tsv(
            directory / "segments.tsv", ASCAT_COLUMNS, zip((names[s] for s in profile.sample), *columns), is_input=True
        )
        return ["segments.tsv"] * len(names)
    files = []
    second_major = np.where(np.isnan(profile.major2), profile.major, profile.major2)
    mean_major = profile.fraction * profile.major + (1 - profile.fraction) * second_major
    for s, name in enumerate(names):
        own, length = profile.sample == s, profile.end - profile.start
        purity = simulated.truth.purity[s]
        ploidy = round(float(length[own] @ profile.total[own] / length[own].sum()), 3)
        is_male_x = np.array([patient.samples[s].sex == "male" and chrom == "chrX" for chrom in profile.chroms])
        normal = np.where(is_male_x, 1.0, 2.0)
        molecules = purity * profile.total + (1 - purity) * normal
        baf = (purity * mean_major + (1 - purity)) / molecules
        log_ratio = np.log2(molecules / (purity * ploidy + (1 - purity) * 2))
        rows: list[tuple[Any, ...]] = []
        for i in np.flatnonzero(own):
            second: tuple[Any, ...] = (None, None, None)
            if not np.isnan(profile.major2[i]):
                second = (int(profile.major2[i]), int(profile.minor2[i]), round(1 - float(profile.fraction[i]), 3))
            states = (major[i], minor[i], float(profile.fraction[i]), *second)
            numbers = (round(float(baf[i]), 4), round(float(log_ratio[i]), 4), round(float(profile.total[i]), 4))
            rows.append((profile.chroms[i], start[i], end[i], *numbers, *states))
        files.append(f"{name}_subclones.txt")
        write_tsv(directory / files[-1], BATTENBERG_COLUMNS, rows, is_input=True)
    return files
