"""What one wrong input does to the statements: simulated patients with one corruption at a time.

    python benchmarks/corruption_suite.py --cache FOLDER [--patients 60] [--seed 1] [--rows NAME...] [--pairs]
                                          [--jobs 1] [--record]

Every patient is simulated with correct input and with each corruption (`phylometa.simulate.SimulationSettings`: the
same history, clones and purities), written to files, read and analysed as `phylometa run` does. `--pairs` adds each
corruption together with "VCF only", no copy number and no purity (a row about purity keeps the wrong one).

Printed for every row: F1 of the migration graph (routes of P >= .5); calibration error and mean log score of all label
instances; supported and wrong of supported, favoured and wrong of favoured, by the levels that the results state; and
how many patients have a warning that names the cause, of those that the corruption harms and of those with correct
input. A corruption harms a patient if a label that is wrong has P >= .95 and is not so with correct input, or if the
true value of a label loses .3 of its probability.

One JSON file per patient and row is written to FOLDER as soon as it is done, and not made again: an interrupted study
goes on where it stopped. Use another folder for another version of the code. `--record` keeps the table in printed.tsv.
"""

from __future__ import annotations

import argparse
import json
import re
import tempfile
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from label_patients import draw_patient
from printed import record
from scoring import SUPPORTED, LabelScore, f1, label_scores, shown_labels, totals

from phylometa.config import Settings
from phylometa.errors import InfeasibleError, InputError
from phylometa.io.simulated import write_simulated_patient
from phylometa.io.tables import read_patient
from phylometa.pipeline.stages import AnalysisResult, run_stage
from phylometa.simulate.labels import true_labels_document

STAGES = ("clusters", "trees", "histories", "labels")
UNSAMPLED = 0.1  # share of populations that die out before they are sampled
HARM = 0.3  # probability that the true value of a label loses


@dataclass(frozen=True)
class Row:
    """One corruption: settings of the simulator, and patterns one of which a warning that names it holds."""

    title: str
    changes: dict[str, Any] = field(default_factory=dict)
    words: tuple[str, ...] = ()
    has_pair: bool = True


_PURITY = (r"quality, purity:", r"purity\b.*\b(too high|too low|above|below|reject|contradict|disagree)")
_NO_COPY_NUMBER = (r"copy number at 0 %", r"\b(no|without) copy.number")
VCF_ONLY = {"state_copy_number": False, "state_purity": False}
ROWS = {
    "correct": Row("correct input", has_pair=False),
    "vcf_only": Row("VCF only: no copy number, no purity", VCF_ONLY, _NO_COPY_NUMBER, has_pair=False),
    "mislabelled": Row(
        "one sample under the wrong site",
        {"mislabelled": 1},
        (r"mislabel", r"wrong site", r"fits? (another|a different) site", r"swapped"),
    ),
    "purity_plus_10": Row("purity +.1 in all samples", {"purity_bias": 0.1}, _PURITY),
    "doubled": Row("genome doubling, everything correct", {"trunk_doubling": 1.0}, (r"doubl",)),
    "contamination": Row("5 % cross-contamination", {"leakage": 0.05}, (r"contaminat",)),
    "no_copy_number": Row("copy number withheld", {"state_copy_number": False}, _NO_COPY_NUMBER, has_pair=False),
    "artefacts": Row(
        "3 % artefacts",
        {"artefact_share": 0.015, "scattered_share": 0.015},
        (r"(?<!mixture or an )artefact",),  # what the warning on clusters in conflict says names no cause
    ),
    "overdispersion": Row("overdispersion .02", {"precision": 49.0}, (r"overdispers", r"vary more")),
    "depth_25": Row("depth 25", {"depth": 25.0}, (r"quality, depth", r"low depth", r"depth\b.*\b(low|below|shallow)")),
    "purity_minus_10": Row("purity -.1 in all samples", {"purity_bias": -0.1}, _PURITY),
    "hidden_loh": Row(
        "LOH not annotated",
        {"hidden_loh": 1.0},
        (r"heterozygosity", r"\bLOH\b", r"not annotated", r"copy state.*(conflict|disagree|wrong)"),
        has_pair=False,
    ),
    "purity_plus_05": Row("purity +.05 in all samples", {"purity_bias": 0.05}, _PURITY),
    "germline": Row("1 % germline", {"germline_share": 0.01}, (r"germline",)),
    "duplicate": Row("a sample twice", {"duplicates": 1}, (r"identical", r"duplicate", r"same reads")),
}
# Situations beyond the thirteen, by name only.
MORE = {
    "errors": Row("sequencing errors .01", {"error_rate": 0.01}, (r"sequencing error",)),
    "ffpe": Row("half of the samples in formalin", {"ffpe_samples": 0.5}, (r"FFPE", r"formalin", r"C>T")),
    "tails": Row("60 neutral mutations per sample", {"tail_mutations": 60.0}, (r"neutral", r"\btails?\b")),
    "tumour_in_normal": Row(
        "normal with 10 % tumour", {"normal_sample": True, "tumour_in_normal": 0.1}, (r"tumour in (the )?normal",)
    ),
    "sweeps": Row("ancestors below 10 %", {"swept_share": 0.7, "min_proportion": 0.02}),
    "positives_only": Row(
        "one list of calls per sample",
        {"per_sample_calls": True, "separate_vcfs": True},
        (r"censored", r"not listed", r"uncalled", r"only called"),
    ),
    "partly_doubled": Row("one site doubled", {"doubled_sites": 1}, (r"doubl",)),
}


