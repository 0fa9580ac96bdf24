"""The messages of the report, and its catalogues brought up to them.

Translators find ``locale/<code>/LC_MESSAGES/report.po`` complete: what is new in the sources stands
there without a translation, what is gone is gone, and nothing is guessed. ``make messages`` runs
this module; the same sources and translations give the same files.
"""

import io
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.pofile import read_po, write_po

from training.report.language import LANGUAGES

HEADER = """\
# The managers' report. `make messages` adds what is new.
msgid ""
msgstr ""
"Language: {code}\\n"
"Plural-Forms: {plural}\\n"
"MIME-Version: 1.0\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Content-Transfer-Encoding: 8bit\\n"

"""
OPTIONS = {"trimmed": "true", "newstyle_gettext": "true", "silent": "false"}
"""How `training.report.render` reads a template, too."""

_HERE = Path(__file__).parent
_ROOT = _HERE.parent.parent


def sources() -> list[Path]:
    """Files that hold messages, the page first."""
    return [*sorted(_HERE.glob("*.j2")), *sorted(_HERE.glob("*.py")), _ROOT / "features/wording.py"]


def catalogue_path(code: str) -> Path:
    """File of a language's translations."""
    return _HERE / "locale" / code / "LC_MESSAGES" / "report.po"


def messages() -> Catalog:
    """All messages of the sources, in their order, without translations."""
    found = Catalog()
    for path in sources():
        for message, context in _extracted(path):
            place = path.relative_to(_ROOT).as_posix()
            found.add(message, context=context, auto_comments=[place])
    return found


def updated(code: str, old: Catalog) -> Catalog:
    """Catalogue of a language that has all messages, with the translations of an old one."""
    new = Catalog(locale=code)
    for message in messages():
        if message.id:
            known = old.get(message.id, message.context)
            new.add(
                message.id,
                known.string if known else None,
                auto_comments=message.auto_comments,
                context=message.context,
            )
    return new


def catalogue_bytes(code: str) -> bytes:
    """What the file of a language is to hold, with the translations that it has."""
    path, old = catalogue_path(code), Catalog(locale=code)
    if path.exists():
        with path.open("rb") as file:
            old = read_po(file, locale=code)
    new, text = updated(code, old), io.BytesIO()
    # Babel's own header would hold the time: the same messages give the same file.
    write_po(text, new, width=100, omit_header=True)
    return HEADER.format(code=code, plural=new.plural_forms).encode() + text.getvalue()


def update_catalogues() -> None:
    """Bring the file of each language up to the sources."""
    for code in LANGUAGES[1:]:
        path, content = catalogue_path(code), catalogue_bytes(code)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def _extracted(path: Path) -> Iterator[tuple[str | tuple[str, ...], str | None]]:
    jinja = path.suffix == ".j2"
    method = "jinja2.ext:babel_extract" if jinja else "python"
    with path.open("rb") as file:
        found = extract(method, file, options=OPTIONS if jinja else {})
        for _line, message, _comments, context in found:
            yield message, context


if __name__ == "__main__":
    update_catalogues()
