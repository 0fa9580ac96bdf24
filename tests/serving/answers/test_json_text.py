"""JSON that two readers could understand differently does not come in."""

import pytest

from serving.answers.json_text import parse_json
from serving.answers.problem import Refused


def test_plain_json_comes_in_as_it_is() -> None:
    assert parse_json('{"a": [1, 2.5, "ж", null, true]}'.encode(), 20) == {
        "a": [1, 2.5, "ж", None, True]
    }


@pytest.mark.parametrize(
    ("body", "reason", "detail"),
    [
        (b"", "not_json", "not JSON"),
        (b'{"a": 1', "not_json", "not JSON"),
        (b"{'a': 1}", "not_json", "not JSON"),
        (b'{"a": 1} {}', "not_json", "not JSON"),
        (b'\xef\xbb\xbf{"a": 1}', "not_json", "not JSON"),
        (b'{"a": "\xff"}', "not_utf8", "not UTF-8: the byte at 7"),
        ('{"a": 1}'.encode("utf-16"), "not_utf8", "not UTF-8"),
        (b'{"a": 1, "b": {"c": 1, "c": 2}}', "name_twice", '"c" twice'),
        (b'{"a": 1, "\\u0061": 2}', "name_twice", '"a" twice'),
        (b'{"a": NaN}', "not_finite", "NaN is not JSON"),
        (b'{"a": -Infinity}', "not_finite", "-Infinity is not JSON"),
        (b'{"a": {%s}}' % b", ".join(b'"%d": 1' % n for n in range(21)), "too_many", "21 names"),
        (b"[" * 100_000, "too_deep", "nested too deeply"),
        (b'{"a":' * 100_000, "too_deep", "nested too deeply"),
        (b"9" * 5_000, "too_many_digits", "too many digits"),
    ],
)
def test_what_is_not_unambiguous_json_is_refused(body: bytes, reason: str, detail: str) -> None:
    with pytest.raises(Refused) as refused:
        parse_json(body, 20)
    assert (refused.value.status_code, refused.value.reason) == (400, reason)
    assert detail in refused.value.detail
    assert len(refused.value.detail) < 300
