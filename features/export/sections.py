"""What all sections of ``lead_temperature.toml`` share: unknown keys are errors, said in words.

`Section` is what every section is, here and in `training.config`; `near_miss` suggests the name
that was meant, and `explanation` says what pydantic found to the person who wrote the file.

Tests: tests/features/export/test_mapping.py.
"""

import tomllib
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated
from unicodedata import normalize

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError, model_validator
from pydantic_core import ErrorDetails

# The file's name in messages, when the caller does not know a better one.
FILE_NAME = "lead_temperature.toml"


def near_miss(name: str, allowed: Iterable[str]) -> str:
    """Suggestion for a mistyped name, ready to be put into a message.

    Parameters
    ----------
    name : str
        What was written.
    allowed : iterable of str
        What may be written.

    Returns
    -------
    str
        A clause with a leading space, or nothing when no allowed name is near.

    Examples
    --------
    >>> near_miss("delimeter", ["delimiter", "encoding"])
    " Did you mean 'delimiter'?"
    >>> near_miss("colour", ["delimiter", "encoding"])
    ''
    """
    near = get_close_matches(name, list(allowed), n=1)
    return f" Did you mean {near[0]!r}?" if near else ""


def _tuple_of_distinct(value: object) -> object:
    """TOML has arrays, a frozen value has tuples."""
    if not isinstance(value, list | tuple):
        return value
    repeated = sorted({str(item) for item in value if value.count(item) > 1})
    if repeated:
        raise ValueError(f"each name may stand here once, found twice: {', '.join(repeated)}")
    # As the readers write the names of columns: one name, one spelling.
    return tuple(normalize("NFC", item) if isinstance(item, str) else item for item in value)


def one_or_several(value: object) -> object:
    """Tuple of distinct texts, where a section may also give a single one.

    Parameters
    ----------
    value : object
        What stands in the section; what is neither a text nor a list is handed back for pydantic.

    Examples
    --------
    >>> one_or_several("iso")
    ('iso',)
    """
    return _tuple_of_distinct([value] if isinstance(value, str) else value)


Names = Annotated[tuple[str, ...], BeforeValidator(_tuple_of_distinct)]


class Section(BaseModel):
    """Settings of every section: unknown keys are errors, and no input is ever echoed."""

    # A mistyped key could hold a password: hide_input keeps it out of the message.
    model_config = ConfigDict(
        extra="forbid", frozen=True, hide_input_in_errors=True, str_strip_whitespace=False
    )

    @model_validator(mode="before")
    @classmethod
    def _known_keys(cls, value: object) -> object:
        # Pydantic alone would only say that an unknown key is extra.
        if isinstance(value, dict):
            for key in sorted(value.keys() - cls.model_fields.keys()):
                allowed = sorted(cls.model_fields.keys() - {"base"})
                raise ValueError(
                    f"unknown key {key!r}.{near_miss(key, allowed)} Allowed: {', '.join(allowed)}"
                )
        return value


def read_toml(path: Path, way_out: str) -> Mapping[str, object]:
    """Sections of a TOML file, as plain values.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    way_out : str
        What to do where there is no such file; a sentence.

    Raises
    ------
    FileNotFoundError
        There is no such file.
    ValueError
        The file is no TOML.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist. {way_out}")
    try:
        # Windows editors begin a file with a byte order mark.
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is not valid TOML: {error}.") from error


def explanation(error: ValidationError, file: str = FILE_NAME) -> str:
    """Findings of a failed validation in words for the person who wrote the file.

    Parameters
    ----------
    error : ValidationError
        What pydantic raised for a section of the file.
    file : str
        Name of the file.

    Returns
    -------
    str
        One line for each finding: file, section, key, law and way out.
    """
    return "\n".join(
        f"{file}: {_place(finding)}{_law(finding)}" for finding in error.errors(include_input=False)
    )


def _place(finding: ErrorDetails) -> str:
    # One section of interactions, and the first of several, need no number.
    match [
        str(part + 1 if isinstance(part, int) else part) for part in finding["loc"] if part != 0
    ]:
        case []:
            return ""
        case [section]:
            return f"[{section}]: "
        case [section, *keys]:
            return f"[{section}] {'.'.join(keys)}: "
    return ""


def _law(finding: ErrorDetails) -> str:
    if finding["type"] == "missing":
        return "is missing"
    if finding["type"] == "model_type":
        return "must be a section with keys, not a single value"
    return finding["msg"].removeprefix("Value error, ")
