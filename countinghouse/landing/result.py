"""What landing made of deliveries, per date: figures only, no rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce

from countinghouse.deliveries import Delivery
from countinghouse.publishing.content_digest import EMPTY, PartitionDigest, plus


@dataclass(frozen=True)
class Refusal:
    """A delivery that breaks its contract as a whole, and how."""

    delivery: Delivery
    reason: str


@dataclass(frozen=True)
class LandedDelivery:
    """The figures of one delivery; money is minor units by `<column> <currency>`."""

    delivery: Delivery
    rows_in: int = 0
    money_in: Mapping[str, int] = field(default_factory=dict)
    # Records in which an amount cannot be read, so that a control total cannot be proved.
    unreadable: int = 0
    slices: Mapping[str, PartitionDigest] = field(default_factory=dict)
    quarantined: Mapping[str, int] = field(default_factory=dict)
    money_quarantined: Mapping[str, int] = field(default_factory=dict)
    undeclared: tuple[str, ...] = ()
    rounded: Mapping[str, int] = field(default_factory=dict)
    # Of the rows that hold more than the declared columns, with what they hold; it counts none.
    extra: PartitionDigest = EMPTY
    # Of a change log: ranges of positions without gaps, in order, both ends included.
    positions: tuple[tuple[int, int], ...] = ()

    @property
    def landed(self) -> PartitionDigest:
        """Digest of all of its rows in raw."""
        return reduce(PartitionDigest.__add__, self.slices.values(), EMPTY)

    @property
    def rows_quarantined(self) -> int:
        """Its bad rows."""
        return sum(self.quarantined.values())


@dataclass(frozen=True)
class LandedDate:
    """One partition of raw and quarantine; a refused one has no directories and no figures."""

    dt: str
    deliveries: tuple[LandedDelivery, ...]
    refusals: tuple[Refusal, ...] = ()
    quarantine: PartitionDigest = EMPTY

    @property
    def refused(self) -> bool:
        """Whether the date keeps what was published before."""
        return bool(self.refusals)

    @property
    def rows_in(self) -> int:
        """Records that came, counted independently of the reader."""
        return sum(each.rows_in for each in self.deliveries)

    @property
    def raw(self) -> PartitionDigest:
        """Digest of the raw partition, undeclared columns included."""
        extra = (each.extra.of_sequence(each.delivery.seq) for each in self.deliveries)
        return reduce(PartitionDigest.__add__, [*self.slices.values(), *extra], EMPTY)

    @property
    def slices(self) -> dict[str, PartitionDigest]:
        """Digest of each business date in the raw partition."""
        found: dict[str, PartitionDigest] = {}
        for each in self.deliveries:
            for day, digest in each.slices.items():
                found[day] = found.get(day, EMPTY) + digest.of_sequence(each.delivery.seq)
        return dict(sorted(found.items()))

    @property
    def quarantined(self) -> dict[str, int]:
        """Bad rows by reason."""
        return self._sums("quarantined")

    @property
    def rounded(self) -> dict[str, int]:
        """Values that were rounded as the contract allows, by column."""
        return self._sums("rounded")

    @property
    def money_in(self) -> dict[str, int]:
        """Readable money that came, counted independently of the reader."""
        return self._sums("money_in")

    @property
    def money_quarantined(self) -> dict[str, int]:
        """Readable money of the bad rows."""
        return self._sums("money_quarantined")

    @property
    def undeclared(self) -> tuple[str, ...]:
        """Columns that came without being declared; their values are in `_extra`."""
        return tuple(sorted({name for each in self.deliveries for name in each.undeclared}))

    def _sums(self, what: str) -> dict[str, int]:
        return reduce(plus, (getattr(each, what) for each in self.deliveries), dict[str, int]())


@dataclass(frozen=True)
class LandedBatch:
    """All dates that were landed together; `samples` of bad rows by refused delivery."""

    dates: Mapping[str, LandedDate]
    samples: Mapping[int, Sequence[str]] = field(default_factory=dict)

    @property
    def landed(self) -> list[str]:
        """Dates whose directories may go on to the gate."""
        return sorted(dt for dt, date in self.dates.items() if not date.refused)

    @property
    def refusals(self) -> list[Refusal]:
        """Every refused delivery."""
        return [refusal for _, date in sorted(self.dates.items()) for refusal in date.refusals]

    def bad_rows(self, delivery: Delivery) -> int:
        """Rows of a delivery that broke its contract."""
        return sum(
            each.rows_quarantined
            for each in self.dates[delivery.dt].deliveries
            if each.delivery.position == delivery.position
        )
