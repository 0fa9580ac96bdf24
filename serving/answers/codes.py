"""What each code of a problem means, and what a caller does about it.

A code never changes its meaning and is never taken away; new ones may come. The table here is the
only one: the pages at ``/problems/CODE``, which the `type` of every problem names, and
``docs/problems.md`` are made of it (`python -m serving.answers.codes` prints the latter).
"""

from collections.abc import Mapping
from dataclasses import dataclass

from serving.answers.problem import Reason


@dataclass(frozen=True, slots=True)
class CodeMeaning:
    """What a code means.

    Parameters
    ----------
    status : int
        HTTP status of a call that is refused for it; a lead of a batch has 422.
    meaning : str
        What is wrong, as a sentence.
    way_out : str
        What the caller does, as a sentence.
    retry : bool
        Whether the same call may succeed later.
    """

    status: int
    meaning: str
    way_out: str
    retry: bool = False


_FIELD, _BODY = 422, 400

MEANINGS: Mapping[Reason, CodeMeaning] = {
    "missing": CodeMeaning(
        _FIELD, "A field that is required is not there.", "Send the field that `field` names."
    ),
    "unknown_name": CodeMeaning(
        _FIELD,
        "A field has a name that the schema does not know.",
        "Leave it out, or use one of the names that `way_out` lists; `GET /v1/model` has all.",
    ),
    "other_kind": CodeMeaning(
        _FIELD,
        "A value has another type than its field, such as a text in place of a number.",
        "Send the JSON type that `law` names.",
    ),
    "no_time": CodeMeaning(
        _FIELD,
        "A text is no time with a zone, or a time that no calendar has.",
        "Send times as 2026-03-01T08:30:00Z; leave out a time that stands for 'unknown'.",
    ),
    "length": CodeMeaning(
        _FIELD, "A text is empty or too long.", "Send a text of the length that `law` names."
    ),
    "too_many": CodeMeaning(
        _FIELD,
        "A list or an object has more entries than a call may bring.",
        "Send fewer: the latest interactions, or the leads in several calls.",
    ),
    "unknown_word": CodeMeaning(
        _FIELD, "A value is none of a closed list.", "Send one of the words that `law` lists."
    ),
    "future": CodeMeaning(
        _FIELD,
        "A time lies in the future of the server's clock.",
        "Mend the time or its zone; leave `as_of` out to score as of now.",
    ),
    "before_creation": CodeMeaning(
        _FIELD, "`as_of` lies before the lead's creation.", "Score the lead from its creation on."
    ),
    "other_value": CodeMeaning(
        _FIELD, "A value breaks another law of its field.", "Send a value that keeps to `law`."
    ),
    "not_utf8": CodeMeaning(
        _BODY, "The body, or a text in it, is no Unicode text.", "Send UTF-8 without surrogates."
    ),
    "not_json": CodeMeaning(_BODY, "The body is no JSON.", "Use a JSON library to write it."),
    "too_deep": CodeMeaning(_BODY, "The body is nested too deeply.", "Send the schema's objects."),
    "name_twice": CodeMeaning(
        _BODY, "An object in the body has a name twice.", "Send each name once."
    ),
    "not_finite": CodeMeaning(
        _BODY, "A number is NaN or infinite.", "Leave the value out when it is unknown."
    ),
    "too_many_digits": CodeMeaning(
        _BODY, "A number has thousands of digits.", "Send numbers of ordinary size."
    ),
    "compressed": CodeMeaning(
        415,
        "The body is packed in a way that is not read, or is not packed as it says (400).",
        "Pack it by gzip, as one file, or send it as it is.",
    ),
    "other_type": CodeMeaning(
        415, "The body is not declared as JSON.", "Send `Content-Type: application/json`."
    ),
    "long_body": CodeMeaning(413, "The body is too long.", "Send fewer leads a call."),
    "slow_body": CodeMeaning(
        408, "The body did not come in time.", "Send it at once, after its head.", retry=True
    ),
    "slow_head": CodeMeaning(
        408, "The head of the request did not come in time.", "Send it at once.", retry=True
    ),
    "long_head": CodeMeaning(
        431, "The head of the request is too long.", "Send leads in the body, and fewer headers."
    ),
    "not_http": CodeMeaning(_BODY, "The request is no HTTP/1.1.", "Use an HTTP library."),
    "no_host": CodeMeaning(
        _BODY, "The request has no header Host, or several.", "Send one, as HTTP libraries do."
    ),
    "no_key": CodeMeaning(
        401, "No known API key came with the request.", "Send `Authorization: Bearer KEY`."
    ),
    "other_role": CodeMeaning(
        403, "The API key has not the role that the page needs.", "Use a key with that role."
    ),
    "other_host": CodeMeaning(
        421,
        "A server without keys answers this machine alone, under its own names.",
        "Ask for localhost, or give the server keys.",
    ),
    "no_such_page": CodeMeaning(404, "There is no such page.", "`GET /openapi.json` lists them."),
    "other_method": CodeMeaning(
        405, "The page takes another method.", "Use one that the header Allow names."
    ),
    "broken_bundle": CodeMeaning(
        409,
        "The bundle in the server's folder is refused; the earlier one is served.",
        "Pull or train the bundle again; `detail` says what is wrong with it.",
    ),
    "overload": CodeMeaning(
        503, "The server has as much to do as it can.", "Ask again after Retry-After.", retry=True
    ),
    "key_overload": CodeMeaning(
        503,
        "The API key has as many requests at work as it may.",
        "Keep fewer connections busy, and ask again after Retry-After.",
        retry=True,
    ),
    "quota": CodeMeaning(
        429,
        "The API key has made as many requests in this minute as it may.",
        "Ask again after Retry-After; the headers RateLimit and RateLimit-Policy tell the quota.",
        retry=True,
    ),
    "crowd": CodeMeaning(
        503,
        "The server has as many connections as it takes.",
        "Close idle connections, and ask again later.",
        retry=True,
    ),
    "deadline": CodeMeaning(
        503,
        "A batch was not done within the seconds of `Prefer: wait=N`.",
        "Send fewer leads, or wait longer.",
        retry=True,
    ),
    "not_kept": CodeMeaning(
        503,
        "The server's ledger does not take the answer, and it gives none that is not kept.",
        "Ask again after Retry-After.",
        retry=True,
    ),
    "no_ledger": CodeMeaning(
        404,
        "The server keeps no ledger, so it knows no earlier answers.",
        "Ask whoever runs the server to start it with --ledger.",
    ),
    "ending": CodeMeaning(
        503, "The server is about to end.", "Ask again: another one takes over.", retry=True
    ),
    "failure": CodeMeaning(
        500,
        "The server failed; that is a defect of ours.",
        "Tell whoever runs the server the `request_id`: its log says where.",
    ),
    "other": CodeMeaning(_BODY, "The call is refused for another reason.", "Read `detail`."),
}


_INTRODUCTION = """\
# Problems

Every refusal is a problem (RFC 9457). Its `code`, and that of each entry of `errors`, says which
law was broken; its `type` is the address of a page about it on the server, `/problems/CODE`. Codes
keep their meaning: branch on them, never on `detail`. New ones may come, so treat an unknown code
by its status.

| code | status | what is wrong | way out | try again |
|---|---|---|---|---|
"""


def problems_document() -> str:
    """``docs/problems.md``."""
    rows = [
        f"| <a id='{code}'></a>`{code}` | {meaning.status} | {meaning.meaning} | "
        f"{meaning.way_out} | {'yes' if meaning.retry else 'no'} |"
        for code, meaning in sorted(MEANINGS.items())
    ]
    return _INTRODUCTION + "\n".join(rows) + "\n"


if __name__ == "__main__":
    print(problems_document(), end="")
