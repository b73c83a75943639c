"""Follows docs/add-a-mart.md, docs/query-the-marts.md and docs/something-is-red.md literally."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from installations import engine_process
from literally import Reader, sections, steps

from countinghouse.dbt.dbt_build import run_unit_tests
from countinghouse.engine_session import new_session_id
from countinghouse.settings import Settings

RED, ENGINE = "something-is-red.md", "The engine is down"


@pytest.fixture(scope="module")
def project(installation: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """A project of its own, whose commands work on the installation that is up."""
    folder = tmp_path_factory.mktemp("project")
    shutil.copytree(installation.project / "dbt_project", folder / "dbt_project")
    own = {"project": folder, "landing": folder / "landing"}
    with pytest.MonkeyPatch.context() as environment:
        for name, path in own.items():
            environment.setenv(f"COUNTINGHOUSE_{name.upper()}", str(path))
        yield installation.model_copy(update=own)


@pytest.fixture(scope="module")
def reader(project: Settings) -> Reader:
    """Somebody who has followed the page on sources before."""
    ports = {"127.0.0.1:10000": f"127.0.0.1:{project.thrift_port}"}
    found = Reader(project.project, {**ports, "port=10000": f"port={project.thrift_port}"})
    for step in steps("add-a-source.md"):
        if step.kind == "file":
            found.do(step)
            # The marker that the page tells of.
            (found.folder / step.path).with_name("_DONE").touch()
    return found


@pytest.fixture(scope="module")
def mart(reader: Reader) -> Reader:
    """The same person, after the page on marts."""
    reader.follow("add-a-mart.md")
    return reader


def test_a_mart_is_added_as_the_page_says(mart: Reader, project: Settings, tmp_path: Path) -> None:
    results = run_unit_tests(
        project,
        session_id=new_session_id(),
        scratch=tmp_path,
        select=["marts.rpt_refund_requests_daily"],
    )

    assert [(r.name, r.ok) for r in results] == [("requests_of_a_day_are_summed", True)]


def test_the_marts_are_read_as_the_page_says(mart: Reader) -> None:
    mart.follow("query-the-marts.md")


def test_what_is_red_is_explained_and_repaired_as_the_page_says(
    mart: Reader, installation: Settings
) -> None:
    for section in sections(RED):
        if section == ENGINE:
            engine_process(installation).kill()
        mart.follow(RED, section)
