"""Encodings and compression of delivered files."""

import gzip
import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from countinghouse.landing.formats import text as module
from countinghouse.landing.formats.shape import FileShape, Place, SourceFile
from countinghouse.landing.formats.text import (
    FileBroken,
    body,
    canonical_key,
    lines,
    members,
    opened,
)


def read(path: Path, encoding: str = "utf-8", compression: str = "infer") -> str:
    with opened(SourceFile(path), encoding, compression) as text:
        return "".join(lines(text))


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "utf-16"])
def test_fault_72_declared_encodings_are_read(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "f").write_bytes("Käse,1\n".encode(encoding))
    assert read(tmp_path / "f", encoding) == "Käse,1\n"


def test_fault_72_byte_order_mark_is_no_part_of_the_first_name(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"\xef\xbb\xbfid\n")
    assert read(tmp_path / "f") == "id\n"


def test_gzip_is_found_by_its_bytes_and_not_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "f.csv").write_bytes(gzip.compress(b"a\n"))
    (tmp_path / "f.gz").write_bytes(b"a\n")
    assert read(tmp_path / "f.csv") == read(tmp_path / "f.gz") == "a\n"


def test_truncated_gzip_is_a_broken_file(tmp_path: Path) -> None:
    whole = gzip.compress(b"".join(b"%d,%d\n" % (n, n * n) for n in range(5000)))
    (tmp_path / "f").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(FileBroken, match="gzip"):
        read(tmp_path / "f")


def gzip_bomb() -> bytes:
    return gzip.compress(b"0" * (8 << 20))


def zip_bomb() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.csv", b"0" * (8 << 20))
    return packed.getvalue()


@pytest.mark.parametrize(("bomb", "member"), [(gzip_bomb, ""), (zip_bomb, "a.csv")])
def test_fault_97_decompression_bomb_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bomb: Callable[[], bytes], member: str
) -> None:
    monkeypatch.setattr(module, "_RATIO_COUNTS_ABOVE", 1 << 20)
    (tmp_path / "f").write_bytes(bomb())
    with (
        pytest.raises(FileBroken, match="250 times"),
        opened(SourceFile(tmp_path / "f", member), "utf-8", "infer") as text,
    ):
        for _ in lines(text):
            pass


def test_fault_97_an_archive_of_endless_files_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "f.zip", "w") as archive:
        for n in range(10_001):
            archive.writestr(f"{n}", b"")
    with pytest.raises(FileBroken, match="too many files"):
        members(tmp_path / "f.zip", "infer")


def test_fault_73_keys_that_look_the_same_are_the_same() -> None:
    assert canonical_key(" Cafe\u0301 ") == canonical_key("Café") == "Café"


def shape(**changes: Any) -> FileShape:
    return FileShape(columns=(Place("id"),), **changes)


def between(path: Path, declared: FileShape) -> tuple[list[str], list[str]]:
    """The lines between preamble and trailer, and those of the trailer."""
    trailer: list[str] = []
    with opened(SourceFile(path), "utf-8", "infer") as text:
        return list(body(text, declared, trailer)), trailer


def test_preamble_and_trailer_are_no_records(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("Report of March\n\nid\n1\n2\n\nTotal;2\n(c) Bank\n\n")
    found, trailer = between(tmp_path / "f", shape(preamble=2, trailer_lines=2, trailer="Total"))
    assert found == ["id\n", "1\n", "2\n"]
    assert trailer == ["Total;2", "(c) Bank"]


def test_a_file_shorter_than_its_preamble_is_broken(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("Report\n")
    with pytest.raises(FileBroken, match="less than 3 lines"):
        between(tmp_path / "f", shape(preamble=3))


def test_fault_72_the_mark_of_another_encoding_is_told(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes("id\n".encode("utf-16"))
    with pytest.raises(FileBroken, match="mark of utf-16, declared is utf-8"):
        read(tmp_path / "f")
    (tmp_path / "g").write_bytes("ÿþ\n".encode("latin-1"))
    assert read(tmp_path / "g", "latin-1") == "ÿþ\n"


def test_every_file_of_a_zip_archive_is_found(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "f.zip", "w") as archive:
        archive.writestr("a.csv", "id\n1\n")
        archive.writestr("in/b.csv", "id\n2\n")
        archive.mkdir("empty")
    assert members(tmp_path / "f.zip", "infer") == ["a.csv", "in/b.csv"]
    with opened(SourceFile(tmp_path / "f.zip", "in/b.csv"), "utf-8", "infer") as text:
        assert text.read() == "id\n2\n"


def test_broken_zip_archives_are_broken_files(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "f.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.csv", "id\n" * 5000)
    whole = (tmp_path / "f.zip").read_bytes()
    (tmp_path / "cut.zip").write_bytes(whole[:-30])
    with pytest.raises(FileBroken, match="zip"):
        members(tmp_path / "cut.zip", "infer")
    flipped = bytearray(whole)
    flipped[60] ^= 0xFF
    (tmp_path / "flipped.zip").write_bytes(flipped)
    with (
        pytest.raises(FileBroken),
        opened(SourceFile(tmp_path / "flipped.zip", "a.csv"), "utf-8", "infer") as text,
    ):
        text.read()
    with zipfile.ZipFile(tmp_path / "empty.zip", "w"):
        pass
    with pytest.raises(FileBroken, match="no file"):
        members(tmp_path / "empty.zip", "zip")
