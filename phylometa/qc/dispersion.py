"""Check whether alternate reads vary more than a binomial, so that small differences of prevalence tell nothing."""

from __future__ import annotations

import numpy as np

from phylometa.model.patient import Patient
from phylometa.model.purity import PurityPosterior
from phylometa.model.quality import QualityFinding

__all__ = ["check_dispersion"]

# Precision of the beta-binomial up to which a warning is given (wrong copy number and germline variants may look like
# one of 120), and shared mutations that are needed.
_LOW_PRECISION, _LEAST_SHARED = 60.0, 20


def check_dispersion(patient: Patient, posterior: PurityPosterior) -> tuple[QualityFinding, ...]:
    """Compare the spread of the reads at mutations that all samples show with that of a binomial.

    Parameters
    ----------
    patient : Patient
    posterior : PurityPosterior
        From `phylometa.ccf.purity.infer_purity`, whose precision fits these reads best.

    Returns
    -------
    tuple of QualityFinding
        One; ``untested`` with fewer than 20 shared mutations.
    """
    if posterior.n_shared.max(initial=0) < _LEAST_SHARED:
        return (QualityFinding("dispersion", "too few shared mutations", "", "untested"),)
    informative = patient.mutations.is_informative
    depth = float(np.median(patient.mutations.depth[informative]))
    factor = 1.0 + max(depth - 1.0, 0.0) / (posterior.precision + 1.0)
    if posterior.precision > _LOW_PRECISION:
        figure = f"{factor:.1f} times the variance of a binomial at {depth:.0f} reads"
        return (QualityFinding("dispersion", figure, f"precision above {_LOW_PRECISION:.0f}", "pass"),)
    return (
        QualityFinding(
            "dispersion",
            f"alternate reads vary more than a binomial: about {factor:.1f} times its variance at {depth:.0f} reads",
            f"precision above {_LOW_PRECISION:.0f}",
            "warning",
            "leave out duplicate reads, use unique molecular identifiers if there are any; the analysis allows for it "
            "and tells fewer clones apart",
        ),
    )
