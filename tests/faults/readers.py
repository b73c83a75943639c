"""A reader that never stops looking, and knows what it may see."""

import threading
import time
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, ClassVar, Self

from countinghouse import engine_session
from countinghouse.names import WHOLE
from countinghouse.planning.planner import Partition
from countinghouse.settings import Settings
from tests.faults.world import DTS, Pair, rows_of

_FIGURES = "count(*), sum(n), min(n), max(n)"


@dataclass
class Reader:
    """Reads both tables in a loop; `torn` says what no reader may ever see.

    Set `begun` before a version is published and `done` when that has ended: what a query shows
    must be a whole version, between what was done at its start and begun at its end. `pause` is
    seconds between two looks.
    """

    settings: Settings
    pair: Pair
    begun: int = 0
    done: int = 0
    pause: float = 0.0
    reads: int = 0
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
                session = session or engine_session.open_session(self.settings, name="reader")
                self._read(session)
                now = time.monotonic()
                self.gap, answered = max(self.gap, now - answered), now
                self._stop.wait(self.pause)
            except Exception as error:
                # A query may fail while the engine is replaced; it may not answer wrongly.
                self.errors.append(str(error)[:300])
                session = None
                self._stop.wait(0.3)
        if session is not None:
            session.stop()

    def _read(self, session: Any) -> None:
        self._look(session, self.pair.whole, {WHOLE}, f"select '{WHOLE}', {_FIGURES} from {{}}")
        everything = f"select dt, {_FIGURES} from {{}} group by dt"
        self._look(session, self.pair.daily, set(DTS), everything)
        one = DTS[self.reads % len(DTS)]
        self._look(session, self.pair.daily, {one}, f"{everything} having dt = '{one}'")
        self.reads += 1

    def _look(self, session: Any, table: str, expected: set[str], query: str) -> None:
        done = self.done
        rows = session.sql(query.format(table)).collect()
        begun = self.begun
        found = {row[0] for row in rows}
        if found != expected:
            self.torn.append(f"{table}: partitions {sorted(found)} instead of {sorted(expected)}")
        for dt, *figures in rows:
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
