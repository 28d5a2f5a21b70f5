"""What the matched normal shows: tumour cells in it, and mutations that are not somatic."""

from __future__ import annotations

import numpy as np

from phylometa.model.patient import Patient
from phylometa.model.quality import QualityFinding
from phylometa.reads.normal import find_tumour_in_normal, looks_like_tumour, somatic_in_normal, with_true_normals

__all__ = ["check_normal"]

# Ratio of VAFs in a normal to those in the tumour; log-likelihood of any VAF against that of a somatic mutation; number
# and share of such mutations.
_LEAST_RATIO = 0.02
_NOT_SOMATIC_GAIN = 8.0
_LEAST_MUTATIONS, _LEAST_SHARE = 2, 0.01


def check_normal(patient: Patient, *, error_rate: float) -> tuple[QualityFinding, ...]:
    """Look for tumour cells in the matched normals, and for mutations with more reads there than these explain.

    Parameters
    ----------
    patient : Patient
    error_rate : float
        Sequencing error.

    Returns
    -------
    tuple of QualityFinding
        One of each normal with tumour cells, and one of the mutations; ``untested`` without a normal's reads.
    """
    mutations = patient.mutations
    if not mutations.normal_names:
        return (QualityFinding("normal", "no reads of a matched normal", "", "untested"),)
    findings = [
        QualityFinding(
            "normal",
            f"{name} looks like a tumour sample: half of the mutations have at least half of their VAF there",
            "50 % of the mutations",
            "warning",
            "check the names of the columns and site_type in the sheet; its reads are not used",
        )
        for name, is_wrong in zip(mutations.normal_names, looks_like_tumour(mutations))
        if is_wrong
    ]
    mutations = with_true_normals(mutations)
    found = find_tumour_in_normal(mutations, error_rate=error_rate)
    findings += [
        QualityFinding(
            "normal",
            f"the normal {one.normal} holds {'early' if one.is_early else 'tumour'} cells: its VAFs "
            f"{'of what all samples have ' if one.is_early else ''}are {100 * one.ratio:.1f} % of those of sample "
            f"{mutations.sample_names[one.donor]}",
            f"{100 * _LEAST_RATIO:g} %",
            "warning",
            "a caller that does not allow for it loses mutations of the trunk: take another normal, or a caller with a "
            "model of tumour cells in the normal",
        )
        for one in found
        if one.ratio >= _LEAST_RATIO
    ]
    alt = mutations.normal_alt.astype(np.float64)
    depth = np.maximum(mutations.normal_depth, 1)
    free = np.clip(alt / depth, error_rate, 1.0 - error_rate)
    any_vaf = alt * np.log(free) + (mutations.normal_depth - alt) * np.log1p(-free)
    gain = (any_vaf - somatic_in_normal(mutations, found)).max(axis=1)
    is_more = (gain > _NOT_SOMATIC_GAIN) & ((alt / depth).max(axis=1) > error_rate)
    n = int(is_more.sum())
    figure = f"{n} of {mutations.n_mutations} mutations with more reads in the normal than a somatic one has"
    if n < max(_LEAST_MUTATIONS, _LEAST_SHARE * mutations.n_mutations):
        return (*findings, QualityFinding("normal", figure, f"{100 * _LEAST_SHARE:g} %", "pass"))
    some = ", ".join(np.array(mutations.ids, dtype=object)[is_more][:3])
    findings.append(
        QualityFinding(
            "normal",
            f"{figure} ({some}{', ...' * (n > 3)})",
            f"{100 * _LEAST_SHARE:g} %",
            "warning",
            "look at them in the alignments, filter by a panel of normals; the analysis takes them for artefacts or "
            "germline variants as far as their reads say so",
        )
    )
    return tuple(findings)
