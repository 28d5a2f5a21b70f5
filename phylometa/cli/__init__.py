"""The command line: click commands, each importing what it needs when it runs."""

from __future__ import annotations

import atexit
import errno
import gc
import io
import os
import signal
import sys
from contextlib import suppress
from importlib import import_module
from typing import NoReturn

import click

from phylometa import __version__

__all__ = ["main"]

# Command -> module of phylometa.cli that defines it.
COMMANDS = {
    "run": "run",
    "demo": "run",
    "validate": "run",
    "sheet": "sheet",
    "qc": "quality",
    "counts": "files",
    "genotype": "files",
    "convert": "files",
    "simulate": "files",
    "cluster": "stages",
    "tree": "stages",
    "migrate": "stages",
    "seeding": "stages",
    "cells": "cells",
    "cnv": "stages",
    "timing": "stages",
    "plot": "results",
    "report": "results",
    "status": "results",
    "export": "export",
}
SHORT_HELP = {
    "run": "The whole analysis: one patient or a cohort.",
    "demo": "The whole analysis of the bundled patient.",
    "validate": "What would be read and used; every problem at once.",
    "sheet": "A sample sheet to edit, guessed from files.",
    "qc": "Quality control of the input, with figures and remedies.",
    "counts": "Mutation x sample read counts with copy number.",
    "genotype": "Reads at sites called elsewhere, from BAM/CRAM.",
    "cluster": "Mutation clusters from a table of counts.",
    "tree": "Clone trees of a patient's directory, or from Pairtree's files.",
    "migrate": "Migration histories of a patient's directory, or of one tree.",
    "seeding": "Seeding labels of a patient's directory, or of clone trees as JSON.",
    "cells": "Clones, tree and error rates of single cells.",
    "cnv": "Copy-number distances, tree, events and instability.",
    "timing": "Dissemination timing of a patient's directory, or of a table.",
    "plot": "The figures again, from results on disk.",
    "report": "The HTML report again, from results on disk.",
    "status": "Which stage was made with what, and which is stale.",
    "export": "Results for other tools: viewers of trees, methods, networks.",
    "convert": "Between the formats of this field's tools.",
    "simulate": "A patient with known truth, in the input formats.",
}
# Chains of thousands of clones are walked by recursion in places; Python's own limit is 1,000 steps.
DEEPEST = 10_000
# New objects between two collections of garbage, and how many of them before older ones are looked at: what is imported
# lives to the end, and Python's own 700 cost a tenth of a small patient's run.
GARBAGE = (50_000, 20, 100)
EXIT_INTERNAL, EXIT_USAGE, EXIT_INPUT, EXIT_INFEASIBLE, EXIT_PARTIAL, EXIT_INTERRUPTED = 1, 2, 3, 4, 5, 130


