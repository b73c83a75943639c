"""The encoding of text files: what holds for every byte, or the best guess where that is none."""

import codecs
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from charset_normalizer import from_bytes

from countinghouse.landing.formats.shape import SourceFile
from countinghouse.landing.formats.text import inflated

_BLOCK = 1 << 20
_EVIDENCE = 64 << 10
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# Those that programs still write; with all that Python knows short texts look like rare ones.
_WRITTEN = (
    "cp1252",
    "cp1250",
    "cp1251",
    "cp1253",
    "cp1254",
    "cp932",
    "gb18030",
    "big5",
    "euc_kr",
    "koi8_r",
    "cp437",
    "cp850",
)
_FOREIGN_LINE = re.compile(rb"[^\r\n]*[\x80-\xff][^\r\n]*")
# What a text of Western Europe has beyond ASCII, in cp1252; five of the bytes are in Latin-1 only.
_WESTERN = re.compile(rb"[\xc0-\xff\x80\x85\x91-\x97\x99\xa0-\xbf\x81\x8d\x8f\x90\x9d]+")


@dataclass(frozen=True)
class Encoding:
    """The name that a contract declares; `guessed` says what a person should look at."""

    name: str
    guessed: str = ""


def encoding_of(files: Sequence[SourceFile]) -> Encoding:
    """The encoding that every file can be read in; UTF-8 if all of their bytes allow it."""
    found = [_of_file(file) for file in files]
    others = [encoding for encoding in found if encoding.name != "utf-8"]
    return others[0] if others else Encoding("utf-8")


def _of_file(file: SourceFile) -> Encoding:
    blocks = _blocks(file)
    first = next(blocks, b"")
    for mark, name in _MARKS:
        if first.startswith(mark):
            return Encoding(name)
    if wide := _without_mark(first):
        return Encoding(wide, "there is no byte order mark; every second byte is NUL")
    return _utf8_or_guess(file)


def _without_mark(first: bytes) -> str:
    """UTF-16 that nothing announces: texts of tables are mostly ASCII, whose other byte is 0."""
    head = first[:2000]
    pairs = max(1, len(head) // 2)
    for name, zeros in (("utf-16-le", head[1::2]), ("utf-16-be", head[::2])):
        if zeros.count(0) > 0.7 * pairs:
            return name
    return ""


def _utf8_or_guess(file: SourceFile) -> Encoding:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for block in _blocks(file):
            decoder.decode(block)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return _guess(_evidence(file))
    return Encoding("utf-8")


def _guess(evidence: bytes) -> Encoding:
    best = from_bytes(evidence, cp_isolation=list(_WRITTEN), threshold=0.5).best()
    name = "cp1252" if best is None or _is_western(evidence) else best.encoding
    try:
        shown = _example(evidence.decode(name))
    except UnicodeDecodeError:
        # Every byte is a character of Latin-1; of cp1252 five are none.
        name, shown = "latin-1", _example(evidence.decode("latin-1"))
    return Encoding(name, f"no UTF-8; read as {name} there are texts such as {shown!r}")


def _is_western(evidence: bytes) -> bool:
    """Whether foreign letters stand alone among ASCII ones, as accents and umlauts do."""
    runs = re.findall(rb"[\x80-\xff]+", evidence)
    return bool(runs) and all(len(run) <= 2 and _WESTERN.fullmatch(run) for run in runs)


def _example(text: str) -> str:
    word = re.search(r"\w*[^\x00-\x7f]\w*", text)
    return word[0][:30] if word else ""


def _evidence(file: SourceFile) -> bytes:
    """Lines with bytes beyond ASCII, from anywhere in the file."""
    found: list[bytes] = []
    size = 0
    for block in _blocks(file):
        for match in _FOREIGN_LINE.finditer(block):
            found.append(match[0][:2000])
            size += len(found[-1])
            if size > _EVIDENCE:
                return b"\n".join(found)
    return b"\n".join(found)


def _blocks(file: SourceFile) -> Iterator[bytes]:
    with inflated(file, "infer") as stream:
        while block := stream.read(_BLOCK):
            yield block
