"""Write docs/commands.md from the help of every command: `python docs/make_commands.py`; a test holds it to that."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner

from phylometa.cli import COMMANDS, cli

PAGE = Path(__file__).parent / "commands.md"
INTRODUCTION = """# Commands

What `phylometa COMMAND --help` prints; `docs/make_commands.py` writes this page. Settings that are no options stand in
a TOML file (`--config`), one table per stage, with the names, defaults and ranges of `phylometa/config.py`; what lies
outside is refused. The report and `manifest.json` print those that were used.
"""


def commands_page() -> str:
    """The page: the general help, then every command's."""
    runner = CliRunner()
    parts = [INTRODUCTION]
    for name in ("", *COMMANDS):
        arguments = [name, "--help"] if name else ["--help"]
        shown = runner.invoke(cli, arguments, prog_name="phylometa", terminal_width=100, max_content_width=100)
        assert shown.exit_code == 0, shown.output
        title = f"phylometa {name}".strip()
        parts.append(f"## {title}\n\n```text\n{shown.output.rstrip()}\n```\n")
    return "\n".join(parts)


if __name__ == "__main__":
    PAGE.write_text(commands_page(), encoding="utf-8")