def all_rows(has_pairs: bool) -> dict[str, Row]:
    """Every row by name, the pairs with "VCF only" last."""
    rows = {**ROWS, **MORE}
    if has_pairs:
        for name, row in {**ROWS, **MORE}.items():
            if not row.has_pair:
                continue
            withheld = {"state_copy_number": False} if "purity" in name else VCF_ONLY
            title = f"{row.title}, VCF only"
            rows[f"{name}+vcf_only"] = Row(title, {**row.changes, **withheld}, row.words, has_pair=False)
    return rows


def run_patient(number: int, seed: int, row: Row) -> dict[str, Any]:
    """Scores, routes and warnings of one patient with one corruption, JSON-ready."""
    simulated = draw_patient(number, seed, unsampled=UNSAMPLED, **row.changes)
    truth = true_labels_document(simulated)
    start = time.process_time()
    scores: list[LabelScore] = []
    routes: dict[str, float] = {}
    error = ""
    with tempfile.TemporaryDirectory() as folder:
        sheet = write_simulated_patient(simulated, folder)
        patient = read_patient(sheet, genes=sheet.parent / "genes.txt")
    result = AnalysisResult(patient=patient, settings=Settings(), warnings=patient.warnings)
    try:
        for stage in STAGES:
            result = run_stage(stage, result, result.settings)
    except (InfeasibleError, InputError) as failure:
        error = str(failure)
    else:
        scores = list(label_scores(shown_labels(result.labels)[0], truth["labels"], shown_labels(result.labels)[1]))
        sites = result.histories.site_names
        for s, source in enumerate(sites):
            for t, target in enumerate(sites):
                if result.histories.migration_probability[s, t] > 0:
                    routes[f"{source}>{target}"] = float(result.histories.migration_probability[s, t])
    return {
        "number": number,
        "seed": seed,
        "scores": [[*score[:3], bool(score.is_right), *score[4:]] for score in scores],
        "graph_f1": f1(Counter({route for route, p in routes.items() if p >= 0.5}), Counter(truth["edges"].keys())),
        "warnings": list(result.warnings),
        "error": error,
        "cpu": round(time.process_time() - start, 2),
    }


def cached(path: Path, number: int, seed: int, row: Row) -> dict[str, Any]:
    """The result in `path`, made first if it is not there."""
    if path.is_file():
        return json.loads(path.read_text(encoding="utf-8"))
    found = run_patient(number, seed, row)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(found), encoding="utf-8")
    partial.replace(path)
    return found


