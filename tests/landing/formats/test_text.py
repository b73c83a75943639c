"""Encodings and compression of delivered files."""

import gzip
from pathlib import Path

import pytest

from countinghouse.landing.formats import text as module
from countinghouse.landing.formats.shape import SourceFile
from countinghouse.landing.formats.text import FileBroken, canonical_key, lines, opened


def read(path: Path, encoding: str = "utf-8", compression: str = "infer") -> str:
    with opened(SourceFile(path), encoding, compression) as text:
        return "".join(lines(text))


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "utf-16"])
def test_declared_encodings_are_read(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "f").write_bytes("Käse,1\n".encode(encoding))
    assert read(tmp_path / "f", encoding) == "Käse,1\n"


def test_byte_order_mark_is_no_part_of_the_first_name(tmp_path: Path) -> None:
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


def test_decompression_bomb_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_RATIO_COUNTS_ABOVE", 1 << 20)
    (tmp_path / "f").write_bytes(gzip.compress(b"0" * (8 << 20)))
    with pytest.raises(FileBroken, match="250 times"):
        read(tmp_path / "f")


def test_keys_that_look_the_same_are_the_same() -> None:
    assert canonical_key(" Cafe\u0301 ") == canonical_key("Café") == "Café"
