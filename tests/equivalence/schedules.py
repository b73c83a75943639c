"""Random schedules: daily runs, re-runs, late and corrected files, backfills, kills, rollbacks."""

from collections.abc import Iterable, Sequence
from itertools import chain

from equivalence.small_shop import DAYS, FEEDS
from equivalence.steps import KILLED, Build, Deliver, Release, RollBack, Step
from hypothesis import strategies as st

from countinghouse.names import OPEN

_day = st.sampled_from(DAYS)
_any = st.integers(0, 200)


@st.composite
def deliveries(draw: st.DrawFn, feeds: Sequence[str] = tuple(FEEDS)) -> list[Step]:
    """Deliveries of one day, in which some feeds may be missing."""
    dt = draw(_day)
    sent = draw(st.lists(st.sampled_from(feeds), min_size=1, max_size=4, unique=True))
    return [Deliver(feed, dt, tuple(draw(FEEDS[feed](dt)))) for feed in sent]


@st.composite
def builds(draw: st.DrawFn, models: Sequence[str]) -> list[Step]:
    """Builds of all or of some, of any dates in any order, some of them killed or refused."""
    some = st.lists(st.sampled_from(models), min_size=1, max_size=6, unique=True).map(tuple)
    selection = draw(st.just(("all",)) | st.just(("all",)) | some)
    first, last = draw(st.just(("", OPEN)) | st.tuples(_day, _day).map(sorted))
    forced = draw(st.sampled_from([False, False, False, True]))
    killed = draw(st.sampled_from(["", "", "", *KILLED]))
    refused = draw(st.sampled_from(["", "", "", ""]) | st.sampled_from(models))
    return [Build(selection, first, last, forced, killed, refused)]


def schedules(models: Iterable[str], *, max_size: int = 12) -> st.SearchStrategy[list[Step]]:
    """Deliveries and builds in any order, with all that may come between them."""
    built = builds(sorted(models))
    held = (st.builds(RollBack, _any) | st.builds(Release, _any)).map(lambda step: [step])
    parts = deliveries() | deliveries() | built | built | held
    return st.lists(parts, max_size=max_size).map(lambda found: [*chain(*found)])
