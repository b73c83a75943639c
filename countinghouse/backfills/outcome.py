"""Whether a backfill did what it was asked for: the exact set of dates, by name."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from countinghouse.backfills.request import Standing


@dataclass(frozen=True)
class DateRun:
    """What Airflow has recorded for one date of a backfill: a run's state, or why it has none."""

    dt: str
    state: str = ""
    reason: str = ""

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen to the date."""
        return not self.state or self.state in ("success", "failed")


@dataclass(frozen=True)
class Outcome:
    """Dates of a request by what became of them; each is in exactly one of the lists."""

    succeeded: Sequence[str]
    # Not run again, as asked: their last run had succeeded
    kept: Sequence[str]
    failed: Sequence[str]
    # Not run again, and their last run had failed
    kept_failed: Sequence[str]
    skipped: Sequence[str]
    unfinished: Sequence[str]
    # Asked for, and Airflow knows nothing of them
    unknown: Sequence[str]
    # Run without having been asked for
    extra: Sequence[str]

    @property
    def ok(self) -> bool:
        """Whether exactly the dates asked for have succeeded."""
        bad = (self.failed, self.kept_failed, self.skipped, self.unfinished, self.unknown)
        return not any((*bad, self.extra))


def outcome(
    dates: Sequence[str], runs: Iterable[DateRun], standing: Mapping[str, Standing]
) -> Outcome:
    """Compare the dates asked for with what ran; `standing` is the newest run of each now."""
    by_date = {run.dt: run for run in runs}
    found: dict[str, list[str]] = {name: [] for name in Outcome.__dataclass_fields__}
    for dt in dates:
        found[_list_of(by_date.get(dt), standing.get(dt))].append(dt)
    found["extra"] = sorted(set(by_date) - set(dates))
    return Outcome(**found)


def _list_of(run: DateRun | None, standing: Standing | None) -> str:
    if run is None:
        return "unknown"
    if run.reason == "already exists":
        failed = standing is not None and standing.state == "failed"
        return "kept_failed" if failed else "kept"
    if run.reason or not run.state:
        return "skipped"
    if run.state == "success":
        return "succeeded"
    return "failed" if run.state == "failed" else "unfinished"
