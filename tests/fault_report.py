"""A plugin of pytest: runs the tests that are named by faults, and prints what became of each.

    countinghouse verify faults --only 3,25

A line per fault as its tests end, one per negative control (`test_control_...`), and one for all.
Figures come from properties of tests: `reads`, `torn`, `mixed` and `gap` of readers beside the
fault, `lost`, `doubled` and `invented` rows after it, `garbage` in bytes after all. Recovery is the
longest time for which a reader beside a fault had no answer.
"""

import re
import statistics
import time
from collections import Counter
from dataclasses import dataclass, field

import pytest

_NUMBER = re.compile(r"fault_([0-9]+)_")
_WORDS = re.compile(r"^test_(?:fault_[0-9]+_)+")
_BAD = ("torn", "lost", "doubled", "invented", "garbage")
_SUMMED = ("reads", "mixed", *_BAD)
_ALL = range(1, 115)
_CONTROL = "test_control_"
# What cannot happen here as it is listed, and what its tests do instead.
_INSTEAD = {
    6: "Spark ends a job whose task fails after its commit: the test adds the second file",
    11: "the metastore is a part of the engine: the engine dies before anything is written",
    12: "the metastore is a part of the engine: the engine dies at the publication",
    14: "the metastore is a part of the engine: the engine dies during its transaction",
    21: "no model is written by insert_overwrite: one that asks for it is refused",
    34: "no session builds two schemas: two builds of one model run beside each other",
}


@dataclass
class Fault:
    """What its tests said so far."""

    number: int
    words: str
    wanted: int = 0
    ended: int = 0
    passed: int = 0
    seconds: float = 0.0
    figures: Counter[str] = field(default_factory=Counter)
    gaps: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    @property
    def survived(self) -> bool:
        """Whether each test has passed from its set-up to the count of rows behind it."""
        bad = any(self.figures[name] for name in _BAD)
        return not bad and 0 < self.wanted == self.passed

    def line(self) -> str:
        """Number, verdict, tests, seconds, the longest time without an answer, and what it is."""
        verdict = "survived" if self.survived else "NOT SURVIVED"
        tests = f"{self.passed}/{self.wanted}"
        gap = f"{max(self.gaps):5.1f}" if self.gaps else "    -"
        return (
            f"{self.number:>5}  {verdict:<12}  {tests:>7}  {self.seconds:7.1f}  {gap}  {self.words}"
        )


class Report:
    """Follows a run and prints."""

    def __init__(self) -> None:
        self.faults: dict[int, Fault] = {}
        self.of_test: dict[str, list[int]] = {}
        self.not_passed: set[str] = set()
        self.totals: Counter[str] = Counter()
        self.gaps: list[float] = []
        self.controls: set[str] = set()
        self.began = time.monotonic()

    def expect(self, items: list[pytest.Item], wanted: set[int]) -> None:
        """Take notice of the tests that will run, for the faults that were asked for."""
        self.controls = {item.nodeid for item in items if _is_control(item)}
        for number in sorted(wanted):
            self.faults[number] = Fault(number, "")
        for item in items:
            self.of_test[item.nodeid] = sorted(_faults_of(item) & wanted)
            for number in self.of_test[item.nodeid]:
                words = _WORDS.sub("", _name_of(item)).replace("_", " ")
                fault = self.faults[number]
                fault.words, fault.wanted = fault.words or words, fault.wanted + 1
        print(f"{len(self.faults)} faults, {len(items)} tests\n")
        print("fault  verdict         tests  seconds    gap  what")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        faults = [self.faults[number] for number in self.of_test.get(report.nodeid, [])]
        if not report.passed:
            self.not_passed.add(report.nodeid)
        for fault in faults:
            fault.seconds += report.duration
            if report.failed:
                fault.failures.append(f"{report.nodeid}\n{report.longreprtext[-2000:]}")
        if report.when == "teardown":
            self._count(report, faults)
            if report.nodeid in self.controls:
                self._tell_control(report)

    def _count(self, report: pytest.TestReport, faults: list[Fault]) -> None:
        told = Counter({k: int(v) for k, v in report.user_properties if k in _SUMMED})
        gaps = [float(v) for k, v in report.user_properties if k == "gap"]
        self.totals += told
        self.gaps += gaps
        for fault in faults:
            fault.figures += told
            fault.gaps += gaps
            fault.ended += 1
            fault.passed += report.nodeid not in self.not_passed
            if fault.ended == fault.wanted:
                print(fault.line(), flush=True)

    def _tell_control(self, report: pytest.TestReport) -> None:
        told = dict(report.user_properties).get("control", report.nodeid)
        blind = report.nodeid in self.not_passed
        print(f"control: {told}, {'WHICH SHOWS NOTHING' if blind else 'as it must be'}", flush=True)

    def pytest_sessionfinish(self) -> None:
        for number in sorted(self.faults.keys() & _INSTEAD):
            print(f"not as listed in this deployment: {number}: {_INSTEAD[number]}")
        if unmade := [fault.number for fault in self.faults.values() if not fault.wanted]:
            print(f"no test makes these happen: {', '.join(map(str, unmade))}")
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
            f"old and new in one query {self.totals['mixed']} | "
            f"recovery p50/p95 {_percentiles(self.gaps)} s | "
            f"bytes of garbage after GC {self.totals['garbage']} | "
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
    said = config.getoption("--faults")
    if said is None:
        return
    tested = set[int]().union(*map(_faults_of, items))
    asked = {int(part) for part in said.split(",") if part}
    if unknown := sorted(asked - tested):
        raise pytest.UsageError(f"no test makes these faults happen: {unknown}")
    wanted = asked or {*_ALL, *tested}
    controls = [] if asked else [item for item in items if _is_control(item)]
    items[:] = [item for item in items if _faults_of(item) & wanted or item in controls]
    config.pluginmanager.get_plugin("fault-report-lines").expect(items, wanted)


def _faults_of(item: pytest.Item) -> set[int]:
    return {int(number) for number in _NUMBER.findall(_name_of(item))}


def _is_control(item: pytest.Item) -> bool:
    return _name_of(item).startswith(_CONTROL)


def _name_of(item: pytest.Item) -> str:
    return str(getattr(item, "originalname", item.name))
