"""What becomes of values that identify persons: none of them is landed as it came.

A hash leads nowhere; a token leads back for whoever has the key of the installation.
"""

import base64
import functools
import hashlib
import hmac
import re
import unicodedata
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

Treatment = Callable[[str], str | None]
# Name of the installation's secret that hashes and tokens are made with.
PII_KEY = "pii_key"
_TOKEN = "tok_"
# What systems call columns and files; anything else may be a value that stands in a name's place.
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}")


def treatment(name: str, key: Path, null_values: Collection[str]) -> Treatment:
    """The change to a value; a null or empty value identifies nobody and stays as it is."""
    if name == "drop":
        return _dropped
    changes = {"hash": hashed, "tokenise": tokenised}
    return functools.partial(_treated, changes[name], key.read_bytes(), frozenset(null_values))


def hashed(secret: bytes, value: str) -> str:
    """A stable digest, HMAC-SHA256; nothing in it leads back."""
    return hmac.new(secret, _canonical(value), "sha256").hexdigest()


def tokenised(secret: bytes, value: str) -> str:
    """A stable token, AES-SIV (RFC 5297), from which `revealed` gets the value back."""
    sealed = _cipher(secret).encrypt(_canonical(value), None)
    return _TOKEN + base64.urlsafe_b64encode(sealed).decode().rstrip("=")


def alias(secret: bytes, name: str) -> str:
    """A stable stand-in for a name that came from outside: of a file, a folder or a column."""
    readable = name.encode("utf-8", "backslashreplace").decode()
    return f"#{hashed(secret, readable)[:16]}"


def column_alias(secret: bytes, name: str) -> str:
    """The name of an undeclared column where it is a plain word, else its alias."""
    return name if _NAME.fullmatch(name) else alias(secret, name)


def revealed(secret: bytes, token: str) -> str:
    """The value of a token; ValueError if it is none of this key."""
    from cryptography.exceptions import InvalidTag

    text = token.removeprefix(_TOKEN)
    try:
        if text == token:
            raise ValueError("it does not begin as tokens do")
        sealed = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        return str(_cipher(secret).decrypt(sealed, None), "utf-8")
    except (InvalidTag, ValueError):
        raise ValueError("it is no token of this installation's key") from None


def _dropped(_: str) -> None:
    return None


def _treated(
    change: Callable[[bytes, str], str], secret: bytes, nulls: frozenset[str], value: str
) -> str:
    return change(secret, value) if value and value not in nulls else value


def _canonical(value: str) -> bytes:
    return unicodedata.normalize("NFC", value.strip()).encode()


@functools.cache
def _cipher(secret: bytes) -> Any:
    from cryptography.hazmat.primitives.ciphers.aead import AESSIV

    # Another key than that of the hashes, made of the same secret.
    return AESSIV(hashlib.sha512(b"tokens " + secret).digest())
