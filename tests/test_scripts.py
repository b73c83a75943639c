"""Statements that go to the engine together: all of them, in order, in scripts of some size."""

from hypothesis import given, settings
from hypothesis import strategies as st

from countinghouse.engine_session import run_script

_GROUPS = st.lists(st.tuples(st.integers(1, 70), st.sampled_from([10, 3_000, 120_000])), max_size=3)


class _Session:
    def __init__(self) -> None:
        self.sent: list[str] = []

    def sql(self, text: str) -> None:
        self.sent.append(text)


def _statements(script: str) -> list[str]:
    return script.removeprefix("BEGIN ").removesuffix("; END").split("; ")


@settings(deadline=None)
@given(_GROUPS)
def test_every_statement_runs_once_and_in_order(groups: list[tuple[int, int]]) -> None:
    sizes = [size for count, size in groups for _ in range(count)]
    statements = [f"select {n}".ljust(size, "-") for n, size in enumerate(sizes)]
    session = _Session()
    run_script(session, statements)

    scripts = [_statements(text) for text in session.sent]
    assert [one for script in scripts for one in script] == statements
    assert all(len(s) == 1 or (len(s) <= 50 and sum(map(len, s)) <= 100_000) for s in scripts)


def test_statements_go_together() -> None:
    session = _Session()
    run_script(session, ["a", "b", "c"])
    assert session.sent == ["BEGIN a; b; c; END"]
