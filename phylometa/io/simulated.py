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
from phylometa.model.patient import Patient
from phylometa.simulate.labels import truth_document
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
    """Write one simulated patient into `directory`, which is made where needed.

    Files: ``samples.tsv``, ``tumour.vcf.gz`` (bgzip; all tumour samples and the matched normal, in Mutect2's layout),
    copy number (``segments.tsv`` of ASCAT, or one ``<sample>_subclones.txt`` of Battenberg a sample), ``genes.txt``,
    ``truth.json``, and ``treatments.tsv`` where there are any.

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
    """`InputError` where a patient's name would lead files out of the directory."""
    if not is_name(name):
        raise InputError(f"patient {name!r} cannot be a name: no slash, no control character, no dot at the start")


def _write_tables(patients: Sequence[SimulatedPatient], rows: list[list[Any]], directory: Path) -> Path:
    sheet = directory / "samples.tsv"
    write_tsv(sheet, SHEET_COLUMNS, rows)
    treatments = [
        (one.patient.name, item.site, item.kind, item.start, item.end, item.dose_gy, item.fractions)
        for one in patients
        for item in one.patient.treatments
    ]
    if treatments:
        write_tsv(directory / "treatments.tsv", TREATMENT_COLUMNS, treatments)
    genes = sorted({gene for one in patients for gene in one.patient.drivers})
    (directory / "genes.txt").write_text("".join(f"{gene}\n" for gene in genes), encoding="utf-8")
    return sheet


def _write_patient_files(simulated: SimulatedPatient, directory: Path, *, prefix: str) -> list[list[Any]]:
    """VCF, segments and truth of one patient; its rows of the sample sheet."""
    patient = simulated.patient
    _check_name(patient.name)
    _write_vcf(simulated, directory / "tumour.vcf.gz")
    segments = _write_segments(simulated, directory)
    text = json.dumps(truth_document(simulated), indent=1, sort_keys=False, allow_nan=False)
    (directory / "truth.json").write_text(text + "\n", encoding="utf-8")
    site_type = {site.name: SITE_TYPES[site.site_class] for site in patient.sites}
    return [
        [
            patient.name,
            sample.name,
            sample.site,
            site_type[sample.site],
            f"{prefix}tumour.vcf.gz",
            f"{patient.name}_normal",
            "mutect2",
            prefix + segments[s],
            simulated.settings.cn_caller,
            sample.purity,
            sample.ploidy,
            sample.sex,
            sample.age,
            sample.collection_date,
            sample.diagnosis_date,
            sample.assay,
        ]
        for s, sample in enumerate(patient.samples)
    ]


def _contigs(patient: Patient) -> dict[str, int]:
    """Chromosomes and their lengths: the segments cover the genome."""
    assert patient.segments is not None
    lengths: dict[str, int] = {}
    for chrom, end in zip(patient.segments.chroms, patient.segments.end.tolist()):
        lengths[chrom] = max(end, lengths.get(chrom, 0))
    return lengths


def _write_vcf(simulated: SimulatedPatient, path: Path) -> None:
    import pysam

    patient, table = simulated.patient, simulated.patient.mutations
    normal = f"{patient.name}_normal"
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
        *(f"##contig=<ID={chrom},length={length}>" for chrom, length in _contigs(patient).items()),
        "##source=Mutect2",
        "##source=phylometa simulate",
        f"##normal_sample={normal}",
        *(f"##tumor_sample={name}" for name in table.sample_names),
        "\t".join(
            ("#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT", normal, *table.sample_names)
        ),
    ]
    min_alt = simulated.settings.min_alt_reads
    with pysam.BGZFile(str(path), "wb", None) as handle:
        handle.write(("\n".join(header) + "\n").encode())
        for i in range(table.n_mutations):
            alt, depth = table.alt_counts[i].tolist(), table.depth[i].tolist()
            total = sum(depth) + int(simulated.normal_depth[i])
            gene = table.genes[i]
            info = f"DP={total}" + (f";ANN={table.alts[i]}|missense_variant|MODERATE|{gene}" if gene else "")
            fields = [table.chroms[i], str(int(table.positions[i]) + 1), ".", table.refs[i], table.alts[i], ".", "PASS"]
            fields += [info, "GT:AD:AF:DP", _cell(int(simulated.normal_alt[i]), int(simulated.normal_depth[i]), "0/0")]
            fields += [
                _cell(a, d, "0/1" if a >= min_alt else "0/0") if seen else "./.:.:.:."
                for a, d, seen in zip(alt, depth, table.observed[i].tolist())
            ]
            handle.write(("\t".join(fields) + "\n").encode())


def _cell(alt: int, depth: int, genotype: str) -> str:
    """GT:AD:AF:DP of one sample."""
    return f"{genotype}:{depth - alt},{alt}:{alt / depth if depth else 0.0:.3f}:{depth}"


def _write_segments(simulated: SimulatedPatient, directory: Path) -> list[str]:
    """Copy number in the caller's own layout, 1-based and inclusive; the file of every sample."""
    patient, profile = simulated.patient, simulated.patient.segments
    assert profile is not None
    names = profile.sample_names
    start, end = (profile.start + 1).tolist(), profile.end.tolist()
    major, minor = profile.major.astype(int).tolist(), profile.minor.astype(int).tolist()
    if simulated.settings.cn_caller == "ascat":
        columns = (profile.chroms, start, end, major, minor)
        write_tsv(directory / "segments.tsv", ASCAT_COLUMNS, zip((names[s] for s in profile.sample), *columns))
        return ["segments.tsv"] * len(names)
    files = []
    second_major = np.where(np.isnan(profile.major2), profile.major, profile.major2)
    mean_major = profile.fraction * profile.major + (1 - profile.fraction) * second_major
    for s, name in enumerate(names):
        purity, ploidy = patient.samples[s].purity, patient.samples[s].ploidy
        is_male_x = np.array([patient.samples[s].sex == "male" and chrom == "chrX" for chrom in profile.chroms])
        normal = np.where(is_male_x, 1.0, 2.0)
        molecules = purity * profile.total + (1 - purity) * normal
        baf = (purity * mean_major + (1 - purity)) / molecules
        log_ratio = np.log2(molecules / (purity * ploidy + (1 - purity) * 2))
        rows: list[tuple[Any, ...]] = []
        for i in np.flatnonzero(profile.sample == s):
            second: tuple[Any, ...] = (None, None, None)
            if not np.isnan(profile.major2[i]):
                second = (int(profile.major2[i]), int(profile.minor2[i]), round(1 - float(profile.fraction[i]), 3))
            states = (major[i], minor[i], float(profile.fraction[i]), *second)
            numbers = (round(float(baf[i]), 4), round(float(log_ratio[i]), 4), round(float(profile.total[i]), 4))
            rows.append((profile.chroms[i], start[i], end[i], *numbers, *states))
        files.append(f"{name}_subclones.txt")
        write_tsv(directory / files[-1], BATTENBERG_COLUMNS, rows)
    return files
