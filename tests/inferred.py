"""An inferred contract, read back from its YAML, and what it makes of its files without engine."""

import datetime as dt
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from countinghouse.contracts import Contract, read_contracts
from countinghouse.inference.infer import infer
from countinghouse.landing.file_check import FileCheck, check_file
from countinghouse.landing.formats import format_of
from countinghouse.landing.formats.shape import FileShape, SourceFile
from countinghouse.landing.formats.text import members

Row = tuple[str | None, ...]


@dataclass(frozen=True)
class Inferred:
    """The YAML of some files, the contract that it is, and the records under it."""

    text: str
    contract: Contract
    files: Sequence[Path]
    expected_bad: int

    @classmethod
    def of(cls, files: Sequence[Path], *, today: dt.date, **named: str) -> "Inferred":
        found = infer(files, today=today, **named)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "sources.yml"
            path.write_text(found.yaml(), encoding="utf-8")
            (contract,) = read_contracts(path)
        return cls(found.yaml(), contract, files, found.expected_bad)

    @property
    def types(self) -> dict[str, str]:
        return {column.name: column.type for column in self.contract.columns}

    def check(self) -> FileCheck:
        """The only file under the contract."""
        (file,) = self.files
        return check_file(file, self.contract)

    def rows(self) -> list[Row]:
        """Texts of the declared columns, as landing's reader gives them."""
        shape = FileShape.of(self.contract)
        module = format_of(shape)
        found: list[Row] = []
        for path in self.files:
            for member in members(path, shape.compression):
                source = SourceFile(path, member)
                layout = module.layout(source, shape)
                for record in module.records(source, shape, layout):
                    assert not record.error, record
                    found.append(tuple(record.fields[n] if n >= 0 else None for n in layout.fields))
        return found
