"""What must stay the same of a card that was written in an earlier format.

Words change, and new formats add what the old one had not measured. No figure may change, and what
was not measured must be null or empty.
"""

import re
from collections.abc import Mapping


def figures_in(text: str) -> list[list[str]]:
    """Numbers of each row of the tables of a card in Markdown that has any, in their order."""
    rows = (line for line in text.splitlines() if line.startswith("|"))
    return [numbers for row in rows if (numbers := re.findall(r"\d[\d,.:-]*", row))]


def require_same(shown: object, written: object, where: str = "card") -> None:
    """Fail where something that was written is shown otherwise, or something appears with a value.

    Parameters
    ----------
    shown : object
        JSON values as they are shown today.
    written : object
        JSON values as they were written.
    where : str, optional
        Their place, for the message.
    """
    if isinstance(written, Mapping) and isinstance(shown, Mapping):
        for name in written:
            assert name in shown, f"{where}.{name} is gone"
            require_same(shown[name], written[name], f"{where}.{name}")
        for name in shown.keys() - written.keys():
            empty = shown[name] in (None, [], {}, "low end")  # what decided bands until format 3
            assert empty, f"{where}.{name} was not measured and is {shown[name]!r}"
    elif isinstance(written, list) and isinstance(shown, list):
        assert len(shown) == len(written), f"{where} has another length"
        for place, (left, right) in enumerate(zip(shown, written, strict=True)):
            require_same(left, right, f"{where}[{place}]")
    else:
        assert shown == written, f"{where}: {shown!r}, written {written!r}"
