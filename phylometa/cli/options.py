"""Options that several commands share, and what is done with an output path before anything is computed."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from phylometa.config import Settings

F = TypeVar("F", bound=Callable[..., Any])


def seed_option(function: F) -> F:
    return click.option("--seed", type=click.IntRange(min=0), default=None, help="Random seed [default: 1].")(function)


def config_option(function: F) -> F:
    return click.option(
        "--config",
        "config",
        type=click.Path(dir_okay=False),
        default=None,
        help="Settings, a TOML file [default: none]; docs/commands.md.",
    )(function)


def uncalled_option(function: F) -> F:
    return click.option(
        "--uncalled",
        type=click.Choice(["auto", "censored", "unobserved", "absent"]),
        help="What a mutation is in a sample whose list of calls leaves it out [default: auto, censored if the list "
        "holds calls only].",
    )(function)


def as_site_option(function: F) -> F:
    return click.option(
        "--as-site",
        multiple=True,
        metavar="KIND",
        type=click.Choice(["ctdna", "ctc", "ascites", "pdx", "organoid"]),
        help="Take samples of this kind as tissue of their site, of one of their own if the sheet names none; may be "
        "repeated [default: none].",
    )(function)


def columns_option(function: F) -> F:
    return click.option(
        "--columns",
        multiple=True,
        metavar="NAME=NAME",
        help="Read the column of the first name as the second (VAR_COUNT=alt_counts); may be repeated.",
    )(function)


def force_option(function: F) -> F:
    return click.option("--force", is_flag=True, help="Replace results that are there [default: refuse].")(function)


def output_option(help_text: str, *, required: bool = True, default: str | None = None) -> Callable[[F], F]:
    # an explicit default of None would count as a value and switch `required` off
    extra: dict[str, Any] = {} if default is None else {"default": default, "show_default": True}
    return click.option("-o", "--output", type=click.Path(), required=required, help=help_text, metavar="PATH", **extra)


organ_prior_option = click.option(
    "--organ-prior",
    metavar="TABLE",
    help="Frequencies of metastatic sites by organ as a prior of routes; `published`: the package's table.",
)


def with_organ_prior(settings: Settings, table: str | None) -> Settings:
    """Return the settings with the table of `--organ-prior`, which is read once so that a fault is told at the start.

    Raises
    ------
    InputError
        Naming the rows and columns that cannot be used.
    """
    changed: Settings = settings.replace(migration=with_options(settings.migration, organ_prior=table))
    if changed.migration.organ_prior:
        from phylometa.reference.organ_frequencies import read_organ_frequencies

        read_organ_frequencies(changed.migration.organ_prior)
    return changed


def read_settings(
    config: str | None, seed: int | None, *, base: Settings | None = None, **read_changes: Any
) -> Settings:
    """Settings of `base` (the defaults), with the file's, the command line's seed and reading options on top."""
    from phylometa.config import Settings, load_settings

    settings: Settings = with_options(load_settings(config, base=base) if config else base or Settings(), seed=seed)
    return settings.replace(read=with_options(settings.read, **read_changes))


def with_options(stage: Any, **changes: Any) -> Any:
    """`stage`, a settings object, with the command line's options on top; None and () leave a setting as it is.

    Raises
    ------
    UsageError
        Naming the option whose value is outside its range.
    """
    import dataclasses

    from phylometa.errors import InputError

    given = {name: value for name, value in changes.items() if value not in (None, ())}
    try:
        return dataclasses.replace(stage, **given)
    except InputError as error:
        lines = [f"--{(problem.column or '').replace('_', '-')}: {problem.message}" for problem in error.problems]
        raise click.UsageError("; ".join(lines)) from None


def check_output_directory(path: str | Path, *, force: bool = False, resume: bool = False) -> Path:
    """`path`, if results may be written there; UsageError (exit 2) if it is not empty or not a directory."""
    target = Path(path)
    if target.exists() and not target.is_dir():
        raise click.UsageError(f"{target} is a file, not a directory")
    if target.is_dir() and any(target.iterdir()) and not (force or resume):
        raise click.UsageError(f"output directory {target} is not empty; add --resume or --force")
    return target


def check_output_file(path: str | Path, *, force: bool = False) -> Path:
    """`path`, if a file may be written there; UsageError (exit 2) if something is."""
    target = Path(path)
    if target.is_dir():
        raise click.UsageError(f"{target} is a directory, a file is expected")
    if target.exists() and not force and target.is_file():
        raise click.UsageError(f"{target} exists; add --force to replace it")
    if not target.parent.is_dir():
        raise click.UsageError(f"no directory {target.parent}")
    return target


@contextmanager
def written_together(
    output: Path, files_of: Callable[[Path], Sequence[Path]], *, is_directory: bool, force: bool
) -> Iterator[Path]:
    """A path to write to in place of `output`; the files of it take their places together if the block ends well.

    Parameters
    ----------
    output : Path
    files_of : callable
        The files that are written for a path.
    is_directory : bool
        Whether `output` is a directory.
    force : bool
        Replace files that are there.

    Raises
    ------
    UsageError
        Something is there, and not `force`.
    """
    import tempfile

    if is_directory:
        check_output_directory(output, force=force)
        if not output.parent.is_dir():
            raise click.UsageError(f"no directory {output.parent}")
    else:
        for path in files_of(output):
            check_output_file(path, force=force)
    with tempfile.TemporaryDirectory(dir=output.parent, prefix=f".{output.name}.partial-") as folder:
        partial = Path(folder) / output.name
        yield partial
        if is_directory:
            output.mkdir(exist_ok=True)
        for made, path in zip(files_of(partial), files_of(output)):
            made.replace(path)


def write_data(text: str) -> None:
    """`text` to standard output in UTF-8 whatever the terminal's encoding: the same bytes as in a file."""
    binary = getattr(sys.stdout, "buffer", None)
    if binary is None:
        sys.stdout.write(text)
    else:
        sys.stdout.flush()
        binary.write(text.encode("utf-8"))
    sys.stdout.flush()


