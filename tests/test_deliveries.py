"""Deliveries: complete ones only, archived by digest, logged once."""

import contextlib
import hashlib
import json
import os
import socket
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from alerted import alerts
from feeds import contract_of, csv_of, deliver

from countinghouse import deliveries
from countinghouse.contracts import Contract
from countinghouse.deliveries import Delivery, archive, delivery_folders
from countinghouse.runs import ingest

DAY = "2026-03-10"
ONE, TWO = csv_of("a,1,1.00,EUR,2026-03-10 09:00:00,"), csv_of("b,1,1.00,EUR,2026-03-10 09:00:00,")
EMPTY = csv_of()
Accept = Callable[[], list[Delivery | None]]


@pytest.fixture
def contract(tmp_path: Path, request: pytest.FixtureRequest) -> Contract:
    name = hashlib.sha256(request.node.name.encode()).hexdigest()[:12]
    return contract_of(tmp_path / "project", f"till_d{name}", files="*.csv")


@pytest.fixture
def home(installation: Any, tmp_path: Path) -> Any:
    return installation.model_copy(update={"landing": tmp_path / "landing"})


@pytest.fixture
def accept(ledger: Any, home: Any, contract: Contract) -> Accept:
    def run() -> list[Delivery | None]:
        found = deliveries.discover(home, contract)
        return [deliveries.accept(ledger, home, contract, arrival) for arrival in found]

    return run


def test_fault_61_unfinished_deliveries_are_not_picked_up(home: Any, contract: Contract) -> None:
    folder = deliver(home.landing_root, contract, DAY, ONE)
    assert len(deliveries.discover(home, contract)) == 1
    (folder / "_DONE").unlink()
    assert deliveries.discover(home, contract) == []


@pytest.mark.parametrize(
    "name",
    [
        "dt=2026-02-30",
        "dt=2026-01-01%2f..",
        "2026-01-01",
        "dt=..",
        "dt=" + "9" * 200,
        "dt=9999-12-31",
        os.fsdecode(b"dt=\xff\n"),
    ],
)
def test_folders_outside_of_the_grammar_are_told_and_not_read(
    home: Any, contract: Contract, name: str
) -> None:
    folder = deliver(home.landing_root, contract, DAY, ONE)
    folder.rename(folder.with_name(name))
    assert deliveries.discover(home, contract) == []
    (stray,) = deliveries.strays(home, contract)
    assert str(folder.parent) in stray
    assert stray.isprintable()


@pytest.mark.parametrize("name", ["seq=1", "seq=001", "seq=00", "seq=0", "seq=-1", "seq=12345"])
def test_a_sequence_has_one_spelling(home: Any, contract: Contract, name: str) -> None:
    folder = deliver(home.landing_root, contract, DAY, ONE, seq=1)
    deliver(home.landing_root, contract, DAY, TWO, seq=1234)
    other = folder.with_name(name)
    other.mkdir()
    (other / "_DONE").touch()
    assert [a.seq for a in deliveries.discover(home, contract)] == [1, 1234]
    assert deliveries.strays(home, contract) == [
        f"{other}: is not seq=NN; number deliveries of a date seq=01, seq=02 and so on"
    ]


def test_dates_are_read_until_tomorrow(
    home: Any, contract: Contract, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery_folders, "_tomorrow", lambda: DAY)
    deliver(home.landing_root, contract, DAY, ONE)
    early = deliver(home.landing_root, contract, "2026-03-11", ONE)
    assert [a.dt for a in deliveries.discover(home, contract)] == [DAY]
    assert deliveries.strays(home, contract) == [
        f"{early}: 2026-03-11 is later than tomorrow (UTC); "
        "name the folder after the day that it delivers"
    ]


def test_bytes_are_archived_and_the_log_row_copied(
    home: Any, contract: Contract, accept: Accept
) -> None:
    deliver(home.landing_root, contract, DAY, ONE)
    (delivery,) = accept()
    assert delivery is not None
    digest = hashlib.sha256(ONE.encode()).hexdigest()
    assert archive.path_of(home, digest).read_text() == ONE
    copy = json.loads(archive.log_path(home, delivery.position).read_text())
    assert (copy["feed"], copy["files"][0]["sha256"]) == (str(contract.feed), digest)


def test_fault_58_the_same_file_delivered_twice_is_one_delivery(
    home: Any, contract: Contract, accept: Accept, ledger: Any
) -> None:
    for expected in (True, False):
        folder = deliver(home.landing_root, contract, DAY, ONE)
        assert [delivery is not None for delivery in accept()] == [expected]
        (folder / "_DONE").unlink()
    assert len(deliveries.log(ledger, contract.feed)) == 1


