"""Reads a file as landing does and says what it cost; a process of its own has its own peak.

`python tests/landing/formats/reading.py csv f.csv.gz` prints the rules that records broke, whether
the count agrees, and by how many MB the process has grown.
"""

import json
import resource
import sys
from pathlib import Path

from countinghouse.landing.formats import format_of
from countinghouse.landing.formats.shape import FileShape, Place, SourceFile


def main() -> None:
    """Read and count, and print what came."""
    kind, path = sys.argv[1:]
    shape = FileShape((Place("id"), Place("note")), type=kind)
    file, format_ = SourceFile(Path(path)), format_of(shape)
    before = _peak()
    layout = format_.layout(file, shape)
    errors = [record.error for record in format_.records(file, shape, layout)]
    counted = [fields is None for fields in format_.count(file, shape, layout)]
    assert counted == [error is not None for error in errors]
    print(json.dumps({"errors": errors, "megabytes": _peak() - before}))


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10


if __name__ == "__main__":
    main()
