"""The written-out history of the bundled patient: prostate cancer, irradiated, with metastases that seed each other."""

from __future__ import annotations

import datetime

from phylometa.model.patient import Site, Treatment
from phylometa.simulate.history import HistoryPlan, Population, Region

__all__ = ["demo_plan"]

DIAGNOSIS_AGE = 61.0
AUTOPSY_AGE = 68.0
RADIOTHERAPY = datetime.date(2015, 6, 1), datetime.date(2015, 7, 27)
RADIOTHERAPY_END_AGE = 61.5


def demo_plan() -> HistoryPlan:
    """Make a plan of ten clones in a prostate, a pelvic lymph node and three distant sites.

    Two clones of the prostate, B and C, seed the lymph node (polyclonal); the lymph node seeds the spine, the spine the
    liver (a cascade) and, after radiotherapy, the prostate again (reseeding); B also seeds the adrenal gland. A biopsy
    is taken at diagnosis, everything else at autopsy.
    """
    prostate, node, spine, liver, adrenal = "prostate", "pelvic_lymph_node", "spine", "liver", "adrenal"
    populations = (
        Population("A", prostate, -1),
        Population("B", prostate, 0, before=56.0),
        Population("C", prostate, 0, before=57.0),
        Population("D", node, 1, before=59.0),
        Population("E", node, 2, before=61.0),
        Population("F", spine, 3, before=62.0),
        Population("G", liver, 5),
        Population("H", prostate, 5, after=RADIOTHERAPY_END_AGE),
        Population("I", adrenal, 1),
        Population("J", liver, 6),
    )
    regions = (
        Region(prostate, DIAGNOSIS_AGE),
        Region(prostate, AUTOPSY_AGE),
        Region(prostate, AUTOPSY_AGE),
        Region(node, AUTOPSY_AGE),
        Region(spine, AUTOPSY_AGE),
        Region(spine, AUTOPSY_AGE),
        Region(liver, AUTOPSY_AGE),
        Region(liver, AUTOPSY_AGE),
        Region(adrenal, AUTOPSY_AGE),
    )
    return HistoryPlan(
        sites=(
            Site(prostate, "primary"),
            Site(node, "lymph_node"),
            Site(spine, "distant"),
            Site(liver, "distant"),
            Site(adrenal, "distant"),
        ),
        populations=populations,
        regions=regions,
        treatments=(
            Treatment("systemic", "", datetime.date(2015, 4, 1), datetime.date(2018, 4, 1)),
            Treatment(
                "radiotherapy",
                prostate,
                datetime.date(2015, 6, 1),
                datetime.date(2015, 7, 27),
                dose_gy=78,
                fractions=39,
            ),
        ),
        drivers=(("A", "SPOP"), ("A", "FOXA1"), ("B", "PTEN"), ("D", "AR"), ("C", "AR"), ("F", "RB1"), ("J", "KMT2C")),
    )