def other_package_of_our_name() -> str:
    """What to do if somebody else's package named phylometa is in this environment; '' if none is.

    The name on the package index is another project's: ours is phylometa-cancer. Both have the same import name and
    command, so that the one installed last has overwritten files of the other.
    """
    from importlib.metadata import PackageNotFoundError, distribution

    try:
        found = distribution("phylometa")
    except (PackageNotFoundError, OSError):
        return ""
    version, is_ours = "of an unknown version", False
    # what describes it may be missing, damaged or no text: it is somebody else's all the same
    with suppress(Exception):
        metadata = found.metadata
        version = metadata["Version"] or version
        is_ours = any("metastatic" in (metadata[key] or "") for key in ("Summary", "Description"))
    if is_ours:  # as earlier versions of this package were named
        return ""
    return (
        f"another project's package phylometa {version} is in this environment and shares our import name and "
        "command: pip uninstall phylometa phylometa-cancer, then install phylometa-cancer again"
    )


def say_waiting(holder: str) -> None:
    """Say on stderr that another process is writing the same result."""
    click.echo(f"waiting for {holder}, which is writing there", err=True)


def write_text(path: str, text: str, *, force: bool) -> None:
    """`text` to a file, whole or not at all, or to stdout for ``-``."""
    if path == "-":
        write_data(text)
        return
    from phylometa.io.ownership import replace_file

    target = check_output_file(path, force=force)
    with replace_file(target) as partial:
        partial.write_text(text, encoding="utf-8")


class TerminalProgress:
    """One line on stderr that shows the stage; silent if stderr is no terminal."""

    def __init__(self, prefix: str = "", stream: IO[str] | None = None) -> None:
        self.prefix = prefix
        self.stream = stream or sys.stderr
        self.is_shown = self.stream.isatty()

    def __call__(self, stage: str, number: int, of: int) -> None:
        if self.is_shown:
            self.stream.write(f"\r\033[K{self.prefix}{stage} ({number}/{of})")
            self.stream.flush()

    def close(self) -> None:
        """Clear the line."""
        if self.is_shown:
            self.stream.write("\r\033[K")
            self.stream.flush()


PATIENT_DIRECTORY = click.Path(file_okay=False)


def existing_directory(path: str) -> Path:
    """Check that a path is a patient's directory; UsageError if it is not."""
    directory = Path(path)
    if not (directory / "input").is_dir():
        raise click.UsageError(f"{directory} is not a patient's directory: it has no input/")
    return directory
