"""A plugin of pytest: runs the tests that are named by faults, and prints what became of each.

    countinghouse verify faults --only 3,25

A line per fault as its tests end, and one for all of them. Figures come from properties of tests:
`reads`, `torn` and `gap` of readers beside the fault, `lost`, `doubled` and `invented` rows after.
"""

import re
import statistics
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

_NUMBER = re.compile(r"fault_([0-9]+)_")
_WORDS = re.compile(r"^test_(?:fault_[0-9]+_)+")
_SUMMED = ("reads", "torn", "lost", "doubled", "invented")


@dataclass
class Fault:
    """What its tests said so far."""

    number: int
    words: str
    wanted: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    figures: Counter[str] = field(default_factory=Counter)
    gaps: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    @property
    def ended(self) -> bool:
        return self.outcomes.total() >= self.wanted

    @property
    def survived(self) -> bool:
        bad = any(self.figures[name] for name in _SUMMED if name != "reads")
        return not bad and self.outcomes["passed"] == self.wanted

    def line(self) -> str:
        """Number, verdict, tests, seconds, the longest time without an answer, and what it is."""
        verdict = "survived" if self.survived else "NOT SURVIVED"
        tests = f"{self.outcomes['passed']}/{self.wanted}"
        gap = f"{max(self.gaps):5.1f}" if self.gaps else "    -"
        return (
            f"{self.number:>5}  {verdict:<12}  {tests:>7}  {self.seconds:7.1f}  {gap}  {self.words}"
        )


class Report:
    """Follows a run and prints."""

    def __init__(self) -> None:
        self.faults: dict[int, Fault] = {}
        self.of_test: dict[str, list[int]] = {}
        self.counted: set[str] = set()
        self.totals: Counter[str] = Counter()
        self.gaps: list[float] = []
        self.began = time.monotonic()

    def expect(self, items: list[pytest.Item]) -> None:
        """Take notice of the tests that will run."""
        for item in items:
            name = getattr(item, "originalname", item.name)
            numbers = [int(number) for number in _NUMBER.findall(name)]
            self.of_test[item.nodeid] = numbers
            for number in numbers:
                words = _WORDS.sub("", name).replace("_", " ")
                self.faults.setdefault(number, Fault(number, words)).wanted += 1
        print(f"{len(self.faults)} faults, {len(items)} tests\n")
        print("fault  verdict         tests  seconds    gap  what")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        faults = [self.faults[number] for number in self.of_test.get(report.nodeid, [])]
        told = Counter({k: int(v) for k, v in report.user_properties if k in _SUMMED})
        gaps = [float(v) for k, v in report.user_properties if k == "gap"]
        if report.when == "teardown":
            self.totals += told
            self.gaps += gaps
        for fault in faults:
            fault.seconds += report.duration
            if report.when == "teardown":
                fault.figures += told
                fault.gaps += gaps
            if report.when == "call" or (not report.passed and report.nodeid not in self.counted):
                fault.outcomes[report.outcome] += 1
            if report.failed:
                fault.failures.append(f"{report.nodeid}\n{report.longreprtext[-2000:]}")
        if report.when == "call" or not report.passed:
            self.counted.add(report.nodeid)
        if report.when == "teardown":
            for fault in faults:
                if fault.ended and faults:
                    print(fault.line(), flush=True)

    def pytest_sessionfinish(self) -> None:
        for fault in self.faults.values():
            for failure in fault.failures:
                print(f"\nfault {fault.number}: {failure}")
        survived = sum(fault.survived for fault in self.faults.values())
        rows = " | ".join(f"{name} {self.totals[key]}" for name, key in
                          (("rows lost", "lost"), ("duplicated", "doubled"),
                           ("invented", "invented")))  # fmt: skip
        print(
            f"\nfaults survived {survived} of {len(self.faults)} | {rows} | "
            f"torn reads {self.totals['torn']} of {self.totals['reads']} | "
            f"longest time without an answer p50/p95 {_percentiles(self.gaps)} s | "
            f"{time.monotonic() - self.began:.0f} s"
        )


def _percentiles(values: list[float]) -> str:
    if len(values) < 2:
        return "-"
    cuts = statistics.quantiles(values, n=20, method="inclusive")
    return f"{cuts[9]:.1f}/{cuts[18]:.1f}"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--faults", default=None, help="numbers of faults, or nothing for all")


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--faults") is not None:
        config.pluginmanager.register(Report(), "fault-report-lines")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    wanted = config.getoption("--faults")
    if wanted is None:
        return
    numbers = {int(part) for part in wanted.split(",") if part}
    items[:] = list(_named(items, numbers))
    config.pluginmanager.get_plugin("fault-report-lines").expect(items)


def _named(items: list[pytest.Item], numbers: set[int]) -> Iterator[Any]:
    for item in items:
        found = {int(n) for n in _NUMBER.findall(getattr(item, "originalname", item.name))}
        if found and (found & numbers or not numbers):
            yield item
