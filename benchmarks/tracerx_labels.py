"""Labels of published lung cancer trees beside the study's (Al Bakir et al. 2023, Nature 616:534), and why they differ.

    PHYLOMETA_DATA=... python benchmarks/tracerx_labels.py

The trees and the presence of clones in sites lie in PHYLOMETA_DATA/real/tracerx.json. Two labels are compared: by our
histories (`clonality_site`, `phyletic`), and by the study's own rules on presence (`tracerx`). The study calls a
patient by which clusters primary and metastases share; histories also say how the clones came there. An explanation is
given only if the data show it; what remains is printed as not explained.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from printed import record

from phylometa.pipeline.stages import classify_cases

NOT_EXPLAINED = "not explained"


def best(distribution: Mapping[str, float]) -> str:
    return max(distribution, key=lambda value: (distribution[value], value))


def explain_clonality(case: Mapping[str, Any], found: Mapping[str, Any], published: str) -> str:
    """Why the patient's clonality differs: the rule of the patient, or the source of the second clone."""
    regions, labels = found["tracerx"]["region_clonality"], found["labels"]
    if set(regions.values()) != {"monoclonal"}:
        return NOT_EXPLAINED
    if published == "polyclonal":
        clones = {tuple(clones) for clones in found["tracerx"]["seeding_clones"].values()}
        if len(clones) > 1:
            return "every site was seeded once, but by different clones: polyclonal by the study's rule of the patient"
    primary, presence = case["input"]["primary"], case["input"]["presence"]
    for site, values in labels["site_seeding"].items():
        own = [clone for clone, sites in presence.items() if site in sites and primary not in sites]
        if best(values) == "polyclonal" and len(own) > 1:
            return f"{site} holds {len(own)} clones that the primary does not show; the rule counts shared ones"
    return NOT_EXPLAINED


def explain_phyletic(case: Mapping[str, Any], found: Mapping[str, Any], published: str) -> str:
    """Why phyleticity differs: clones that went back, or that left unseen."""
    labels, presence = found["labels"], case["input"]["presence"]
    primary = case["input"]["primary"]
    if published == "polyphyletic" and best(labels["reseeding_primary"]) == "True":
        return "one lineage left the primary, and a clone that both hold came back: shared clusters on two branches"
    departing = best(labels["seeding_clones_primary"]).split("+")
    unseen = [clone for clone in departing if primary not in presence[clone]]
    if published == "monophyletic" and unseen:
        return f"clone {', '.join(unseen)} left the primary without being seen there: not among the shared clusters"
    return NOT_EXPLAINED


def main() -> None:
    document = json.loads((Path(os.environ["PHYLOMETA_DATA"]) / "real/tracerx.json").read_text(encoding="utf-8"))
    cases = {case["id"]: case for case in document["cases"]}
    found = {entry["id"]: entry for entry in classify_cases(document)["cases"]}
    agree, by_rule, unexplained = 0, 0, 0
    for name, case in cases.items():
        labels, rules, published = found[name]["labels"], found[name]["tracerx"], case["published"]
        by_rule += rules["case_clonality"] == published["clonality"]
        by_rule += rules["case_phyletic"] == published["phyletic"]
        for key, label, explain in (
            ("clonality", "clonality_site", explain_clonality),
            ("phyletic", "phyletic", explain_phyletic),
        ):
            ours = best(labels[label])
            if ours == published[key]:
                agree += 1
                continue
            reason = explain(case, found[name], published[key])
            unexplained += reason == NOT_EXPLAINED
            print(f"{name} {key}: {published[key]}, ours {ours} ({labels[label][ours]:.2f}): {reason}")
    pairs = 2 * len(cases)
    print(f"by history: {agree} of {pairs} pairs of patient and label agree, {unexplained} of the others not explained")
    print(f"by the study's rules: {by_rule} of {pairs}")
    if "--record" in sys.argv[1:]:
        kinds = (
            ("labels by our histories", f"{agree} of {pairs}"),
            ("labels by the study's rules", f"{by_rule} of {pairs}"),
        )
        record("tracerx_labels.py", [("63 lung cancers", *kind) for kind in kinds])
    sys.exit(1 if unexplained else 0)


if __name__ == "__main__":
    main()
