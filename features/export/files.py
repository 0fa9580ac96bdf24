"""The files that a name of the configuration stands for: one, several, a folder's, an archive's.

`file_parts` turns what a person wrote (``Lead.csv``, ``calls-*.xlsx``, ``exports``, ``weekly.zip``,
``weekly.zip/Lead*.csv``) into the files themselves, in the order of their names, each as a
`FilePart` that can be opened any number of times. Archives are read where they lie, nothing is
unpacked onto the disk, and neither a file that claims to be small nor one that is packed a thousand
times over fills the memory: what must be held as a whole has a limit.
"""

import glob
import gzip
import io
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from lzma import LZMAError
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Literal, cast

import pyarrow as pa

FileKind = Literal["csv", "parquet", "xlsx", "json", "jsonl"]

KIND_OF_SUFFIX: dict[str, FileKind] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".parquet": "parquet",
    ".xlsx": "xlsx",
    ".json": "json",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
}
READABLE = ".csv, .tsv, .txt, .parquet, .xlsx, .json, .jsonl, .ndjson, .zip"

# The largest file that is held in memory as a whole: workbooks, JSON documents and packed Parquet.
LARGEST_WHOLE_BYTES = 1 << 30
# A packed file may hold so many times its own size once it is larger than the allowance; tables of
# a CRM reach 5 to 60 times.
MOST_PACKED = 200
ALLOWANCE_BYTES = 64 << 20

# What reading a damaged or incomplete file ends in, by itself or in an archive.
_ARCHIVES = (".zip", ".rar", ".7z", ".tar", ".tgz", ".tar.gz")
_DAMAGED = (OSError, EOFError, zlib.error, LZMAError, zipfile.BadZipFile)


@dataclass(frozen=True, slots=True)
class FilePart:
    """One file of the export, on the disk or in an archive.

    Attributes
    ----------
    label : str
        How messages name it, as in the configuration: ``weekly.zip/Lead.csv``.
    kind : {"csv", "parquet", "xlsx", "json", "jsonl"}
        What it holds, by its suffix.
    path : Path
        The file, or the archive.
    member : str or None
        Name within the archive.
    """

    label: str
    kind: FileKind
    path: Path
    member: str | None = None

    @property
    def gzipped(self) -> bool:
        """Whether it is compressed by itself."""
        return (self.member or self.path.name).lower().endswith(".gz")

    def open(self) -> BinaryIO:
        """Open the file for reading, from its first byte, uncompressed.

        Raises
        ------
        ValueError
            If it lies in an archive and is locked or packed too tightly to be a table.
        """
        if self.member is None:
            return cast("BinaryIO", gzip.open(self.path)) if self.gzipped else self.path.open("rb")
        raw = _member(self.path, self.member, self.label)
        return cast("BinaryIO", gzip.GzipFile(fileobj=raw)) if self.gzipped else raw

    def stream(self) -> pa.NativeFile:
        """The same bytes as a stream of Arrow's."""
        if self.member is None:
            compression = "gzip" if self.gzipped else None
            return pa.input_stream(self.path, compression=compression, buffer_size=1 << 20)
        return pa.PythonFile(self.open(), mode="r")

    def whole(self) -> bytes:
        """All bytes of the file.

        Raises
        ------
        ValueError
            If they are too many, or the file is damaged.
        """
        with reading(self), self.open() as file:
            data = file.read(LARGEST_WHOLE_BYTES + 1)
        if len(data) > LARGEST_WHOLE_BYTES:
            raise ValueError(
                f"{self.label} holds more than {LARGEST_WHOLE_BYTES >> 20} MB and must be held as "
                "a whole; export it in parts, or as CSV, JSON lines or Parquet"
            )
        return data


@contextmanager
def reading(part: FilePart) -> Iterator[None]:
    """Name a file that cannot be read to its end, as one that was cut off in transfer.

    Parameters
    ----------
    part : FilePart
        The file that is read in this context.

    Raises
    ------
    ValueError
        If it is damaged or incomplete, alone or in its archive.
    """
    try:
        yield
    except _DAMAGED as error:
        raise ValueError(
            f"{part.label} cannot be read: {error}. The file is damaged or incomplete; export or "
            "copy it again"
        ) from error


def file_parts(paths: Sequence[str], base: Path, section: str) -> tuple[FilePart, ...]:
    """Files that some paths of the configuration stand for.

    Parameters
    ----------
    paths : sequence of str
        Files, patterns, folders, archives and files or patterns within archives.
    base : Path
        Folder that they are relative to.
    section : str
        Where they stand in the TOML file, for messages.

    Returns
    -------
    tuple of FilePart
        The files, path by path, those of one path in the order of their names. A file that two
        paths name stands there once.

    Raises
    ------
    FileNotFoundError
        If a path names no file.
    ValueError
        If a file is of a kind that is not read, or an archive is damaged.
    """
    parts = [part for path in paths for part in _parts_of_path(path, base, section)]
    first: dict[tuple[Path, str | None], FilePart] = {}
    for part in parts:
        first.setdefault((part.path.resolve(), part.member), part)
    return tuple(first.values())


def _parts_of_path(text: str, base: Path, section: str) -> list[FilePart]:
    archive, inside = _archive_and_member(text, base)
    if archive is not None:
        return _members(text, archive, inside, section)
    path = base / text
    if path.is_dir():
        parts = _in_folder(text, path)
    elif path.is_file():
        parts = [FilePart(text, _kind(text, section), path)]
    else:
        names = sorted(glob.glob(text, root_dir=base, recursive=True))  # noqa: PTH207 - absolute patterns, too
        parts = [
            FilePart(name, _kind(name, section), base / name)
            for name in names
            if (base / name).is_file()
        ]
    if not parts:
        law = "holds no file that is read" if path.is_dir() else "does not exist"
        raise FileNotFoundError(
            f"{path} {law}. Put the file there, or correct source or path in "
            f"[{section}] of lead_temperature.toml. Files that are read: {READABLE}"
        )
    return parts


