"""A page as a program gets it."""

import time
from collections.abc import Callable
from http.client import HTTPMessage
from urllib.error import HTTPError, URLError
from urllib.request import urlopen


def get(address: str) -> tuple[int, str, HTTPMessage]:
    """Status, text and headers of a page; status 0 where nobody listens yet."""
    try:
        with urlopen(address, timeout=60) as answer:
            return answer.status, answer.read().decode(), answer.headers
    except HTTPError as refusal:
        with refusal:
            return refusal.code, refusal.read().decode(), refusal.headers
    except URLError:
        return 0, "", HTTPMessage()


def wait_for(condition: Callable[[], bool], what: str, *, seconds: float = 180) -> None:
    """Poll until the condition holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"waited {seconds} s for {what}"
        time.sleep(0.3)
