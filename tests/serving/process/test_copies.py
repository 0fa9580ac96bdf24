"""The last good copy is named, found again, and no other one stays."""

from pathlib import Path

import pytest

from serving.process.copies import (
    last_good_copy,
    private_folder,
    remember_last_good,
    remove_other_copies,
)


def copy(folder: Path, name: str) -> Path:
    (folder / name).mkdir()
    (folder / name / "hot.txt").write_text("tree")
    return folder / name


def test_a_temporary_folder_goes_with_the_server() -> None:
    with private_folder(None) as folder:
        copy(folder, "bundle-1")
        assert folder.stat().st_mode & 0o077 == 0
    assert not folder.exists()


def test_a_named_folder_stays_and_knows_the_last_good_copy(tmp_path: Path) -> None:
    named = str(tmp_path / "new" / "copies")
    with private_folder(named) as folder:
        assert last_good_copy(folder) is None
        for name in ("bundle-1", "bundle-2", "bundle-3"):
            remember_last_good(folder, copy(folder, name))
        remove_other_copies(folder, {folder / "bundle-2", folder / "bundle-3"})
    with private_folder(named) as folder:
        assert last_good_copy(folder) == folder / "bundle-3"
        assert sorted(path.name for path in folder.iterdir()) == [
            "bundle-2",
            "bundle-3",
            "last-good",
        ]


@pytest.mark.parametrize("name", ["bundle-9", "../bundle-1", "bundle-1/..", "last-good", "", "\0"])
def test_what_is_no_copy_of_the_folder_is_none(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "copies"
    folder.mkdir()
    copy(tmp_path, "bundle-1")
    (folder / "last-good").write_text(name)
    assert last_good_copy(folder) is None


def test_a_folder_that_others_may_write_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    with (
        pytest.raises(PermissionError, match="nobody else may write"),
        private_folder(str(tmp_path)),
    ):
        pass