def scores_of(found: dict[str, Any]) -> list[LabelScore]:
    return [LabelScore(*score) for score in found["scores"]]


def is_harmed(found: dict[str, Any], correct: dict[str, Any]) -> bool:
    """Tell whether a corruption made a label worse than correct input does; levels and their caps do not count."""
    for one, other in zip(scores_of(found), scores_of(correct)):
        was_wrong = other.confidence >= SUPPORTED and not other.is_right
        if one.confidence >= SUPPORTED and not one.is_right and not was_wrong:
            return True
        if one.p_true <= other.p_true - HARM:
            return True
    return bool(found["error"]) and not correct["error"]


def names_cause(found: dict[str, Any], row: Row) -> bool:
    """Tell whether a warning holds one of the row's patterns."""
    return any(re.search(words, text, re.IGNORECASE) for words in row.words for text in found["warnings"])


MEASURES = ("patients", "graph F1", "ECE", "supported and wrong", "favoured and wrong", "log score")
MEASURES += ("named, of harmed", "named, of clean", "CPU s")


def figures_of(row: Row, found: list[dict[str, Any]], correct: list[dict[str, Any]]) -> list[str]:
    """The measures of a row as printed; `correct` are the same patients with correct input, empty if not run."""
    figures = totals(score for one in found for score in scores_of(one))
    graph = sum(one["graph_f1"] for one in found) / len(found)
    harmed = [one for one, other in zip(found, correct) if is_harmed(one, other)]
    told = f"{sum(names_cause(one, row) for one in harmed)} of {len(harmed)}" if correct and row.words else "-"
    clean = f"{sum(names_cause(one, row) for one in correct)} of {len(correct)}" if correct and row.words else "-"
    return [
        str(len(found)),
        f"{graph:.3f}",
        f"{figures.calibration_error:.3f}",
        f"{figures.supported_wrong} of {figures.supported}",
        f"{figures.favoured_wrong} of {figures.favoured}",
        f"{figures.log_score:.3f}",
        told,
        clean,
        f"{sum(one['cpu'] for one in found) / len(found):.1f}",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cache", type=Path, required=True, help="folder of finished patients and rows")
    parser.add_argument("--patients", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rows", nargs="+", choices=list(all_rows(True)), help="default: correct and the corruptions")
    parser.add_argument("--pairs", action="store_true", help='each corruption with "VCF only" too')
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--record", action="store_true", help="keep the figures in printed.tsv")
    options = parser.parse_args()
    known = all_rows(True)
    chosen = options.rows or [
        name for name in known if name in ROWS or (options.pairs and name.removesuffix("+vcf_only") in ROWS)
    ]
    chosen = list(dict.fromkeys(["correct", *chosen]))
    found: dict[str, dict[int, dict[str, Any]]] = {name: {} for name in chosen}
    with ProcessPoolExecutor(options.jobs) as pool:
        waiting = {}
        for name in chosen:
            folder = options.cache / f"seed{options.seed}" / name
            for number in range(options.patients):
                path = folder / f"{number}.json"
                waiting[pool.submit(cached, path, number, options.seed, known[name])] = name, number
        for future in as_completed(waiting):
            name, number = waiting[future]
            found[name][number] = future.result()
    print(f"| corruption | {' | '.join(MEASURES)} |\n|{'---|' * (len(MEASURES) + 1)}")
    kept = []
    for name in chosen:
        rows = [found[name][number] for number in sorted(found[name])]
        correct = [found["correct"][number] for number in sorted(found["correct"])]
        figures = figures_of(known[name], rows, correct)
        kept += [(known[name].title, *pair) for pair in zip(MEASURES[:-1], figures)]
        print(f"| {known[name].title} | {' | '.join(figures)} |")
    if options.record:
        record("corruption_suite.py", kept)
    for name in chosen:
        for number, one in sorted(found[name].items()):
            if one["error"]:
                print(f"no result: {name}, patient {number}: {one['error']}")


if __name__ == "__main__":
    main()
