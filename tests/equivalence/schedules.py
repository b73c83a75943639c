"""Random schedules: daily runs, re-runs, late and corrected files, backfills, kills, rollbacks."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import chain

from equivalence.small_shop import DAYS, FEEDS, IN_PARTS, every_order
from equivalence.steps import CHANGES, KILLED, Build, Correct, Deliver, Release, RollBack, Step
from hypothesis import strategies as st

from countinghouse.names import OPEN, plus_days

_day = st.sampled_from(DAYS)
_any = st.integers(0, 200)


@st.composite
def days(draw: st.DrawFn, feeds: Sequence[str], longest: int = 5) -> list[Step]:
    """Some days one after the other; a few deliveries do not come, and not each day is built."""
    steps: list[Step] = []
    first, count = draw(st.integers(0, 5)), draw(st.integers(1, longest))
    for dt in DAYS[first : first + count]:
        for feed in feeds:
            if draw(st.integers(0, 3)):
                steps += _deliveries(draw, feed, dt)
        if draw(st.booleans()):
            steps.append(Build())
    return steps


@st.composite
def deliveries(draw: st.DrawFn, feeds: Sequence[str]) -> list[Step]:
    """A delivery on any date: of a day that had none, or with new content."""
    return _deliveries(draw, draw(st.sampled_from(feeds)), draw(_day))


def _deliveries(draw: st.DrawFn, feed: str, dt: str) -> list[Step]:
    sequences = draw(st.sampled_from([(1,), (2,), (1, 2)])) if feed in IN_PARTS else (0,)
    return [Deliver(feed, dt, tuple(draw(FEEDS[feed](dt))), seq) for seq in sequences]


@st.composite
def builds(draw: st.DrawFn, models: Sequence[str]) -> list[Build]:
    """Builds of all or of some, of any dates in any order, some of them killed or refused."""
    some = st.lists(st.sampled_from(models), min_size=1, max_size=6, unique=True).map(tuple)
    selection = draw(st.just(("all",)) | st.just(("all",)) | some)
    first, last = draw(st.just(("", OPEN)) | st.tuples(_day, _day).map(sorted))
    forced = draw(st.sampled_from([False, False, False, True]))
    killed = draw(st.sampled_from(["", "", "", *KILLED]))
    refused = draw(st.sampled_from(["", "", "", ""]) | st.sampled_from(models))
    return [Build(selection, first, last, forced, killed, refused)]


@st.composite
def schedules(draw: st.DrawFn, models: Iterable[str], feeds: Sequence[str]) -> list[Step]:
    """Some days of some feeds, and then all that may happen, in any order."""
    sent = draw(st.lists(st.sampled_from(sorted(feeds)), min_size=2, max_size=5, unique=True))
    part = deliveries(sent) | _singles() | builds(sorted(models))
    # Not a list: that would seldom be long.
    parts = [draw(part) for _ in range(draw(st.integers(0, 20)))]
    return [*draw(days(sent)), *chain.from_iterable(parts)]


@st.composite
def short_schedules(draw: st.DrawFn, models: Iterable[str], feeds: Sequence[str]) -> list[Step]:
    """Two days and a few steps, a killed build and a rollback among them; gates as they are.

    Each order line has its order, and keeps it: else a gate would block it, and the last good
    version stay, which an empty warehouse does not have.
    """
    built = builds(sorted(models)).map(lambda steps: [replace(s, refused="") for s in steps])
    kept = sorted({*CHANGES} - {"the first row gone"})
    part = deliveries(feeds) | _singles(kept) | built
    parts = [draw(part) for _ in range(draw(st.integers(1, 4)))]
    killed = Build(killed=draw(st.sampled_from(KILLED)))
    known = Deliver("shop.orders", plus_days(DAYS[-1], 2), every_order())
    steps = [*draw(days(feeds, 2)), Build(), *chain.from_iterable(parts), killed, Build()]
    return [known, *steps, RollBack(draw(_any))]


def _singles(changes: Sequence[str] = tuple(CHANGES)) -> st.SearchStrategy[list[Step]]:
    change = st.builds(Correct, _any, st.sampled_from(changes))
    single = change | change | st.builds(RollBack, _any) | st.builds(Release, _any)
    return single.map(lambda step: [step])