def _in_folder(text: str, folder: Path) -> list[FilePart]:
    """Readable files of a folder, in the order of their names; others are left alone."""
    names = sorted(path.name for path in folder.iterdir() if path.is_file())
    return [
        FilePart(f"{text.rstrip('/')}/{name}", kind, folder / name)
        for name in names
        if (kind := kind_of(name)) and not name.startswith((".", "~$"))
    ]


def kind_of(name: str) -> FileKind | None:
    """Kind of a file by its name.

    Examples
    --------
    >>> kind_of("Lead.CSV.gz"), kind_of("notes.docx")
    ('csv', None)
    """
    return KIND_OF_SUFFIX.get(PurePosixPath(name.lower().removesuffix(".gz")).suffix)


def _kind(name: str, section: str) -> FileKind:
    kind = kind_of(name)
    if kind is None:
        way_out = " Save it as .xlsx or .csv." if name.lower().endswith((".xls", ".xlsb")) else ""
        raise ValueError(
            f"[{section}] of lead_temperature.toml: {name!r} is of no kind that is read.{way_out} "
            f"Files that are read, each also with .gz: {READABLE}"
        )
    return kind


def _archive_and_member(text: str, base: Path) -> tuple[Path | None, str]:
    """Archive that a path leads into, and what is asked of it; no archive, if it does not."""
    parts = PurePosixPath(text.replace("\\", "/")).parts
    for i, part in enumerate(parts, start=1):
        if part.lower().endswith(".zip"):
            archive = base / PurePosixPath(*parts[:i])
            if archive.is_file():
                return archive, "/".join(parts[i:])
    return None, ""


def _members(text: str, archive: Path, pattern: str, section: str) -> list[FilePart]:
    """Files of an archive: those that match the pattern, or all readable ones."""
    try:
        with zipfile.ZipFile(archive) as file:
            names = sorted({info.filename for info in file.infolist() if not info.is_dir()})
    except _DAMAGED as error:
        raise ValueError(
            f"{text} is no zip archive, or a damaged one ({error}); export or copy it again"
        ) from error
    visible = [name for name in names if not PurePosixPath(name).name.startswith((".", "~$"))]
    visible = [name for name in visible if not name.startswith("__MACOSX/")]
    if pattern:
        matching = [name for name in visible if name == pattern or fnmatchcase(name, pattern)]
    else:
        matching = [name for name in visible if kind_of(name)]
    if not matching:
        within = [name for name in visible if name.lower().endswith(_ARCHIVES)]
        raise FileNotFoundError(
            f"{text}: the archive holds {within[0]}, an archive of its own: unpack the outer one, "
            "and name what is in it."
            if within and not pattern
            else f"{text}: the archive holds no such file. Correct path in [{section}] of "
            f"lead_temperature.toml. In the archive: {', '.join(visible[:30]) or 'nothing'}"
        )
    prefix = text[: len(text) - len(pattern)].rstrip("/") if pattern else text.rstrip("/")
    return [
        FilePart(f"{prefix}/{name}", _kind(name, section), archive, member=name)
        for name in matching
    ]


def _member(archive: Path, name: str, label: str) -> BinaryIO:
    """Open a file of an archive; the archive is closed with it."""
    try:
        with zipfile.ZipFile(archive) as file:
            info = file.getinfo(name)
            if info.flag_bits & 1:
                raise ValueError(f"{label} is locked by a password; unpack the archive first")
            believable_size = MOST_PACKED * info.compress_size
            if info.file_size > max(believable_size, ALLOWANCE_BYTES):
                raise ValueError(
                    f"{label} claims to hold {info.file_size >> 20} MB, more than {MOST_PACKED} "
                    "times what it takes in the archive, as no table does; unpack it first if it "
                    "is one"
                )
            return cast("BinaryIO", io.BufferedReader(file.open(info)))
    except (*_DAMAGED, NotImplementedError) as error:
        raise ValueError(
            f"{label} cannot be read from the archive ({error}); unpack it, or pack it again"
        ) from error


def require_modest(part: FilePart, data: bytes) -> None:
    """Refuse a workbook, which is an archive of its own, that would fill the memory.

    Parameters
    ----------
    part : FilePart
        The workbook, for messages.
    data : bytes
        Its bytes.

    Raises
    ------
    ValueError
        If what is packed in it, counted rather than believed, is more than fits.
    """
    total = 0
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as workbook:
            for info in workbook.infolist():
                # The size that stands in the archive may be a lie: what comes out is counted.
                info.file_size = 1 << 62
                with workbook.open(info) as member:
                    while piece := member.read(1 << 20):
                        total += len(piece)
                        if total > LARGEST_WHOLE_BYTES:
                            raise ValueError(
                                f"{part.label} holds more than {LARGEST_WHOLE_BYTES >> 20} MB "
                                "unpacked; save the sheet as CSV"
                            )
    # A password that is missing is a RuntimeError, as is a way of packing that is not known.
    except (*_DAMAGED, RuntimeError) as error:
        raise ValueError(
            f"{part.label} is no Excel workbook (.xlsx), or a locked or damaged one ({error}); "
            "save it again"
        ) from error
