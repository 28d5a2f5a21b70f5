"""CPU time of all figures and of the report, and the report's size, against their limits.

``python benchmarks/figures.py`` draws the hand-built patient of 15 clones and 10 samples and the one of 60 clones and
20 samples of the tests; ``python benchmarks/figures.py PDIR...`` result directories of ``phylometa run``.
"""

import sys
import tempfile
import time
from pathlib import Path

import phylometa as pm
from phylometa.plots import FIGURES, save_figures

LIMIT_SECONDS = 10.0  # all figures of 15 clones and 10 samples in three formats
LIMIT_ELEVEN = 7.0  # the first eleven of the demo
LIMIT_MEGABYTES = 2.5  # report of A22


def measure(name, result):
    with tempfile.TemporaryDirectory() as directory:
        start = time.process_time()
        save_figures(result, directory, figures=list(FIGURES)[:11])
        eleven = time.process_time() - start
        start = time.process_time()
        paths = save_figures(result, directory)
        figures = time.process_time() - start
        largest = max(paths, key=lambda path: path.stat().st_size)
        start = time.process_time()
        report = pm.write_report(result, Path(directory) / "report.html")
        html = time.process_time() - start
        megabytes = report.stat().st_size / 1e6
        size = f"{largest.name} {largest.stat().st_size / 1e3:.0f} kB"
    print(f"{name}: {len(FIGURES)} figures x 3 formats {figures:.2f} s of CPU, largest {size}")
    print(f"  the first eleven of them {eleven:.2f} s of CPU")
    print(f"  report {html:.2f} s of CPU, {megabytes:.2f} MB")


def main():
    print(
        f"limits: {LIMIT_SECONDS:g} s of CPU for 15 clones x 10 samples; {LIMIT_MEGABYTES:g} MB for A22; "
        f"{LIMIT_ELEVEN:g} s for the first eleven of the demo"
    )
    if sys.argv[1:]:
        for directory in sys.argv[1:]:
            measure(directory, pm.load_result(directory))
        return
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests/helpers"))
    import plot_results

    measure("first call (fonts and imports)", plot_results.one_clone())
    measure("15 clones, 10 samples", plot_results.fifteen_clones())
    measure("60 clones, 20 samples", plot_results.sixty_clones())


if __name__ == "__main__":
    main()