def test_a_delivery_that_contradicts_itself_is_told_and_alerted(
    home: Any, contract: Contract, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest, "contracts_of", lambda *_: [contract])
    folder = deliver(home.landing_root, contract, DAY, ONE)
    (folder / "sales.csv").unlink()
    (found,) = ingest.accept(home, [contract.system])
    assert (found.table, found.dt, found.rule) == (contract.feed.raw, DAY, "delivery accepted")
    assert "no files" in found.message
    (alert,) = alerts(home, table=contract.feed.raw)
    assert (alert["partition"], alert["rule"]) == (DAY, "delivery accepted")
    # Once: nothing has come since.
    assert ingest.accept(home, [contract.system]) == []


def test_fault_59_the_same_content_under_another_name_is_no_delivery_but_on_another_date(
    home: Any,
    contract: Contract,
    ledger: Any,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO", ingest.__name__)
    monkeypatch.setattr(ingest, "contracts_of", lambda *_: [contract])
    folder = deliver(home.landing_root, contract, DAY, ONE)
    assert ingest.accept(home, [contract.system]) == []
    (folder / "sales.csv").rename(folder / "sales_again.csv")
    assert ingest.accept(home, [contract.system]) == []
    assert caplog.messages[-1] == f"{folder}: same content as before"
    deliver(home.landing_root, contract, "2026-03-11", ONE)
    assert ingest.accept(home, [contract.system]) == []
    assert [d.dt for d in deliveries.log(ledger, contract.feed)] == [DAY, "2026-03-11"]


def test_fault_60_a_correction_is_the_next_version_and_both_stay(
    home: Any, contract: Contract, accept: Accept, ledger: Any
) -> None:
    for content in (ONE, TWO, ONE):
        deliver(home.landing_root, contract, DAY, content)
        accept()
    assert [d.version for d in deliveries.log(ledger, contract.feed)] == [1, 2, 3]
    (newest,) = deliveries.current(ledger, contract.feed)[DAY]
    assert newest.version == 3


def test_a_refused_version_leaves_the_one_before_current(
    home: Any, contract: Contract, accept: Accept, ledger: Any
) -> None:
    deliver(home.landing_root, contract, DAY, ONE)
    accept()
    deliver(home.landing_root, contract, DAY, TWO)
    (second,) = accept()
    assert second is not None
    refused = deliveries.refuse(ledger, home, second, "too many bad rows")
    assert (refused.refused, refused.reason) == (True, "too many bad rows")
    assert deliveries.current(ledger, contract.feed)[DAY][0].version == 1
    assert accept() == [None]
    deliveries.readmit(ledger, home, second)
    assert deliveries.current(ledger, contract.feed)[DAY][0].version == 2


def test_sequences_of_a_date_are_deliveries_of_their_own(
    home: Any, contract: Contract, accept: Accept, ledger: Any
) -> None:
    deliver(home.landing_root, contract, DAY, ONE, seq=1)
    deliver(home.landing_root, contract, DAY, TWO, seq=2)
    accept()
    assert [d.seq for d in deliveries.current(ledger, contract.feed)[DAY]] == [1, 2]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([ONE, EMPTY], [EMPTY, EMPTY]),
        ([ONE, TWO], [TWO, EMPTY]),
        ([TWO, ONE], [EMPTY, TWO]),
        ([ONE], [TWO, ONE]),
        ([EMPTY, ONE], [ONE, TWO]),
    ],
)
def test_a_sequence_holds_what_its_folder_holds(
    home: Any,
    contract: Contract,
    accept: Accept,
    ledger: Any,
    before: list[str],
    after: list[str],
) -> None:
    for contents in (before, after):
        for seq, content in enumerate(contents, 1):
            deliver(home.landing_root, contract, DAY, content, seq=seq)
        accept()
    current = deliveries.current(ledger, contract.feed)[DAY]
    assert [(d.seq, _text(home, d)) for d in current] == list(enumerate(after, 1))


@pytest.mark.parametrize("late", [1, 2])
def test_a_new_sequence_with_the_content_of_another_is_a_delivery(
    home: Any, contract: Contract, accept: Accept, ledger: Any, late: int
) -> None:
    for seq, content in ((3 - late, ONE), (late, ONE), (3 - late, TWO)):
        deliver(home.landing_root, contract, DAY, content, seq=seq)
        accept()
    current = {d.seq: _text(home, d) for d in deliveries.current(ledger, contract.feed)[DAY]}
    assert current == {late: ONE, 3 - late: TWO}


def _text(home: Any, delivery: Delivery) -> str:
    (file,) = delivery.files
    return archive.path_of(home, file.sha256).read_text()


