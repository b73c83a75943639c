"""Command `reveal`: the way back from a token, for whoever may read the installation's key."""

import typer

from countinghouse.errors import CountinghouseError
from countinghouse.landing import treatments
from countinghouse.settings import load


def reveal(token: str = typer.Argument(help="A value of a tokenised column.")) -> None:
    """Print the value that a token stands for; nothing of it is kept or logged."""
    key = load().home / "secrets" / treatments.PII_KEY
    if not key.is_file():
        raise CountinghouseError(f"there is no key {key}", remedy="restore it from a backup")
    try:
        typer.echo(treatments.revealed(key.read_bytes(), token))
    except ValueError as error:
        raise CountinghouseError(
            f"{token[:40]!r}: {error}",
            remedy="tokens begin with tok_ and lead back where they were made; hashes never do",
        ) from None


def register(app: typer.Typer) -> None:
    """Add this command to the command line."""
    app.command()(reveal)
