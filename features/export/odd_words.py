"""What gives a word away that may be meant otherwise: look-alikes, stand-ins, wrong encodings.

`features.export.suspicions` asks it of an export's words, and the server of a request's
(`serving.answers.caution`), so that the same word is doubted in both.

Tests: tests/features/export/test_suspicions.py.
"""

import unicodedata

from features.export.formats import NULL_WORDS

STAND_INS = frozenset(NULL_WORDS) | frozenset(
    {
        "",
        "?",
        ".",
        "unknown",
        "not set",
        "(not set)",
        "not specified",
        "undefined",
        "empty",
        "blank",
    }
    | {"n.a.", "n.d.", "nd", "n/d", "tbd", "no data", "(none)", "[null]", "#value!", "#ref!"}
    | {"sconosciuto", "non specificato", "desconhecido", "não informado", "necunoscut"}
    | {"nespecificat", "неизвестно", "не указано", "нет данных", "unbekannt", "keine angabe"}
    | {"inconnu", "non renseigné", "desconocido", "sin datos"}
)
"""Words that say that there is none, in lower case."""

# Letters of other alphabets that look like Latin ones.
_LOOK_ALIKES = str.maketrans(
    "авсеоркхуіѕјԁһԛԝαορνικτυχ",
    "abceopkxyisjdhqwaopvuktux",
)

LEAST_MIDNIGHTS = 20
"""Times that must be there, all of them midnight, before midnight is taken for a day: real times
of so many events would not be that by chance."""
EARLY_DAYS = 30
"""Contacts so many days before the lead's creation are no late entries."""


def fold(word: str) -> str:
    r"""Word without what a reader would not notice: case, blanks, Unicode form, look-alikes.

    Examples
    --------
    >>> fold(" CALL\u00a0") == fold("cаll")
    True
    """
    plain = unicodedata.normalize("NFKC", word).casefold()
    visible = "".join(c for c in plain if unicodedata.category(c) not in ("Cf", "Cc") or c == "\n")
    return " ".join(visible.translate(_LOOK_ALIKES).replace("_", " ").split())


def is_mojibake(word: str) -> bool:
    """Whether a word was decoded in another encoding than it was written in.

    Examples
    --------
    >>> is_mojibake("cafÃ©"), is_mojibake("café"), is_mojibake("�")
    (True, False, True)
    """
    if "\ufffd" in word:
        return True
    if word.isascii():
        return False
    for encoding in ("cp1252", "latin-1", "cp1251"):
        try:
            meant = word.encode(encoding).decode()
        except (UnicodeEncodeError, UnicodeDecodeError):
            continue
        if len(meant) < len(word):
            return True
    return False