class _LazyGroup(click.Group):
    """Commands are imported when called; the list of commands needs none of them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        command = getattr(import_module(f"phylometa.cli.{COMMANDS[name]}"), name)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, SHORT_HELP[name]) for name in COMMANDS])


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="phylometa", message="%(prog)s, version %(version)s")
def cli() -> None:
    """Clones, seeding routes and dissemination timing of metastatic cancer.

    Start with `phylometa demo`, then `phylometa run samples.tsv -o results`.

    Exit status: 0 done, 1 internal error, 2 usage, 3 invalid input, 4 no result possible, 5 some patients of a cohort
    failed, 130 interrupted.
    """


class _ClosedStream(io.TextIOBase):
    """Stands for a standard output that was closed before the program began: writing is an error, not a silence."""

    def write(self, text: str) -> int:
        raise OSError(errno.EBADF, os.strerror(errno.EBADF), "standard output")


def main(args: list[str] | None = None) -> None:
    """Entry point: run a command and turn every failure into a message on stderr and an exit status."""
    # One thread a process: results then do not depend on the machine's cores, and --jobs does not oversubscribe them.
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
        os.environ.setdefault(variable, "1")
    if args is None:  # a process of our own
        sys.setrecursionlimit(max(sys.getrecursionlimit(), DEEPEST))
        gc.set_threshold(*GARBAGE)
        from phylometa.cli.interrupts import end_of_command, install

        _prepare_streams()
        install()
        status = _invoke(args)
        end_of_command()
        if status == EXIT_INTERRUPTED:
            _leave(status)
        sys.exit(status)
    sys.exit(_invoke(args))


def _leave(status: int) -> NoReturn:
    """End the process with a status that is ours, after what is registered for its end.

    `python -m` ends by the signal itself if an interrupt has ever passed through an `exec` of text (many imports have
    one), even if it was dealt with.
    """
    atexit._run_exitfuncs()
    with suppress(OSError, ValueError):
        sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def _prepare_streams() -> None:
    """Make closed streams usable, and send what compiled libraries print (HiGHS does, now and then) to stderr.

    Standard output is for data. What its encoding cannot write is shown escaped, so that a message never fails.
    """
    closed = []
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:  # a file opened later would take its number
            os.open(os.devnull, os.O_RDWR)
            closed.append(descriptor)
    if sys.stderr is None or 2 in closed:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115 (open as long as the process)
    if sys.stdout is None or 1 in closed:
        sys.stdout = _ClosedStream()  # type: ignore[assignment]
        return
    sys.stdout.flush()
    data = os.fdopen(os.dup(1), "w", encoding=sys.stdout.encoding, errors="backslashreplace", newline="\n")
    os.dup2(2, 1)
    sys.stdout = data


def _invoke(args: list[str] | None) -> int:
    try:
        status = _invoke_unflushed(args)
        sys.stdout.flush()
        return status
    except BrokenPipeError:
        _drop_standard_output()
        return EXIT_INTERNAL
    except OSError as error:
        return _environment_failed(error)


def _drop_standard_output() -> None:
    """Keep Python from writing what is left in the buffer once more when it ends."""
    with suppress(AttributeError, OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _environment_failed(error: OSError | MemoryError) -> int:
    from phylometa.errors import environment_cause

    if os.environ.get("PHYLOMETA_DEBUG"):
        raise error
    with suppress(OSError):
        click.echo(f"error: {environment_cause(error)}", err=True)
    _drop_standard_output()
    return EXIT_INTERNAL


def _interrupted() -> int:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C must not cut the clean-up of the first short
    click.echo("interrupted; nothing half-written was left", err=True)
    return EXIT_INTERRUPTED


def _invoke_unflushed(args: list[str] | None) -> int:
    from phylometa.errors import InfeasibleError, InputError, OccupiedError, PhylometaError

    try:
        status = cli.main(args=args, prog_name="phylometa", standalone_mode=False)
        return status if isinstance(status, int) else 0
    except click.exceptions.Exit as error:
        return error.exit_code
    except (click.Abort, KeyboardInterrupt) as error:
        if isinstance(error.__cause__, EOFError) or isinstance(error.__context__, EOFError):
            click.echo("error: a compressed file is cut short", err=True)
            return EXIT_INPUT
        return _interrupted()
    except click.ClickException as error:
        error.show()
        return EXIT_USAGE
    except InputError as error:
        for problem in error.problems:
            click.echo(f"error: {problem}", err=True)
        return EXIT_INPUT
    except OccupiedError as error:
        click.echo(f"error: {error}", err=True)
        return EXIT_USAGE
    except InfeasibleError as error:
        click.echo(f"no result possible: {error}", err=True)
        return EXIT_INFEASIBLE
    except PhylometaError as error:
        click.echo(f"error: {error}", err=True)
        return EXIT_INTERNAL
    except RecursionError:
        click.echo(
            f"no result possible: trees or graphs of the input go deeper than {sys.getrecursionlimit():,} steps",
            err=True,
        )
        return EXIT_INFEASIBLE
    except BrokenPipeError:
        raise
    except (OSError, MemoryError) as error:
        return _environment_failed(error)
    except Exception as error:  # noqa: BLE001 - the last line of defence: a message and status 1, never a bare traceback
        from phylometa.cli.interrupts import was_interrupted

        if was_interrupted():
            return _interrupted()
        if os.environ.get("PHYLOMETA_DEBUG"):
            raise
        click.echo(
            f"internal error, {type(error).__name__}: {error}\n"
            "This is a defect of phylometa; PHYLOMETA_DEBUG=1 in the environment shows where.",
            err=True,
        )
        return EXIT_INTERNAL
