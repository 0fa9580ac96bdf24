"""The messages of the report and of the server's pages, and the catalogues brought up to them.

Translators find ``locale/<code>/LC_MESSAGES/report.po`` complete: what is new in the sources stands
there without a translation, what is gone is gone, and nothing is guessed. ``make messages`` runs
this module; the same sources and translations give the same files. Of what the server's own pages
say it leaves a file of plain words, so that the server needs no reader of catalogues.

Tests: tests/training/report/words/test_language.py.
"""

import io
import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract
from babel.messages.pofile import read_po, write_po

from training.report.words.language import LANGUAGES
from training.report.words.vocabulary import VOCABULARY

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
KEYWORDS = {**DEFAULT_KEYWORDS, "_n": (1, 2)}

_HERE = Path(__file__).parent
_ROOT = _HERE.parents[2]


def sources() -> list[Path]:
    """Files that hold messages, the page first."""
    training = _ROOT / "training"
    return [
        *sorted((training / "report").glob("*.html.j2")),
        *sorted(training.rglob("*.py")),
        *_page_sources(),
    ]


def _page_sources() -> list[Path]:
    """Files whose messages the server's own pages say, too."""
    names = (
        "features/language/wording.py",
        "serving/pages/phrases.py",
        "serving/pages/try_page.py",
        "serving/pages/work_words.py",
        "serving/pages/work_page.py",
    )
    return [_ROOT / name for name in names]


def catalogue_path(code: str) -> Path:
    """File of a language's translations."""
    return _HERE / "locale" / code / "LC_MESSAGES" / "report.po"


def messages(paths: Iterable[Path] | None = None) -> Catalog:
    """All messages of the sources, in their order, without translations."""
    catalogue = Catalog()
    for path in sources() if paths is None else paths:
        for message, context in _extracted(path):
            source_path = path.relative_to(_ROOT).as_posix()
            catalogue.add(message, context=context, auto_comments=[source_path])
    return catalogue


def updated_catalogue(code: str, previous: Catalog) -> Catalog:
    """Catalogue of a language that has all messages, with the translations of the previous one."""
    catalogue = Catalog(locale=code)
    for message in messages():
        if message.id:
            previous_message = previous.get(message.id, message.context)
            catalogue.add(
                message.id,
                previous_message.string if previous_message else None,
                auto_comments=message.auto_comments,
                context=message.context,
            )
    return catalogue


def catalogue_bytes(code: str) -> bytes:
    """What the file of a language is to hold, with the translations that it has."""
    path, previous = catalogue_path(code), Catalog(locale=code)
    if path.exists():
        with path.open("rb") as file:
            previous = read_po(file, locale=code)
    catalogue, text = updated_catalogue(code, previous), io.BytesIO()
    # Babel's own header would hold the time: the same messages give the same file.
    write_po(text, catalogue, width=100, omit_header=True)
    return HEADER.format(code=code, plural=catalogue.plural_forms).encode() + text.getvalue()


def page_words_path(code: str) -> Path:
    """File of a language's words for the server's own pages."""
    return _ROOT / "serving" / "pages" / "locale" / f"{code}.json"


def page_words_text(code: str) -> str:
    """What that file is to hold: the catalogue's messages of these pages, without their source."""
    with catalogue_path(code).open("rb") as file:
        catalogue = read_po(file, locale=code)
    translations = {}
    for message in messages([*_page_sources(), _HERE / "vocabulary.py"]):
        if message.id:
            source = message.id if isinstance(message.id, str) else message.id[0]
            translation = catalogue[message.id].string or ""
            translations[source] = (
                [translation] if isinstance(translation, str) else list(translation)
            )
    values = {"messages": translations, "vocabulary": sorted(VOCABULARY)}
    return json.dumps(values, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def update_catalogues() -> None:
    """Bring the files of each language up to the sources."""
    for code in LANGUAGES[1:]:
        path, content = catalogue_path(code), catalogue_bytes(code)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        page_words_path(code).parent.mkdir(exist_ok=True)
        page_words_path(code).write_text(page_words_text(code), encoding="utf-8")


def _extracted(path: Path) -> Iterator[tuple[str | tuple[str, ...], str | None]]:
    jinja = path.suffix == ".j2"
    method = "jinja2.ext:babel_extract" if jinja else "python"
    with path.open("rb") as file:
        extracted = extract(method, file, keywords=KEYWORDS, options=OPTIONS if jinja else {})
        for _line, message, _comments, context in extracted:
            yield message, context


if __name__ == "__main__":
    update_catalogues()
