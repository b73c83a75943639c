"""The text of a delivered file: decompressed, decoded, in lines of bounded length."""

import codecs
import gzip
import io
import unicodedata
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

# Characters of one line, and of one record with all its line breaks.
LONGEST = 1 << 20
# Each broken record may be read up to LONGEST ahead in vain; more of them is no CSV of the dialect.
MOST_BROKEN = 1000
# Deflate reaches about 1000; tables of text stay far below this.
_HIGHEST_RATIO = 250
_RATIO_COUNTS_ABOVE = 64 << 20
_GZIP = b"\x1f\x8b"


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


@contextmanager
def opened(path: Path, encoding: str, compression: str) -> Iterator[TextIO]:
    """The decoded text with line ends as they are; bytes that are no text become surrogates."""
    with path.open("rb") as file:
        zipped = compression == "gzip" or (compression == "infer" and _is_gzip(file))
        stream = _Inflated(file, path.stat().st_size) if zipped else file
        # utf-8-sig drops the mark that Windows programs put at the beginning.
        codec = "utf-8-sig" if encoding == "utf-8" else encoding
        try:
            with io.TextIOWrapper(stream, codec, errors=BAD_BYTES, newline="") as text:
                yield text
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise FileBroken(f"gzip: {error}") from None
        except UnicodeError as error:
            raise FileBroken(f"not {encoding}: {error}") from None


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


def _is_gzip(file: io.BufferedReader) -> bool:
    return file.peek(2)[:2] == _GZIP


class _Inflated(gzip.GzipFile):
    """A gzip stream that stops at a decompression bomb."""

    def __init__(self, file: io.BufferedReader, size: int) -> None:
        super().__init__(fileobj=file, mode="rb")
        self._limit = max(size * _HIGHEST_RATIO, _RATIO_COUNTS_ABOVE)
        self._out = 0

    def read1(self, size: int = -1) -> bytes:
        block = super().read1(size)
        self._out += len(block)
        if self._out > self._limit:
            raise FileBroken(f"gzip: expands to more than {_HIGHEST_RATIO} times its size")
        return block
