"""What a path of the configuration stands for, on the disk and in archives."""

import gzip
import io
import zipfile

import pytest

from features.export import files
from features.export.files import file_parts, kind_of, require_modest


def labels(folder, *paths):
    return [part.label for part in file_parts(paths, folder, "files")]


def contents(folder, *paths):
    return [part.open().read() for part in file_parts(paths, folder, "files")]


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "exports").mkdir()
    for name in ("b.csv", "a.xlsx", "notes.docx", ".hidden.csv", "~$a.xlsx"):
        (tmp_path / "exports" / name).write_bytes(name.encode())
    (tmp_path / "Lead [1].csv").write_bytes(b"brackets")
    with zipfile.ZipFile(tmp_path / "weekly.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("Lead_2.csv", "Lead_1.csv", "sub/Task.csv", "read.me", "__MACOSX/x.csv"):
            archive.writestr(name, name)
        archive.writestr("Case.csv.gz", gzip.compress(b"packed twice"))
    return tmp_path


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("exports/b.csv", ["exports/b.csv"]),
        ("exports/*.csv", ["exports/b.csv"]),
        ("exports", ["exports/a.xlsx", "exports/b.csv"]),
        ("exports/", ["exports/a.xlsx", "exports/b.csv"]),
        ("Lead [1].csv", ["Lead [1].csv"]),
        ("weekly.zip/Lead*.csv", ["weekly.zip/Lead_1.csv", "weekly.zip/Lead_2.csv"]),
        ("weekly.zip/sub/Task.csv", ["weekly.zip/sub/Task.csv"]),
        (
            "weekly.zip",
            [
                f"weekly.zip/{n}"
                for n in ("Case.csv.gz", "Lead_1.csv", "Lead_2.csv", "sub/Task.csv")
            ],
        ),
    ],
)
def test_a_path_is_a_file_a_pattern_a_folder_or_what_an_archive_holds(folder, path, expected):
    assert labels(folder, path) == expected


def test_a_file_that_two_paths_name_is_read_once(folder):
    assert labels(folder, "exports/b.csv", "exports", "exports/../exports/b.csv") == [
        "exports/b.csv",
        "exports/a.xlsx",
    ]


def test_a_member_is_read_as_often_as_it_is_asked_for(folder):
    (part,) = file_parts(["weekly.zip/Lead_1.csv"], folder, "files")
    assert [part.open().read(), part.whole(), part.stream().read()] == [b"Lead_1.csv"] * 3


def test_what_is_packed_twice_is_unpacked_twice(folder):
    assert contents(folder, "weekly.zip/Case.csv.gz") == [b"packed twice"]


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("Leads.csv", r"Leads\.csv does not exist.*\[files\]"),
        ("weekly.zip/Contact.csv", r"no such file.*In the archive: .*Lead_1\.csv"),
        ("missing/*.csv", "does not exist"),
    ],
)
def test_a_path_that_names_nothing_is_said_with_its_section(folder, path, message):
    with pytest.raises(FileNotFoundError, match=message):
        file_parts([path], folder, "files")


def test_a_folder_without_a_readable_file_is_refused(folder):
    (folder / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match="holds no file that is read"):
        file_parts(["empty"], folder, "files")


@pytest.mark.parametrize("name", ["old.xls", "notes.docx", "Lead"])
def test_a_file_of_another_kind_is_refused_with_those_that_are_read(folder, name):
    (folder / name).write_bytes(b"x")
    with pytest.raises(ValueError, match=r"no kind that is read.*\.parquet") as caught:
        file_parts([name], folder, "files")
    assert ("Save it as .xlsx" in str(caught.value)) == name.endswith(".xls")


def test_what_is_no_archive_is_said(folder):
    (folder / "broken.zip").write_bytes(b"no archive")
    with pytest.raises(ValueError, match=r"broken\.zip is no zip archive"):
        file_parts(["broken.zip"], folder, "files")


def test_a_locked_member_is_refused(folder):
    path = folder / "locked.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.csv", "x")
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1  # the flag that says: encrypted
    path.write_bytes(data)
    with pytest.raises(ValueError, match="locked by a password"):
        contents(folder, "locked.zip")


def test_a_member_that_is_packed_too_tightly_is_refused(folder, monkeypatch):
    monkeypatch.setattr(files, "ALLOWANCE_BYTES", 1 << 10)
    with zipfile.ZipFile(folder / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.csv", b"0" * (1 << 20))
        archive.writestr("b.csv", bytes(range(256)) * 4096)
    with pytest.raises(ValueError, match="more than 200 times"):
        contents(folder, "bomb.zip/a.csv")


def test_a_file_that_must_be_held_as_a_whole_has_a_limit(folder, monkeypatch):
    monkeypatch.setattr(files, "LARGEST_WHOLE_BYTES", 4)
    (part,) = file_parts(["exports/b.csv"], folder, "files")
    with pytest.raises(ValueError, match=r"exports/b\.csv holds more than"):
        part.whole()


def test_a_workbook_that_lies_about_its_size_is_counted(folder, monkeypatch):
    monkeypatch.setattr(files, "LARGEST_WHOLE_BYTES", 1 << 16)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/sheet1.xml", b"0" * (1 << 17))
    data = buffer.getvalue()
    lie = data.replace((1 << 17).to_bytes(4, "little"), (7).to_bytes(4, "little"))
    (part,) = file_parts(["exports/a.xlsx"], folder, "files")
    for workbook in (data, lie):
        with pytest.raises(ValueError, match="unpacked; save the sheet as CSV"):
            require_modest(part, workbook)


def test_a_kind_is_known_by_the_suffix_alone():
    assert [kind_of(n) for n in ("A.NDJSON", "b.json.gz", "c.gz", "d")] == [
        "jsonl",
        "json",
        None,
        None,
    ]


def test_an_archive_within_an_archive_is_said_to_be_one(tmp_path):
    with zipfile.ZipFile(tmp_path / "outer.zip", "w") as archive:
        archive.writestr("export/inner.ZIP", b"x")
    with pytest.raises(FileNotFoundError, match=r"holds export/inner\.ZIP, an archive of its own"):
        file_parts(["outer.zip"], tmp_path, "files")
