"""Reading JSON strictly: nothing that two readers could understand differently.

Python's own reader takes NaN, the last of two equal names and objects of any size. `parse_json`
refuses all three with a problem that says what is wrong. A request body is read by it, and so is a
golden lead.

msgspec would read and validate a body in 22 µs where this and pydantic take 59, of an answer's 700.
But it takes the last of two equal names as well, and to search the text for them costs 90 µs more.
"""

import json
from collections import Counter
from functools import lru_cache, partial
from typing import NoReturn

from features.json_values import JsonObject
from serving.answers.problem import Reason, Refused, quoted_value


def parse_json(body: bytes, max_names: int) -> object:
    """Value of a JSON text.

    Parameters
    ----------
    body : bytes
        UTF-8 text of one JSON value.
    max_names : int
        Most names that one object may have.

    Raises
    ------
    Refused
        400: it is not UTF-8, not JSON, nested too deeply, or an object in it has a name twice or
        too many names.
    """
    reason: Reason
    try:
        return _decoder(max_names).decode(body.decode())
    except UnicodeDecodeError as error:
        detail = f"The body is not UTF-8: the byte at {error.start} is not text."
        reason = "not_utf8"
    except json.JSONDecodeError as error:
        detail = f"The body is not JSON: {error.msg}, line {error.lineno}, column {error.colno}."
        reason = "not_json"
    except RecursionError:
        detail, reason = "The body is nested too deeply.", "too_deep"
    except ValueError:
        # What Python's own reader refuses apart from grammar: integers of thousands of digits.
        detail, reason = "A number in the body has too many digits.", "too_many_digits"
    raise Refused(400, reason, detail)


@lru_cache(maxsize=8)
def _decoder(max_names: int) -> json.JSONDecoder:
    hook = partial(_members, max_names)
    return json.JSONDecoder(object_pairs_hook=hook, parse_constant=_no_constant)


def _members(max_names: int, pairs: list[tuple[str, object]]) -> JsonObject:
    if len(pairs) > max_names:
        detail = (
            f"An object in the body has {len(pairs)} names, at most {max_names} are read. "
            "Send only those that GET /v1/model names."
        )
        raise Refused(400, "too_many", detail)
    members = dict(pairs)
    if len(members) < len(pairs):
        repeated, _ = Counter(name for name, _ in pairs).most_common(1)[0]
        detail = f"An object in the body has the name {quoted_value(repeated)} twice."
        raise Refused(400, "name_twice", detail)
    return members


def _no_constant(name: str) -> NoReturn:
    detail = f"{name} is not JSON; leave the value out when it is unknown."
    raise Refused(400, "not_finite", detail)
