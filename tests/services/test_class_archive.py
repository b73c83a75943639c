import time
from pathlib import Path

from installations import engine_process

from countinghouse import engine_session
from countinghouse.services import class_archive, engine
from countinghouse.services.child import Child, State
from countinghouse.settings import Settings


def archives(folder: Path) -> list[Path]:
    return list(folder.glob("*.jsa"))


def test_the_next_engine_reads_its_classes_from_an_archive(installation: Settings) -> None:
    folder = installation.class_archives
    assert folder is not None
    end = time.monotonic() + 600
    while not archives(folder):
        assert time.monotonic() < end, "no archive"
        time.sleep(1)
    before = engine_process(installation)
    before.kill()
    before.wait(10)
    engine_session.wait_until_healthy(installation, 60)
    mapped = {Path(region.path) for region in engine_process(installation).memory_maps()}
    assert mapped.intersection(archives(folder))


def test_a_broken_archive_is_read_once_and_forgotten(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, class_archives=tmp_path)
    (tmp_path / "spark").mkdir()
    archiver = class_archive.Archiver(settings, engine.class_path(settings))
    archive = archiver.archive
    starting = Child(settings, engine.component(settings), state=State.STARTING)

    listing = class_archive.java_options(settings, engine.class_path(settings))
    archive.write_text("no archive")
    reading = class_archive.java_options(settings, engine.class_path(settings))
    assert (str(archive) in listing[0], str(archive) in reading[0]) == (False, True)

    # Java died of it: it has never been healthy.
    archiver.tick(starting)
    assert class_archive.java_options(settings, engine.class_path(settings)) == listing
    assert not archive.exists()


def test_an_archive_that_works_is_kept(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, class_archives=tmp_path)
    (tmp_path / "spark").mkdir()
    archiver = class_archive.Archiver(settings, engine.class_path(settings))
    archiver.archive.write_text("an archive")
    reading = class_archive.java_options(settings, engine.class_path(settings))
    archiver.tick(Child(settings, engine.component(settings), state=State.HEALTHY))
    assert class_archive.java_options(settings, engine.class_path(settings)) == reading
