"""A few of the bad rows of a delivery, for whoever is told that it was refused."""

from pathlib import Path

from countinghouse import names
from countinghouse.contracts import Contract

_ROWS = 3
_TEXT = 120
# Of each file only the beginning: a refused delivery may be bad as a whole.
_READ = 1000


def sample(contract: Contract, folder: Path) -> dict[int, list[str]]:
    """Up to three rows by delivery, out of one quarantine partition: place, rule and text.

    The text only where no column of the feed says anything about a person.
    """
    import pyarrow.parquet as pq

    open_text = all(column.pii == "none" for column in contract.columns)
    columns = ["_delivery", "_source_file", "_row_number", "_reason", "_raw"]
    found: dict[int, list[str]] = {}
    for path in sorted(folder.glob("*.parquet")):
        with pq.ParquetFile(path) as file:
            first = next(file.iter_batches(batch_size=_READ, columns=columns), None)
        for row in first.to_pylist() if first is not None else []:
            rows = found.setdefault(row["_delivery"], [])
            if len(rows) < _ROWS:
                text = names.printable((row["_raw"] or "").strip())[:_TEXT] if open_text else ""
                place = f"{row['_source_file']} row {row['_row_number']}: {row['_reason']}"
                rows.append(f"{place}: {text}" if text else place)
    return found