def test_manifest_brings_rows_and_control_totals(
    home: Any, contract: Contract, accept: Accept
) -> None:
    said = {"rows": 1, "control": {"amount": {"EUR": "1.00"}}}
    deliver(home.landing_root, contract, DAY, ONE, manifest=said)
    (delivery,) = accept()
    assert delivery is not None
    assert delivery.control == {"rows": 1, "money": {"amount": {"EUR": "1.00"}}}


def _other_bytes(folder: Path) -> None:
    (folder / "sales.csv").write_text(TWO)


def _other_file(folder: Path) -> None:
    (folder / "more.csv").write_text(TWO)


def _missing_file(folder: Path) -> None:
    (folder / "sales.csv").unlink()


def _foreign_file(folder: Path) -> None:
    (folder / "sales.xlsx").write_text("x")


def _link(folder: Path) -> None:
    (folder / "passwd.csv").symlink_to("/etc/passwd")


def _pipe(folder: Path) -> None:
    os.mkfifo(folder / "pipe.csv")


def _marker_gone(folder: Path) -> None:
    (folder / "_DONE").unlink()


def _marker_renewed(folder: Path) -> None:
    (folder / "_DONE").unlink()
    (folder / "_DONE").write_text("again")


def _name_not_utf8(folder: Path) -> None:
    (folder / "sales.csv").rename(os.fsdecode(os.fsencode(folder) + b"/t\xff.csv"))


def _manifest_of(text: str) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        (folder / "_manifest.json").write_text(text)

    return spoil


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (_other_bytes, "'sales.csv' differs from the manifest"),
        (_other_file, "'more.csv' is not in the manifest"),
        (_missing_file, "no files"),
        (_foreign_file, "'sales.xlsx' does not match '*.csv'"),
        (_name_not_utf8, r"file name 't\udcff.csv' is not UTF-8; rename it"),
        (
            _manifest_of('{"files": 3}'),
            "_manifest.json: files: Input should be a valid array; mend",
        ),
        (_manifest_of("{"), "_manifest.json: Invalid JSON"),
        (_manifest_of(""), "_manifest.json: Invalid JSON"),
        (_manifest_of("[]"), "_manifest.json: Input should be an object"),
        (_manifest_of("[" * 9999), "_manifest.json: Invalid JSON"),
        (_manifest_of(r'{"files": [], "a\u0000": 1}'), r"_manifest.json: a\x00: Extra inputs"),
        (_manifest_of(r'{"files": [], "control": {"a": "\udcff"}}'), "Invalid JSON: lone"),
        (
            _manifest_of(r'{"files": [], "control": {"a\u0000": "1"}}'),
            "control: Value error, holds",
        ),
        (_manifest_of(r'{"files": [], "control": {"a": "\u0000"}}'), "control: Value error, holds"),
        (
            _manifest_of(r'{"files": [], "control": {"amount": {"EU\u0000R": "1.00"}}}'),
            "_manifest.json: control: Value error, holds what cannot be printed; mend",
        ),
    ],
)
def test_what_contradicts_its_manifest_is_logged_as_refused(
    home: Any,
    contract: Contract,
    accept: Accept,
    caplog: pytest.LogCaptureFixture,
    spoil: Callable[[Path], None],
    reason: str,
) -> None:
    folder = deliver(home.landing_root, contract, DAY, ONE, manifest={})
    spoil(folder)
    (delivery,) = accept()
    assert delivery is not None
    assert delivery.refused
    assert reason in str(delivery.reason)
    assert str(delivery.reason).isprintable()
    assert f"{folder} is refused: {delivery.reason}" in caplog.messages
    assert accept() == [None]


@pytest.mark.parametrize(
    "name", ["-rf.csv", "$(touch x).csv", "-rf $(touch x);'.csv", "`x`.csv", "a\nb.csv", "..csv "]
)
def test_fault_97_strange_file_names_are_only_names(
    home: Any, contract: Contract, accept: Accept, name: str
) -> None:
    contract = contract.model_copy(update={"files": "*"})
    folder = deliver(home.landing_root, contract, DAY, ONE, name=name)
    (arrival,) = deliveries.discover(home, contract)
    manifest, files, reason = delivery_folders.read(home, contract, arrival)
    # Hidden files are none of the delivery.
    assert reason == ("no files" if name.startswith(".") else "")
    assert manifest is None
    if not reason:
        assert [file.name for file in files] == [name]
        assert archive.path_of(home, files[0].sha256).read_text() == ONE
    assert sorted(path.name for path in folder.iterdir()) == sorted(["_DONE", name])


def _socket(folder: Path) -> None:
    with contextlib.chdir(folder), socket.socket(socket.AF_UNIX) as server:
        server.bind("socket.csv")


def _folder(folder: Path) -> None:
    (folder / "folder.csv").mkdir()


