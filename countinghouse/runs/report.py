"""What a run did, for people, exit codes and Airflow."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from countinghouse.planning.planner import Partition


@dataclass(frozen=True)
class Blocked:
    """A partition that stayed as it was, and the rule that kept it so."""

    table: str
    dt: str
    rule: str
    rows: int
    message: str
    # Up to three of the failing rows, without personal values
    sample: str = ""

    def __str__(self) -> str:
        such = f", such as {self.sample}" if self.sample else ""
        return (
            f"{self.table} {self.dt}: {self.rule} ({self.rows} rows) {self.message}{such}".rstrip()
        )


@dataclass
class RunReport:
    """Everything that one run published, left alone or could not let through."""

    run_id: str
    published: list[Partition] = field(default_factory=list)
    confirmed: list[Partition] = field(default_factory=list)
    rows: int = 0
    touched: list[str] = field(default_factory=list)
    blocked: list[Blocked] = field(default_factory=list)
    # Deliveries that broke their contract as a whole
    refused: list[Blocked] = field(default_factory=list)
    superseded_by: str | None = None

    @property
    def failed(self) -> bool:
        """Whether somebody has to look."""
        return bool(self.blocked or self.refused)

    def add(self, other: "RunReport") -> None:
        """Take over what another step of the same run did."""
        self.published += other.published
        self.confirmed += other.confirmed
        self.rows += other.rows
        self.touched = sorted({*self.touched, *other.touched})
        self.blocked += other.blocked
        self.refused += other.refused

    def summary(self) -> str:
        """One line for a log; problems on lines of their own."""
        if self.superseded_by:
            return f"nothing to do: {self.superseded_by} has published it"
        head = (
            f"{len(self.published)} partitions published with {self.rows} rows, "
            f"{len(self.confirmed)} unchanged, {len(self.blocked)} blocked, "
            f"{len(self.refused)} deliveries refused"
        )
        return "\n".join([head, *_lines("blocked", self.blocked), *_lines("refused", self.refused)])


def _lines(word: str, items: Sequence[Blocked]) -> list[str]:
    return [f"  {word}: {item}" for item in items]
