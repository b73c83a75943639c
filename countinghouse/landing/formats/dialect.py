"""The characters that make records and fields of a CSV file."""

from typing import NamedTuple


class Dialect(NamedTuple):
    """Delimiter, quote (none if empty) and what escapes either inside of quotes (none if empty)."""

    delimiter: str = ","
    quote: str = '"'
    escape: str = ""