def _device(folder: Path) -> None:
    try:
        os.mknod(folder / "device.csv", stat.S_IFCHR | 0o600, os.makedev(1, 5))
    except PermissionError:
        pytest.skip("only root makes devices")


@pytest.mark.parametrize("spoil", [_link, _pipe, _socket, _folder, _device])
def test_fault_97_only_regular_files_are_read(
    home: Any, contract: Contract, accept: Accept, spoil: Callable[[Path], None]
) -> None:
    spoil(deliver(home.landing_root, contract, DAY, ONE))
    (delivery,) = accept()
    assert delivery is not None
    assert delivery.reason
    assert delivery.reason.endswith(".csv' is not a regular file")
    assert delivery.files == ()


def test_the_log_copy_is_completed_after_a_crash(
    home: Any, contract: Contract, accept: Accept, ledger: Any
) -> None:
    deliver(home.landing_root, contract, DAY, ONE)
    (delivery,) = accept()
    assert delivery is not None
    archive.log_path(home, delivery.position).unlink()
    assert deliveries.write_missing_copies(ledger, home) >= 1
    assert archive.log_path(home, delivery.position).exists()


def test_a_delivery_that_cannot_be_read_holds_up_no_other(
    home: Any, contract: Contract, ledger: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    deliver(home.landing_root, contract, DAY, ONE)
    deliver(home.landing_root, contract, "2026-03-11", TWO)
    read = deliveries.accept

    def broken_once(*arguments: Any) -> Delivery | None:
        if arguments[-1].dt == DAY:
            raise OSError("stale file handle")
        return read(*arguments)

    monkeypatch.setattr(ingest, "contracts_of", lambda *_: [contract])
    with monkeypatch.context() as failing:
        failing.setattr(deliveries, "accept", broken_once)
        (unread,) = ingest.accept(home, [contract.system])
    assert (unread.table, unread.dt) == (contract.feed.raw, DAY)
    assert "stale file handle" in unread.message
    assert list(deliveries.current(ledger, contract.feed)) == ["2026-03-11"]
    assert ingest.accept(home, [contract.system]) == []
    assert sorted(deliveries.current(ledger, contract.feed)) == [DAY, "2026-03-11"]


@pytest.mark.parametrize("spoil", [_other_bytes, _foreign_file, _marker_gone, _marker_renewed])
def test_fault_61_a_delivery_that_changes_while_it_is_read_waits(
    home: Any,
    contract: Contract,
    ledger: Any,
    monkeypatch: pytest.MonkeyPatch,
    spoil: Callable[[Path], None],
) -> None:
    folder = deliver(home.landing_root, contract, DAY, ONE)
    deliver(home.landing_root, contract, "2026-03-11", ONE)
    store = archive.store

    def overtaken(settings: Any, path: Path) -> tuple[str, int]:
        stored = store(settings, path)
        if path.parent == folder:
            spoil(folder)
        return stored

    monkeypatch.setattr(ingest, "contracts_of", lambda *_: [contract])
    with monkeypatch.context() as source:
        source.setattr(archive, "store", overtaken)
        (unread,) = ingest.accept(home, [contract.system])
    assert f"{folder} changed while it was read" in unread.message
    assert list(deliveries.current(ledger, contract.feed)) == ["2026-03-11"]
    deliver(home.landing_root, contract, DAY, TWO)
    (folder / "sales.xlsx").unlink(missing_ok=True)
    assert ingest.accept(home, [contract.system]) == []
    (delivery,) = deliveries.current(ledger, contract.feed)[DAY]
    assert _text(home, delivery) == TWO


def test_a_delivery_whose_marker_is_taken_back_waits(
    home: Any, contract: Contract, ledger: Any
) -> None:
    folder = deliver(home.landing_root, contract, DAY, ONE)
    (arrival,) = deliveries.discover(home, contract)
    (folder / "_DONE").unlink()
    with pytest.raises(archive.StillGrowing):
        deliveries.accept(ledger, home, contract, arrival)
    assert deliveries.log(ledger, contract.feed) == []


def test_a_range_is_logged_day_by_day_over_all_feeds(
    home: Any, contract: Contract, ledger: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"{contract.system}_b"
    other = contract_of(tmp_path / "other", name, files="*.csv")
    days = [DAY, "2026-03-11"]
    for one in (contract, other):
        for day in days:
            deliver(home.landing_root, one, day, ONE)
    monkeypatch.setattr(ingest, "contracts_of", lambda *_: [other, contract])
    ingest.accept(home, [contract.system, name])
    logged = [
        delivery for one in (contract, other) for delivery in deliveries.log(ledger, one.feed)
    ]
    in_order = [(d.dt, d.feed) for d in sorted(logged, key=lambda d: d.position)]
    assert in_order == [(day, one.feed) for day in days for one in (contract, other)]
