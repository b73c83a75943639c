"""Where the records of JSON are, and which columns they have."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from countinghouse.landing.formats.shape import Place

# An object is spread over columns as long as there are not more than these.
MOST_COLUMNS = 100
_DEEPEST_LIST = 3
_DEEPEST_COLUMN = 3


class Number(str):
    """A number as it was written."""

    __slots__ = ()


def parsed(text: str) -> Any:
    """JSON with numbers as texts; ValueError for what is none."""
    return json.loads(text, parse_float=Number, parse_int=Number)


def records_pointer(document: Any) -> str:
    """Pointer to the records: the list of objects that holds most, else the only object."""
    size = len(json.dumps(document))
    lists = sorted(_lists(document, "", 0), key=lambda found: -found[1])
    # Not a list inside of the only record.
    if lists and lists[0][1] > size / 2:
        return lists[0][0]
    pointer = ""
    while isinstance(document, dict) and len(document) == 1:
        (name, inner), *_ = document.items()
        if not isinstance(inner, dict) or not inner:
            break
        pointer, document = f"{pointer}/{_escaped(name)}", inner
    return pointer


def _lists(content: Any, pointer: str, depth: int) -> Iterator[tuple[str, int]]:
    """Pointers to lists of nothing but objects, with their characters."""
    if isinstance(content, list):
        if content and all(isinstance(item, dict) for item in content):
            yield pointer, len(json.dumps(content))
    elif isinstance(content, dict) and depth < _DEEPEST_LIST:
        for name, inner in content.items():
            yield from _lists(inner, f"{pointer}/{_escaped(name)}", depth + 1)


@dataclass
class _Node:
    """What stands at one place of the records."""

    seen: int = 0
    values: bool = False
    numbers: bool = False
    texts: bool = False
    lists: bool = False
    objects: bool = False
    inside: "dict[str, _Node]" = field(default_factory=dict)

    def take(self, content: Any, depth: int) -> None:
        self.seen += 1
        if isinstance(content, dict):
            self.objects = True
            # A map by ids or dates has ever new names: it is no record.
            self.values |= depth > 0 and len(self.inside) > MOST_COLUMNS
            if depth < _DEEPEST_COLUMN and not self.values:
                for name, inner in content.items():
                    self.inside.setdefault(name, _Node()).take(inner, depth + 1)
        elif isinstance(content, list):
            self.lists = True
        elif content is not None:
            self.values = True
            self.numbers |= isinstance(content, Number)
            self.texts |= isinstance(content, str) and not isinstance(content, Number)

    @property
    def spreads(self) -> bool:
        """Whether it is always the same few names, and can be columns."""
        return bool(self.inside) and self.objects and not (self.values or self.lists)


@dataclass(frozen=True)
class Found:
    """A column of JSON records; `is_text` if its values stand in quotes."""

    place: Place
    is_text: bool


def columns(records: Iterable[Any]) -> list[Found]:
    """The columns of some records, in the order in which their names come first."""
    top = _Node()
    for content in records:
        if isinstance(content, dict):
            top.take(content, 0)
    return [_found(path, node) for path, node in _spread(top)]


def _spread(top: _Node) -> list[tuple[tuple[str, ...], _Node]]:
    """Places in order; each object is opened if all of its level still fit."""
    leaves: list[tuple[tuple[str, ...], _Node]] = [((n,), node) for n, node in top.inside.items()]
    for _ in range(_DEEPEST_COLUMN - 1):
        opened: list[tuple[tuple[str, ...], _Node]] = []
        for path, node in leaves:
            if node.spreads:
                opened += [((*path, name), inner) for name, inner in node.inside.items()]
            else:
                opened.append((path, node))
        if len(opened) > MOST_COLUMNS:
            break
        leaves = opened
    return leaves


def _found(path: tuple[str, ...], node: _Node) -> Found:
    pointer = "/" + "/".join(map(_escaped, path))
    plain = len(path) == 1 and not path[0].startswith("/") and path[0]
    header = path[0] if plain else pointer
    return Found(Place(header, nested=node.objects or node.lists), node.texts and not node.numbers)


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")
