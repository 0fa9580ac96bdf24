"""Whether digits are codes: they name something, and counting with them would be wrong.

Postal codes, telephone prefixes, versions and article numbers look like numbers. Read as such,
``00184`` and ``184`` are one, ``1.10`` is ``1.1`` and ``1e5`` a hundred thousand. Here is what
gives them away; the guess of an attribute's kind (`features.export.sources`) asks it.
"""

import re

import pyarrow as pa
import pyarrow.compute as pc

# A few values with a leading zero among many are slips of a keyboard.
_NO_SLIPS = 0.005
_MOST = 0.5
# Versions and sizes have few values, prices many: a price may be written 12.5 and 12.50.
_FEW_VALUES = 50

_CODE_NAMES = frozenset(
    [
        "zip",
        "zipcode",
        "postcode",
        "postal",
        "postalcode",
        "plz",
        "postleitzahl",
        "cep",
        "cap",
        "codpostal",
        "cp",
        "codicepostale",
        "codigopostal",
        "codepostal",
        "индекс",
        "indeks",
        "sku",
        "ean",
        "gtin",
        "isbn",
    ]
)


def are_codes(name: str, texts: pa.ChunkedArray) -> bool:
    """Whether values that could be read as numbers are codes.

    Parameters
    ----------
    name : str
        Name of the column.
    texts : pa.ChunkedArray
        Its values as text; nulls are not looked at.

    Examples
    --------
    >>> are_codes("office", pa.chunked_array([["00184", "20121"]]))
    True
    >>> are_codes("office", pa.chunked_array([["184", "20121"]]))
    False
    """
    values = texts.drop_null()
    if not len(values):
        return False
    words = re.findall(r"[^\W_]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower())
    if _CODE_NAMES & {*words[-1:], "".join(words[-2:])}:
        return True

    def share(pattern: str) -> float:
        matches: int = pc.sum(pc.match_substring_regex(values, pattern)).as_py()
        return matches / len(values)

    if share(r"^[+-]?0\d") > _NO_SLIPS or share(r"^\d{16,}$") > _NO_SLIPS:
        return True
    # A sign before positive numbers alone is that of a telephone number.
    if share(r"^\+") > _NO_SLIPS and share("^-") == 0:
        return True
    # Programs write an exponent with its sign, and with a point before it.
    return share(r"^\d+[eE]\d+$") > _MOST or _are_versions(values)


def _are_versions(values: pa.ChunkedArray) -> bool:
    """Whether decimals are told apart by their zeros: 1.10 follows on 1.9."""
    distinct = pc.unique(values).to_pylist()
    if len(distinct) > _FEW_VALUES:
        return False
    decimals = [match[1] for text in distinct if (match := re.fullmatch(r"\d{1,3}\.(\d+)", text))]
    lengths = {len(digits) for digits in decimals}
    return len(lengths) > 1 and any(
        digits.endswith("0") and len(digits) > min(lengths) for digits in decimals
    )
