"""The cohort prior on simulated cohorts of one pattern each, and of all: log scores with and without.

    python benchmarks/cohort_prior.py [--patients 30] [--unsampled 0.4]

True clone trees and presence; the prior is fitted to the cohort's own histories, without their truth.
"""

from __future__ import annotations

import argparse
from dataclasses import replace

from process_model import Case, own_cases, parsimony, score

from phylometa.config import MigrationSettings
from phylometa.migration.cohort_prior import fit_cohort_prior, patient_routes
from phylometa.migration.route_prior import favour_routes, find_route_prior
from phylometa.simulate import PATTERNS

SHOWN = ("route log", "route ECE", "label log", "label ECE", "supported right")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--patients", type=int, default=30)
    parser.add_argument("--unsampled", type=float, default=0.4)
    arguments = parser.parse_args()
    print("cohort            between   back  further  prior    " + "  ".join(SHOWN))
    for pattern in ("all", *(name for name in PATTERNS if name != "demo")):
        changes = {} if pattern == "all" else {"pattern": pattern}
        cases = own_cases(502, arguments.patients, arguments.unsampled, **changes)
        prior = fit_cohort_prior([patient_routes(parsimony(case), case.primary) for case in cases])
        settings = replace(
            MigrationSettings(),
            cohort_between=prior.between,
            cohort_back=prior.back,
            cohort_further=prior.further,
        )

        def fitted(case: Case, settings: MigrationSettings = settings):
            return favour_routes(parsimony(case), find_route_prior(case.sites, case.primary, settings))

        for word, infer in (("without", parsimony), ("with", fitted)):
            found = score(cases, infer)
            tilts = f"{prior.between:+8.2f} {prior.back:+6.2f} {prior.further:+8.2f}"
            print(f"{pattern:17s}{tilts}  {word:8s}" + "  ".join(f"{found[name]:9.3f}" for name in SHOWN), flush=True)


if __name__ == "__main__":
    main()
