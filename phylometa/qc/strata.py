"""Checks of how much the data of a patient can say: copy number and purity, depth, number of mutations."""

from __future__ import annotations

import numpy as np

from phylometa.model.patient import Patient
from phylometa.model.quality import QualityFinding

__all__ = ["check_strata"]

# Median reads at a mutation below which a warning is given; and, with mutations, below which labels of simulated
# patients are not calibrated. Supported and wrong there: 0 of 32 at depth 25, 4 of 49 at 12; 2 of 104 with 13 to 21
# mutations, 37 of 126 with 9 to 15, where tumours that share none are taken for independent.
LOW_DEPTH, UNCALIBRATED_DEPTH = 30, 20
FEW_MUTATIONS = 20


def check_strata(patient: Patient) -> tuple[QualityFinding, ...]:
    """Check copy number and purity, median depth and number of mutations, each with the stratum it may lead to.

    Parameters
    ----------
    patient : Patient
        Before purities are estimated.

    Returns
    -------
    tuple of QualityFinding
        One of each check, about the whole patient.
    """
    mutations = patient.mutations
    known = float(patient.copy_number.is_known.mean()) if patient.copy_number.is_known.size else 0.0
    given = sum(np.isfinite(s.purity) and not s.purity_is_estimated for s in patient.samples)
    neither = known == 0.0 and given == 0
    findings = [
        QualityFinding(
            "copy_number_and_purity",
            f"copy number at {100.0 * known:.0f} % of the cells, purity of {given} of {len(patient.samples)} samples",
            "one of the two given",
            "warning" if neither else "pass",
            "give the segments and purities of a copy-number caller (columns cn_segments, purity)" if neither else "",
            stratum="no_copy_number_and_purity",
        )
    ]
    depth = mutations.depth[mutations.is_informative]
    median = float(np.median(depth)) if depth.size else 0.0
    n = mutations.n_mutations
    if not n:  # segments alone
        few = "no mutations: copy-number events stand for them"
        remedy = "sequence mutations of the same samples: an event tells less than a mutation, and recurs"
        alone = QualityFinding(
            "mutations", few, f"at least {FEW_MUTATIONS}", "warning", remedy, stratum="few_mutations"
        )
        return (alone,)
    findings.append(
        QualityFinding(
            "depth",
            f"median {median:.0f} reads at a mutation",
            f"at least {LOW_DEPTH}",
            "warning" if median < LOW_DEPTH else "pass",
            "sequence deeper, or count the reads of a targeted panel at these sites" if median < LOW_DEPTH else "",
            stratum="low_depth" if median < UNCALIBRATED_DEPTH else "",
        )
    )
    findings.append(
        QualityFinding(
            "mutations",
            f"{n} mutations",
            f"at least {FEW_MUTATIONS}",
            "warning" if n < FEW_MUTATIONS else "pass",
            "sequence exomes or genomes rather than a panel" if n < FEW_MUTATIONS else "",
            stratum="few_mutations",
        )
    )
    return tuple(findings)
