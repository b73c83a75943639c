"""File formats: one way to find the columns, to read the records and to count them again."""

from importlib import import_module
from typing import cast

from countinghouse.landing.formats.shape import FileFormat, FileShape

_MODULES = {
    "csv": "csv_files",
    "json_lines": "json_files",
    "json": "json_files",
    "parquet": "parquet_files",
}


def format_of(shape: FileShape) -> FileFormat:
    """The functions that read files of this shape."""
    return cast(FileFormat, import_module(f"{__name__}.{_MODULES[shape.type]}"))
