"""What the OpenAPI document says of the export's own terms, which a request may use.

The schema of a lead shows our names, words and formats alone, so that a generated client has one
way to say each thing. A CRM may send its own (`serving.answers.translation`): each field therefore
says what it is called in the export, and how the export writes it.
"""

from collections.abc import Iterator, MutableMapping
from typing import Any

from serving.answers.schemas import FieldTermsAnswer, NotationAnswer, TermsAnswer

MOST_WORDS_SHOWN = 8
_PLAIN = NotationAnswer(".", None, None, ("iso",), None)


def describe_terms(schemas: MutableMapping[str, Any], terms: TermsAnswer) -> None:
    """Add the export's terms to the descriptions of a lead's fields.

    Parameters
    ----------
    schemas : mutable mapping of str to JSON schema
        Schemas of the document, with those of a lead and its parts.
    terms : TermsAnswer
        The terms, as ``GET /v1/model`` lists them.
    """
    lead = schemas["Lead"]
    lead["description"] += (
        " Fields, words, numbers and times may also be sent as the CRM's export has them: each "
        "field says how, and `terms` of `GET /v1/model` lists all. Send a field under one name."
    )
    parts = {
        "Lead": terms.lead,
        "Attributes": terms.attributes,
        "Interaction": terms.interactions,
        "Measures": terms.measures,
    }
    for name, fields in parts.items():
        properties = schemas[name]["properties"] if name in schemas else {}
        for field, field_terms in fields.items():
            text = " ".join(_sentences(field_terms))
            if text and field in properties:
                described = properties[field]
                described["description"] = f"{described.get('description', '')} {text}".strip()


def _sentences(terms: FieldTermsAnswer) -> Iterator[str]:
    if terms.names:
        yield f"In the export: {', '.join(f'`{name}`' for name in terms.names)}."
    if terms.words:
        meanings = [
            f"`{word}` for {f'`{meaning}`' if meaning else 'a missing value'}"
            for word, meaning in list(terms.words.items())[:MOST_WORDS_SHOWN]
        ]
        words_left = len(terms.words) - len(meanings)
        and_more = f" and {words_left} more" if words_left else ""
        yield f"Words of the export: {', '.join(meanings)}{and_more}."
    notations = [text for notation in terms.notations if (text := _notation_text(notation))]
    if notations:
        yield f"The export writes it {', or '.join(notations)}."


def _notation_text(notation: NotationAnswer) -> str:
    """How a number or a time is written, where that is not our own way."""
    parts = []
    if notation.decimal != _PLAIN.decimal:
        parts.append(f"with the decimal sign `{notation.decimal}`")
    if notation.thousands is not None:
        parts.append(f"with thousands parted by `{notation.thousands}`")
    if notation.durations is not None:
        parts.append(f"as `{notation.durations}`")
    if notation.dates != _PLAIN.dates:
        parts.append(f"as {', '.join(f'`{date}`' for date in notation.dates)}")
    if notation.timezone is not None:
        parts.append(f"in the zone {notation.timezone} where it names none")
    return " ".join(parts)
