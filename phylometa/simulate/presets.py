"""Settings by name."""

from __future__ import annotations

from dataclasses import replace

from phylometa.config import SimulationSettings
from phylometa.simulate.patterns import GROWN

__all__ = ["PRESETS"]

_EXOME = SimulationSettings(assay="wes", mutation_rate=0.03, depth=150.0, depth_size=8.0)

# The bundled patient (10 clones, 9 samples, see `demo_plan`), one preset a pattern, and designs that strain a stage.
PRESETS: dict[str, SimulationSettings] = {
    "demo": SimulationSettings(
        patient="DEMO",
        pattern="demo",
        transformation_age=51.0,
        diagnosis_age=61.0,
        mutation_rate=0.0014,
        sex="male",
        drivers=0,
        parallel_drivers=0,
        regularity=6.0,
        region_share=0.7,
        min_proportion=0.15,
        branch_cn_events=0.6,
        cn_caller="ascat",
        depth=110.0,
    ),
    **{name: SimulationSettings(pattern=name, lymph_nodes=int(name == "lymph_node")) for name in GROWN},
    "exome": _EXOME,
    "panel": SimulationSettings(assay="panel", mutation_rate=0.3, depth=600.0, depth_size=10.0),
    "genome": SimulationSettings(
        primary_clones=8,
        lymph_nodes=1,
        distant_sites=6,
        metastasis_clones=2,
        primary_regions=6,
        metastasis_regions=2,
        mutation_rate=0.05,
        trunk_cn_events=20.0,
        branch_cn_events=3.0,
        depth=60.0,
    ),
    "doubled": SimulationSettings(trunk_doubling=1.0, branch_doubling=0.1, trunk_cn_events=12.0, branch_cn_events=2.0),
    "low_purity": SimulationSettings(min_purity=0.15, max_purity=0.35, metastasis_regions=2),
    "contaminated": SimulationSettings(leakage=0.02, missing_rate=0.1, error_rate=0.003),
    "called_apart": replace(_EXOME, per_sample_calls=True),
    "no_primary": SimulationSettings(primary_regions=0, lymph_nodes=1),
    "single_sample": SimulationSettings(pattern="monoclonal", lymph_nodes=0, distant_sites=0),
    "metachronous": SimulationSettings(pattern="monoclonal", metachronous_years=4.0),
}
PRESETS["local_recurrence"] = replace(PRESETS["local_recurrence"], metachronous_years=2.0)
PRESETS["single_sample"] = replace(PRESETS["single_sample"], primary_regions=1)
