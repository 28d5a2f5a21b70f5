"""Settings by name, and single settings given as text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from phylometa.errors import InputError, Problem
from phylometa.reference.setting_rules import changed
from phylometa.simulate.patterns import GROWN
from phylometa.simulate.settings import SimulationSettings

__all__ = ["PRESETS", "settings_from_text"]

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
# What real sequencing shows, one situation each (docs/methods/simulation.md).
_TYPICAL = SimulationSettings(assay="wes", mutation_rate=0.02, depth=120.0, metastasis_regions=2)
PRESETS |= {
    "real_artefacts": replace(_TYPICAL, artefact_share=0.03, scattered_share=0.03, normal_sample=True),
    "real_ffpe": replace(_TYPICAL, ffpe_samples=0.5, oxidised_samples=0.2),
    "real_tails": replace(_TYPICAL, tail_mutations=60.0, tail_site_share=0.2),
    "real_normal": replace(_TYPICAL, normal_sample=True, tumour_in_normal=0.1, germline_share=0.01),
    "real_contamination": replace(_TYPICAL, leakage=0.05, leaky_samples=0.5),
    "real_overdispersion": replace(_TYPICAL, precision=49.0),
    "real_sweeps": replace(_TYPICAL, swept_share=0.7, swept_proportion=0.1, extinct_share=0.1, min_proportion=0.02),
    "real_positives_only": replace(_TYPICAL, per_sample_calls=True, separate_vcfs=True),
    "real_mislabelled": replace(_TYPICAL, mislabelled=1),
    "real_duplicate": replace(_TYPICAL, duplicates=1, duplicates_elsewhere=True),
    "real_partly_doubled": replace(_TYPICAL, doubled_sites=1, trunk_cn_events=12.0),
    "real_wrong_purity": replace(_TYPICAL, purity_bias=0.1, purity_sd=0.03),
    "real_hidden_loh": replace(_TYPICAL, hidden_loh=1.0, cn_kinds=(0.3, 0.3, 0.4)),
    "real_vcf_only": replace(_TYPICAL, state_copy_number=False, state_purity=False),
    "real_shallow": replace(_TYPICAL, depth=25.0),
}
PRESETS["local_recurrence"] = replace(PRESETS["local_recurrence"], metachronous_years=2.0)
PRESETS["single_sample"] = replace(PRESETS["single_sample"], primary_regions=1)


def settings_from_text(preset: str | None, changes: Mapping[str, str]) -> SimulationSettings:
    """Make the settings of a preset (None: the defaults) with some changed, as the command line gives them.

    Parameters
    ----------
    preset : str or None
        Key of `PRESETS`.
    changes : mapping
        Name of a setting -> its value as text; several values are separated by commas, infinity is ``inf``.

    Returns
    -------
    SimulationSettings

    Raises
    ------
    ValueError
        Unknown preset or setting, or text that is no value of the setting's type.
    InputError
        A value outside its setting's range, or settings that exclude each other.

    Examples
    --------
    >>> settings = settings_from_text("exome", {"depth": "80", "per_sample_calls": "true"})
    >>> settings.assay, settings.depth, settings.per_sample_calls
    ('wes', 80.0, True)
    """
    if preset is not None and preset not in PRESETS:
        raise ValueError(f"preset {preset} is unknown; known: {', '.join(PRESETS)}")
    settings = SimulationSettings() if preset is None else PRESETS[preset]
    known = {item.name: getattr(settings, item.name) for item in fields(settings)}
    values = {}
    for name, text in changes.items():
        if name not in known:
            raise ValueError(f"setting {name} is unknown; known: {', '.join(known)}")
        values[name] = _parse(name, text, known[name])
    problems: list[Problem] = []
    settings = changed(settings, values, "", "simulation", problems)
    if problems:
        raise InputError(problems)
    return settings


def _parse(name: str, text: str, default: Any) -> Any:
    """`text` as a value of the type of `default`."""
    try:
        if isinstance(default, bool):
            return {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}[text.lower()]
        if isinstance(default, tuple):
            return tuple(float(part) for part in text.split(","))
        return type(default)(text)
    except (KeyError, ValueError):
        expected = {bool: "true or false", tuple: "numbers separated by commas", int: "a whole number"}
        raise ValueError(f"{name}={text}: expected {expected.get(type(default), 'a number')}") from None
