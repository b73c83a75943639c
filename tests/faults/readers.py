"""Readers that never stop looking, over Thrift and Connect, and know what they may see."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, ClassVar, Self

from countinghouse.engine_session import open_session
from countinghouse.names import WHOLE
from countinghouse.planning.planner import Partition
from countinghouse.settings import Settings
from tests.faults.world import DTS, Pair, rows_of

# A version that a reader may see whatever it is, if it is whole and none before it comes back.
ANY = 10**9
_FIGURES = "count(*), sum(n), min(n), max(n)"


class Connect:
    """An open Connect session."""

    def __init__(self, settings: Settings) -> None:
        self._session = open_session(settings, name="reader")

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in self._session.sql(query).collect()]

    def close(self) -> None:
        self._session.stop()

    def forget(self) -> None:
        """Of an engine that may be dead: nobody is told."""


class Thrift:
    """An open Thrift session, as BI tools have them."""

    def __init__(self, settings: Settings) -> None:
        from pyhive import hive

        self._connection = hive.connect("127.0.0.1", settings.thrift_port, username="analyst")

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        cursor = self._connection.cursor()
        cursor.execute(query)
        return [tuple(row) for row in cursor.fetchall()]

    def close(self) -> None:
        self._connection.close()

    def forget(self) -> None:
        """Of an engine that may be dead: nobody is told."""
        self._connection._transport.close()


@dataclass
class Reader:
    """Reads both tables in a loop; `torn` says what no reader may ever see.

    Set `begun` before a version is published and `done` when that has ended: what a query shows
    must be a whole version, between what was done at its start and begun at its end. `pause` is
    seconds between two looks. A query over both tables may show one new and one old: `mixed`.
    While nothing is `done`, what has never been seen of the pair may be absent.
    """

    settings: Settings
    pair: Pair
    begun: int = 0
    done: int = 0
    pause: float = 0.0
    door: Callable[[Settings], Any] = Connect
    reads: int = 0
    mixed: int = 0
    errors: list[str] = field(default_factory=list)
    torn: list[str] = field(default_factory=list)
    seen: set[int] = field(default_factory=set)
    newest: dict[Partition, int] = field(default_factory=dict)
    # Seconds of the longest time without an answer
    gap: float = 0.0
    ended: ClassVar[list["Reader"]] = []
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._loop, name="reader")
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join(60)
        self.ended.append(self)

    def wait_for(self, reads: int, *, seconds: float = 60) -> None:
        """Return when so many more reads have succeeded."""
        wanted, end = self.reads + reads, time.monotonic() + seconds
        while self.reads < wanted and time.monotonic() < end:
            time.sleep(0.05)
        assert self.reads >= wanted, f"no {reads} reads in {seconds:g} s: {self.errors[-3:]}"

    def _loop(self) -> None:
        session, answered = None, time.monotonic()
        while not self._stop.is_set():
            try:
                session = session or self.door(self.settings)
                self._read(session)
                now = time.monotonic()
                self.gap, answered = max(self.gap, now - answered), now
                self._stop.wait(self.pause)
            except Exception as error:
                # A query may fail while the engine is replaced; it may not answer wrongly.
                self.errors.append(str(error)[:300])
                if session is not None:
                    session.forget()
                session = None
                self._stop.wait(0.3)
        if session is not None:
            session.close()

    def _read(self, session: Any) -> None:
        daily, whole = self.pair.daily, self.pair.whole
        totals = f"select '{whole}', '{WHOLE}', {_FIGURES} from {whole}"
        days = f"select '{daily}', dt, {_FIGURES} from {daily} group by dt"
        one = DTS[self.reads % len(DTS)]
        self._look(session, {(daily, one)}, f"{days} having dt = '{one}'")
        # The total of one table against that of the other, in one query.
        both = {(whole, WHOLE), *((daily, dt) for dt in DTS)}
        values = self._look(session, both, f"{totals} union all {days}")
        self.mixed += len(values) > 1
        self.reads += 1

    def _look(self, session: Any, expected: set[Partition], query: str) -> set[int]:
        """Compare what a query shows with what it may show; the versions that it shows."""
        done, values = self.done, set[int]()
        rows = session.ask(query)
        begun = self.begun
        found = {(table, dt) for table, dt, *_ in rows}
        needed = expected if done else expected & self.newest.keys()
        if not needed <= found <= expected:
            self.torn.append(f"partitions {sorted(found)} instead of {sorted(expected)}")
        for table, dt, *figures in rows:
            value = figures[-1]
            whole = rows_of(value) if value is not None else []
            if figures != [len(whole), sum(whole), value, value]:
                self.torn.append(f"{table} {dt}: {figures} is no version")
                continue
            newest = self.newest.get((table, dt), 0)
            if not max(done, newest) <= value <= begun:
                was = f"in {done}..{begun}, {newest} before"
                self.torn.append(f"{table} {dt}: version {value} is not {was}")
            self.newest[table, dt] = value
            self.seen.add(value)
            values.add(value)
        return values


class Readers:
    """A reader over Connect and one over Thrift, told and asked as one."""

    def __init__(self, settings: Settings, pair: Pair, **told: Any) -> None:
        self.all = [Reader(settings, pair, door=door, **told) for door in (Connect, Thrift)]

    def __enter__(self) -> Self:
        for reader in self.all:
            reader.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        for reader in self.all:
            reader.__exit__(*error)

    def began(self, value: int) -> None:
        """Version `value` is being published from now on."""
        for reader in self.all:
            reader.begun = value

    def ended(self, value: int) -> None:
        """Version `value` has been published."""
        for reader in self.all:
            reader.done = value

    def wait_for(self, reads: int, *, seconds: float = 60) -> None:
        """Return when each has done so many more reads."""
        for reader in self.all:
            reader.wait_for(reads, seconds=seconds)

    @property
    def torn(self) -> list[str]:
        return [what for reader in self.all for what in reader.torn]

    @property
    def errors(self) -> list[str]:
        return [what for reader in self.all for what in reader.errors]
