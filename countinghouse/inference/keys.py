"""The smallest set of columns of which no two different rows have the same values."""

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from countinghouse.landing.formats.text import canonical_key

MOST_COLUMNS = 4
# Hashes that are kept at once, 8 bytes each.
CELLS = 8 << 20
VERIFIED_CELLS = 32 << 20
_CONSIDERED = 16
_TRIED = 3000
_FIRST_LOOK = 2000
_TIME_ALONE = 3
Hashes = npt.NDArray[np.int64]
Values = Sequence[str | None]


@dataclass
class Sample:
    """Hashes of the values of the first rows, as many as there is room for."""

    width: int
    rows: int = 0
    seen: int = 0
    _parts: list[list[Hashes]] = field(default_factory=list)
    _whole: list[Hashes] = field(default_factory=list)

    def take(self, columns: Sequence[Values], count: int) -> None:
        """Add rows, given by columns."""
        self.seen += count
        room = min(count, CELLS // (self.width + 1) - self.rows)
        if room <= 0:
            return
        self.rows += room
        parts = [_hashes(values[:room]) for values in columns]
        self._parts.append(parts)
        self._whole.append(_mixed(parts))

    @property
    def is_whole(self) -> bool:
        """Whether no row is missing."""
        return self.seen == self.rows

    def column(self, n: int) -> Hashes:
        """Hashes of a column."""
        return _joined([parts[n] for parts in self._parts])

    def whole(self) -> Hashes:
        """Hashes of the whole rows."""
        return _joined(self._whole)


@dataclass(frozen=True)
class Candidate:
    """A column that may be in a key; what costs less is preferred."""

    column: int
    cost: float
    # A time alone tells rows apart only while they are few.
    is_time: bool = False


@dataclass(frozen=True)
class Key:
    """Columns of a key; `conflicts` rows share it with another one that differs."""

    columns: tuple[int, ...]
    conflicts: int = 0
    # Rows that are exact copies of another one.
    copies: int = 0
    # Of how many rows this is known, if not of all.
    of_first: int = 0


def find_key(
    sample: Sample, candidates: Iterable[Candidate], again: Callable[[], Iterator[Sequence[Values]]]
) -> Key | None:
    """The cheapest key of up to four columns, else a larger one; None if there is none.

    `again` reads all rows once more, by batches of columns: what is unique among the first rows
    is looked for in all of them.
    """
    whole = sample.whole()
    different = _different(whole)
    copies = sample.rows - different
    listed = list(candidates)
    found = _unique_sets(sample, listed, whole, different)
    larger = _larger_set(sample, listed, different)
    found = itertools.chain(found, [larger] if larger else [])
    if sample.is_whole:
        first = next(found, None)
        return Key(first, copies=copies) if first else None
    return _verified(sample, list(itertools.islice(found, 32)), again)


def conflicts(sample: Sample, columns: Sequence[int]) -> int:
    """Rows that share the columns with a row that differs."""
    keys, whole = _mixed([sample.column(n) for n in columns]), sample.whole()
    pairs = np.unique(np.stack([keys, whole], axis=1), axis=0)
    values, counts = np.unique(pairs[:, 0], return_counts=True)
    return int(np.isin(keys, values[counts > 1]).sum())


def _unique_sets(
    sample: Sample, candidates: list[Candidate], whole: Hashes, different: int
) -> Iterator[tuple[int, ...]]:
    """Sets that tell all rows of the sample apart, cheapest first, none around another one."""
    best = sorted(candidates, key=lambda c: (c.cost, c.column))[:_CONSIDERED]
    columns = {c.column: sample.column(c.column) for c in best}
    head = {n: hashes[:_FIRST_LOOK] for n, hashes in columns.items()}
    head_different = _different(whole[:_FIRST_LOOK])
    found: list[set[int]] = []
    for chosen in itertools.islice(_by_cost(best), _TRIED):
        if any(known <= set(chosen) for known in found):
            continue
        if _count([head[n] for n in chosen]) < head_different:
            continue
        if _count([columns[n] for n in chosen]) == different:
            found.append(set(chosen))
            yield chosen


def _by_cost(candidates: Sequence[Candidate]) -> list[tuple[int, ...]]:
    sets = [
        (_cost(chosen), len(chosen), tuple(sorted(c.column for c in chosen)))
        for size in range(1, MOST_COLUMNS + 1)
        for chosen in itertools.combinations(candidates, size)
    ]
    return [columns for _, _, columns in sorted(sets)]


def _cost(chosen: Sequence[Candidate]) -> float:
    return sum(c.cost for c in chosen) + _TIME_ALONE * all(c.is_time for c in chosen)


def _larger_set(
    sample: Sample, candidates: Sequence[Candidate], different: int
) -> tuple[int, ...] | None:
    """What is left of all candidates when what is not needed is taken away, dearest first."""
    left = [c.column for c in sorted(candidates, key=lambda c: (c.cost, c.column))]
    columns = {n: sample.column(n) for n in left}
    if not left or _count([columns[n] for n in left]) < different:
        return None
    for n in reversed(left[:]):
        rest = [other for other in left if other != n]
        if rest and _count([columns[other] for other in rest]) == different:
            left = rest
    return tuple(sorted(left))


def _verified(
    sample: Sample,
    sets: Sequence[tuple[int, ...]],
    again: Callable[[], Iterator[Sequence[Values]]],
) -> Key | None:
    """The first set that holds for all rows, or for as many as there is room for."""
    limit = VERIFIED_CELLS // 2
    room = max(1, limit // max(1, min(sample.seen, limit)))
    for start in range(0, len(sets), room):
        tried = sets[start : start + room]
        whole, keys, rows = _read_again(tried, again(), limit)
        different = _different(whole)
        for columns, hashes in zip(tried, keys, strict=True):
            if _different(hashes) == different:
                partly = rows if rows < sample.seen else 0
                return Key(columns, copies=rows - different, of_first=partly)
    return None


def _read_again(
    sets: Sequence[tuple[int, ...]], batches: Iterator[Sequence[Values]], limit: int
) -> tuple[Hashes, list[Hashes], int]:
    whole: list[Hashes] = []
    keys: list[list[Hashes]] = [[] for _ in sets]
    rows = 0
    for columns in batches:
        parts = [_hashes(values) for values in columns]
        whole.append(_mixed(parts))
        for n, chosen in enumerate(sets):
            keys[n].append(_mixed([parts[c] for c in chosen]))
        rows += len(whole[-1])
        if rows >= limit:
            break
    return _joined(whole), [_joined(parts) for parts in keys], rows


def _count(columns: Sequence[Hashes]) -> int:
    return _different(_mixed(columns))


def _different(hashes: Hashes) -> int:
    # Several times as fast as np.unique, which makes a table of them.
    ordered = np.sort(hashes)
    return int(np.count_nonzero(np.diff(ordered))) + bool(len(ordered))


def _joined(parts: Sequence[Hashes]) -> Hashes:
    return np.concatenate(parts) if parts else np.empty(0, np.int64)


def _hashes(values: Values) -> Hashes:
    """Of the texts as landing compares keys."""
    known = {text: hash(canonical_key(text or "")) for text in set(values)}
    return np.fromiter(map(known.__getitem__, values), np.int64, len(values))


def _mixed(columns: Sequence[Hashes]) -> Hashes:
    """One hash per row; the places of the columns count."""
    found = np.zeros(len(columns[0]) if columns else 0, np.uint64)
    for column in columns:
        found = (found ^ column.view(np.uint64)) * np.uint64(0x9E3779B97F4A7C15)
        found ^= found >> np.uint64(29)
    return found.view(np.int64)
