"""JSON that two readers could understand differently does not come in."""

import pytest
from fastapi import HTTPException

from serving.body import json_value


def test_plain_json_comes_in_as_it_is() -> None:
    assert json_value('{"a": [1, 2.5, "ж", null, true]}'.encode()) == {
        "a": [1, 2.5, "ж", None, True]
    }


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b"", "not JSON"),
        (b'{"a": 1', "not JSON"),
        (b"{'a': 1}", "not JSON"),
        (b'{"a": 1} {}', "not JSON"),
        (b'\xef\xbb\xbf{"a": 1}', "not JSON"),
        (b'{"a": "\xff"}', "not UTF-8: the byte at 7"),
        ('{"a": 1}'.encode("utf-16"), "not UTF-8"),
        (b'{"a": 1, "b": {"c": 1, "c": 2}}', '"c" twice'),
        (b'{"a": 1, "\\u0061": 2}', '"a" twice'),
        (b'{"a": NaN}', "NaN is not JSON"),
        (b'{"a": -Infinity}', "-Infinity is not JSON"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"a":' * 100_000, "nested too deeply"),
        (b"9" * 5_000, "too many digits"),
    ],
)
def test_what_is_not_unambiguous_json_is_refused(body: bytes, detail: str) -> None:
    with pytest.raises(HTTPException) as refused:
        json_value(body)
    assert refused.value.status_code == 400
    assert detail in refused.value.detail
    assert len(refused.value.detail) < 300
