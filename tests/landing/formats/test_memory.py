"""A field as large as a file: a bad row, in memory that does not depend on its length."""

import gzip
import json
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from countinghouse.landing.formats.csv_records import TOO_LONG

SCRIPT = Path(__file__).with_name("reading.py")
# Of a field; what is read at once is a megabyte.
MEGABYTES = 96
MOST = 48


def compressed(head: bytes, tail: bytes) -> bytes:
    """`head`, a long field, `tail`; gzip files follow one another, so that a megabyte is enough."""
    # Not so regular that it is taken for a bomb.
    megabyte = random.Random(70).randbytes(1 << 13).hex().encode() * 64
    return gzip.compress(head) + gzip.compress(megabyte, 1) * MEGABYTES + gzip.compress(tail)


def csv(path: Path) -> None:
    path.write_bytes(compressed(b"id,note\n1,", b"\n2,x\n"))


def json_lines(path: Path) -> None:
    path.write_bytes(compressed(b'{"id": 1, "note": "', b'"}\n{"id": 2, "note": "x"}\n'))


def parquet(path: Path) -> None:
    """As many rows as megabytes, all with the same note of two, which the file holds once."""
    rows = pa.array([0] * MEGABYTES + [1], pa.int32())
    note = pa.DictionaryArray.from_arrays(rows, ["x" * (2 << 20), "y"])
    table = pa.table({"id": range(MEGABYTES + 1), "note": note})
    pq.write_table(table, path, store_schema=False)


@pytest.mark.parametrize("write", [csv, json_lines, parquet])
def test_fault_70_a_field_of_any_length_is_a_bad_row_in_bounded_memory(
    tmp_path: Path, write: Callable[[Path], None]
) -> None:
    write(tmp_path / "f")
    command = [sys.executable, str(SCRIPT), write.__name__, str(tmp_path / "f")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    *long, last = found["errors"]
    assert last is None
    assert set(long) == {TOO_LONG}
    assert found["megabytes"] < MOST
