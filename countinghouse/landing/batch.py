"""The deliveries that are landed together: headers, independent counts, verdicts."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from countinghouse import names
from countinghouse.contracts import Contract
from countinghouse.deliveries import ArchivedFile, Delivery, archive
from countinghouse.errors import CountinghouseError
from countinghouse.landing.checks import complaints
from countinghouse.landing.formats import format_of
from countinghouse.landing.formats.shape import FileShape, Layout, SourceFile
from countinghouse.landing.formats.text import FileBroken, members
from countinghouse.landing.result import LandedDate, LandedDelivery, Refusal
from countinghouse.landing.tally import Tally, tally
from countinghouse.publishing.content_digest import EMPTY, PartitionDigest
from countinghouse.settings import Settings


@dataclass
class Batch:
    """The deliveries of a run, with the figures of each by its position."""

    settings: Settings
    contract: Contract
    by_dt: Mapping[str, Sequence[Delivery]]
    layouts: dict[SourceFile, Layout] = field(default_factory=dict)
    figures: dict[int, LandedDelivery] = field(default_factory=dict)
    refusals: dict[str, list[Refusal]] = field(default_factory=dict)

    @classmethod
    def of(
        cls, settings: Settings, contract: Contract, by_dt: Mapping[str, Sequence[Delivery]]
    ) -> "Batch":
        """Read the header of every file; what has none that fits is refused at once."""
        batch = cls(settings, contract, {names.date(dt): found for dt, found in by_dt.items()})
        for delivery in batch.deliveries():
            for file in delivery.files:
                batch.require(file)
                try:
                    batch._look_into(file)
                except FileBroken as error:
                    batch.refuse(delivery, f"file {file.name!r}: {error}")
            layouts = [batch.layouts[found] for _, found in batch.sources(delivery)]
            undeclared = {name for layout in layouts for name in layout.undeclared}
            batch.figures[delivery.position] = LandedDelivery(
                delivery, undeclared=tuple(sorted(undeclared))
            )
        return batch

    def _look_into(self, file: ArchivedFile) -> None:
        shape, path = FileShape.of(self.contract), self.path(file)
        for member in members(path, shape.compression):
            source = SourceFile(path, member)
            self.layouts[source] = format_of(shape).layout(source, shape)

    def sources(self, delivery: Delivery) -> Iterator[tuple[ArchivedFile, SourceFile]]:
        """The readable files of a delivery, those inside of zip archives one by one."""
        for file in delivery.files:
            path = self.path(file)
            yield from ((file, source) for source in self.layouts if source.path == path)

    def deliveries(self, *, readable: bool = False) -> list[Delivery]:
        """All deliveries by date; with `readable` only those of dates not refused so far."""
        return [
            delivery
            for dt, found in sorted(self.by_dt.items())
            for delivery in found
            if not (readable and dt in self.refusals)
        ]

    def path(self, file: ArchivedFile) -> Path:
        """Where the bytes of a file are archived."""
        return archive.path_of(self.settings, file.sha256)

    def require(self, file: ArchivedFile) -> None:
        """Raise if the archive has lost a file: that is no fault of its delivery."""
        path = self.path(file)
        if not path.is_file() or path.stat().st_size != file.bytes:
            raise CountinghouseError(
                f"the archive has lost {file.name!r} ({file.sha256})",
                remedy=f"restore {path} from a backup, or deliver the file again",
            )

    def refuse(self, delivery: Delivery, reason: str) -> None:
        """Refuse a delivery, and with it its date."""
        self.refusals.setdefault(delivery.dt, []).append(Refusal(delivery, reason))

    def tallied(self) -> dict[int, Tally | FileBroken]:
        """The independent count of every readable delivery."""
        found: dict[int, Tally | FileBroken] = {}
        for delivery in self.deliveries(readable=True):
            try:
                counts = [
                    tally(source, self.contract, self.layouts[source])
                    for _, source in self.sources(delivery)
                ]
                found[delivery.position] = sum(counts, Tally())
            except FileBroken as error:
                found[delivery.position] = error
        return found

    def note(self, tallies: Mapping[int, Tally | FileBroken]) -> None:
        """Take over the independent counts."""
        for position, found in tallies.items():
            figures = self.figures[position]
            if isinstance(found, FileBroken):
                self.refuse(figures.delivery, f"file: {found}")
            else:
                self.figures[position] = replace(
                    figures,
                    rows_in=found.records,
                    money_in=found.money,
                    unreadable=found.unreadable,
                )

    def date(self, dt: str, quarantine: Mapping[str, PartitionDigest]) -> LandedDate:
        """The verdict on a date."""
        landed = tuple(self.figures[delivery.position] for delivery in self.by_dt[dt])
        if dt not in self.refusals:
            rows_of_date = sum(each.landed.rows for each in landed)
            for each in landed:
                for reason in complaints(self.contract, each, rows_of_date):
                    self.refuse(each.delivery, reason)
        refusals = tuple(self.refusals.get(dt, ()))
        return LandedDate(dt, landed, refusals, quarantine.get(dt, EMPTY))
