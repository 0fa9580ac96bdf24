import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from models.folder import (
    MANIFEST,
    MAX_ENTRIES,
    OpenFolder,
    put_in_place,
    require_replaceable,
    write_durably,
)


def bundle(folder: Path, text: str) -> Path:
    folder.mkdir()
    write_durably(folder / MANIFEST, text.encode())
    return folder


def test_nothing_an_empty_folder_and_a_bundle_may_be_replaced(tmp_path: Path) -> None:
    require_replaceable(tmp_path / "absent")
    (tmp_path / "empty").mkdir()
    require_replaceable(tmp_path / "empty")
    require_replaceable(bundle(tmp_path / "bundle", "one"))


def test_whatever_else_is_there_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "photo").write_text("mine", encoding="utf-8")
    for name in ("file", "folder"):
        with pytest.raises(FileExistsError, match="is not a bundle; name another folder"):
            require_replaceable(tmp_path / name)
        part = bundle(tmp_path / f".{name}.part", "new")
        with pytest.raises(FileExistsError):
            put_in_place(part, tmp_path / name)
        assert part.is_dir()
    assert (tmp_path / "folder" / "photo").read_text(encoding="utf-8") == "mine"


def test_a_finished_folder_takes_the_place_of_the_earlier_one(tmp_path: Path) -> None:
    target = tmp_path / "bundle"
    for text in ("one", "two", "three"):
        put_in_place(bundle(tmp_path / ".part", text), target)
        assert (target / MANIFEST).read_text(encoding="utf-8") == text
        assert [path.name for path in tmp_path.iterdir()] == ["bundle"]


def test_a_folder_that_appears_meanwhile_is_moved_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the check and the renaming another writer puts its bundle there."""
    target, rename, others = tmp_path / "bundle", Path.rename, [1, 2]

    def rename_late(self: Path, to: Path) -> Path:
        if self.name == ".part" and others:
            bundle_of_other = bundle(tmp_path / f".other{others.pop()}", "other")
            if target.exists():
                rename(target, tmp_path / f".gone{len(others)}")
            rename(bundle_of_other, target)
        return rename(self, to)

    monkeypatch.setattr(Path, "rename", rename_late)
    put_in_place(bundle(tmp_path / ".part", "mine"), target)
    assert (target / MANIFEST).read_text(encoding="utf-8") == "mine"
    assert not list(tmp_path.glob("*.earlier"))


def test_an_error_that_is_not_about_the_place_is_passed_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Path, to: Path) -> Path:
        raise OSError(28, "No space left on device")

    part = bundle(tmp_path / ".part", "new")
    monkeypatch.setattr(Path, "rename", full)
    with pytest.raises(OSError, match="No space left"):
        put_in_place(part, tmp_path / "bundle")


def test_a_regular_file_is_read_and_named(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    write_durably(tmp_path / "one", b"content")
    with OpenFolder(tmp_path) as opened:
        assert opened.read("one") == b"content"
        assert opened.names() == {"one": False, "inner": True}
        with pytest.raises(FileNotFoundError):
            opened.read("two")
        with pytest.raises(ValueError, match="inner must be a regular file"):
            opened.read("inner")


def linked(path: Path) -> None:
    path.symlink_to("/etc/passwd")


HARM: list[Callable[[Path], None]] = [linked, os.mkfifo]


@pytest.mark.parametrize("make", HARM)
def test_links_and_pipes_are_refused_at_once(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "report.html")
    with OpenFolder(tmp_path) as opened:
        with pytest.raises(ValueError, match=r"report\.html must be a regular file"):
            opened.read("report.html")
        with pytest.raises(ValueError, match=r"report\.html must be a regular file"):
            opened.names()


def test_a_socket_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # the name of a socket may not be long
    with socket.socket(socket.AF_UNIX) as listener, OpenFolder(tmp_path) as opened:
        listener.bind("socket")
        with pytest.raises(ValueError, match="socket must be a regular file"):
            opened.read("socket")


def test_a_file_that_is_too_long_is_refused_before_it_is_read(tmp_path: Path) -> None:
    with (tmp_path / "report.html").open("wb") as file:
        file.truncate(40 * 2**30)  # without a byte on the disk
    with OpenFolder(tmp_path) as opened, pytest.raises(ValueError, match="longer than"):
        opened.read("report.html")


def test_a_folder_of_too_many_files_is_refused(tmp_path: Path) -> None:
    for number in range(MAX_ENTRIES + 1):
        (tmp_path / str(number)).touch()
    with OpenFolder(tmp_path) as opened, pytest.raises(ValueError, match="more than 100 files"):
        opened.names()


def test_all_files_are_those_of_one_folder(tmp_path: Path) -> None:
    bundle(tmp_path / "bundle", "earlier")
    with OpenFolder(tmp_path / "bundle") as opened:
        put_in_place(bundle(tmp_path / ".part", "later"), tmp_path / "bundle")
        with pytest.raises(FileNotFoundError):  # the earlier one is gone: never the later one's
            opened.read(MANIFEST)
