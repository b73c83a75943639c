"""Commands as they are printed for people, read as the command line reads them."""

import shlex
from typing import Any

import typer

from countinghouse.cli import app


def parsed(line: str) -> tuple[str, dict[str, Any]]:
    """A printed command as the command line reads it, without running it."""
    program, name, *arguments = shlex.split(line)
    assert program == "countinghouse"
    group: Any = typer.main.get_command(app)
    return name, group.commands[name].make_context(name, arguments).params
