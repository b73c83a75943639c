"""The text of a delivered file: decompressed, decoded, in lines of bounded length."""

import codecs
import gzip
import io
import unicodedata
import zipfile
import zlib
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, TextIO

from countinghouse.landing.formats.shape import FileShape, SourceFile

# Characters of one line, and of one record with all its line breaks.
LONGEST = 1 << 20
# Each broken record may be read up to LONGEST ahead in vain; more of them is no CSV of the dialect.
MOST_BROKEN = 1000
# Deflate reaches about 1000; tables of text stay far below this.
_HIGHEST_RATIO = 250
_RATIO_COUNTS_ABOVE = 64 << 20
_GZIP = b"\x1f\x8b"
_ZIP = b"PK\x03\x04"
_MOST_MEMBERS = 10_000
_MARKS = {
    codecs.BOM_UTF8: ("utf-8",),
    codecs.BOM_UTF16_LE: ("utf-16", "utf-16-le"),
    codecs.BOM_UTF16_BE: ("utf-16", "utf-16-be"),
}


class FileBroken(Exception):
    """A file that cannot be read to its end; its delivery is refused."""


class TooLong(str):
    """The beginning of a line that is longer than LONGEST; its rest was skipped."""

    __slots__ = ()


def _mark_bad_bytes(error: UnicodeError) -> tuple[str, int]:
    """Decode what is no text into lone surrogates, which no right text contains."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    bad = error.object[error.start : error.end]
    return "".join(chr(0xDC00 + byte) for byte in bad), error.end


BAD_BYTES = "countinghouse_mark_bad_bytes"
codecs.register_error(BAD_BYTES, _mark_bad_bytes)


def members(path: Path, compression: str) -> list[str]:
    """Names of the files in a zip archive; one without a name for any other file."""
    with path.open("rb") as file:
        if not _is_zip(file, compression):
            return [""]
    with _zip(path) as archive:
        names = [entry.filename for entry in archive.infolist() if not entry.is_dir()]
        if not names:
            raise FileBroken("zip: there is no file in it")
        if len(names) > _MOST_MEMBERS or len(set(names)) < len(names):
            raise FileBroken("zip: too many files, or two of one name")
        return names


@contextmanager
def inflated(file: SourceFile, compression: str) -> Iterator[IO[bytes]]:
    """The bytes of a file, out of its compression."""
    with file.path.open("rb") as raw:
        try:
            if _is_zip(raw, compression):
                with _zip(file.path) as archive, archive.open(file.member) as stream:
                    yield io.BufferedReader(_Limited(stream, file.path.stat().st_size))
            elif compression == "gzip" or (compression == "infer" and _begins(raw, _GZIP)):
                with gzip.GzipFile(fileobj=raw, mode="rb") as stream:
                    yield io.BufferedReader(_Limited(stream, file.path.stat().st_size))
            else:
                yield raw
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise FileBroken(f"gzip: {error}") from None
        except (zipfile.BadZipFile, RuntimeError, KeyError) as error:
            raise FileBroken(f"zip: {_why(error)}") from None


@contextmanager
def opened(file: SourceFile, encoding: str, compression: str) -> Iterator[TextIO]:
    """The decoded text with line ends as they are; bytes that are no text become surrogates."""
    with inflated(file, compression) as stream:
        _refuse_other_mark(stream, encoding)
        # utf-8-sig drops the mark that Windows programs put at the beginning.
        codec = "utf-8-sig" if encoding == "utf-8" else encoding
        try:
            with io.TextIOWrapper(stream, codec, errors=BAD_BYTES, newline="") as text:
                yield text
        except UnicodeError as error:
            raise FileBroken(f"not {encoding}: {error}") from None


def body(text: TextIO, shape: FileShape, trailer: list[str] | None = None) -> Iterator[str]:
    """Physical lines between the declared preamble and trailer.

    The trailer's lines are put into `trailer`. FileBroken if they do not come: the file was cut.
    """
    found = lines(text)
    for _ in range(shape.preamble):
        if next(found, None) is None:
            raise FileBroken(f"preamble: the file has less than {shape.preamble} lines")
    if not shape.trailer_lines:
        yield from found
        return
    held: deque[str] = deque()
    counted = 0
    for line in found:
        held.append(line)
        counted += bool(line.strip())
        while counted > shape.trailer_lines:
            counted -= bool(held[0].strip())
            yield held.popleft()
    if trailer is not None:
        trailer.extend(line.rstrip("\r\n") for line in held if line.strip())


def lines(text: TextIO) -> Iterator[str]:
    """Physical lines with their ends; a longer one comes cut, as TooLong."""
    while line := text.readline(LONGEST):
        if len(line) < LONGEST or line.endswith(("\n", "\r")):
            yield line
            continue
        while (rest := text.readline(LONGEST)) and not rest.endswith(("\n", "\r")):
            pass
        yield TooLong(line)


def printable(text: str) -> str:
    """`text` with bytes that are no text, and NUL, written as escapes."""
    return text.encode("utf-8", "backslashreplace").decode().replace("\x00", "\\x00")


def canonical_key(value: str) -> str:
    """A key without blanks around it, composed (NFC): what looks the same joins."""
    stripped = value.strip()
    return stripped if stripped.isascii() else unicodedata.normalize("NFC", stripped)


def _is_zip(file: IO[bytes], compression: str) -> bool:
    return compression == "zip" or (compression == "infer" and _begins(file, _ZIP))


def _begins(file: IO[bytes], mark: bytes) -> bool:
    beginning = file.read(len(mark))
    file.seek(0)
    return beginning == mark


def _why(error: Exception) -> str:
    """What is wrong with a member of a zip archive; its name may be that of a person."""
    match error:
        case NotImplementedError():
            return "a file in it is compressed by a method that is not known"
        case RuntimeError():
            return "a file in it is encrypted"
    return "a file in it is damaged"


def _zip(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except (zipfile.BadZipFile, NotImplementedError, OSError) as error:
        raise FileBroken(f"zip: {error}") from None


def _refuse_other_mark(stream: IO[bytes], encoding: str) -> None:
    """A byte order mark of another encoding: every name in the header would look unknown."""
    if not isinstance(stream, io.BufferedReader):
        return
    beginning = stream.peek(3)[:3]
    for mark, meant in _MARKS.items():
        # All of these bytes are letters in single-byte encodings: a file may begin with them.
        if beginning.startswith(mark) and encoding.startswith("utf-") and encoding not in meant:
            raise FileBroken(f"it begins with the mark of {meant[0]}, declared is {encoding}")


class _Limited(io.RawIOBase):
    """A decompressed stream that stops at a decompression bomb."""

    def __init__(self, stream: Any, size: int) -> None:
        self._stream = stream
        self._limit = max(size * _HIGHEST_RATIO, _RATIO_COUNTS_ABOVE)
        self._out = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        block = self._stream.read(len(buffer))
        self._out += len(block)
        if self._out > self._limit:
            raise FileBroken(f"it expands to more than {_HIGHEST_RATIO} times its size")
        buffer[: len(block)] = block
        return len(block)
