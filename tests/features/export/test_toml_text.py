"""Whatever text is written in TOML is read again."""

import tomllib

from hypothesis import example, given
from hypothesis import strategies as st

from features.export.toml_text import toml_key, toml_text

ANY_TEXT = st.text(max_size=20)


@given(ANY_TEXT, st.booleans())
def test_a_text_is_read_as_it_was(text, only_ascii) -> None:
    written = toml_text(text, only_ascii=only_ascii)
    assert tomllib.loads(f"text = {written}") == {"text": text}
    assert written.isascii() or not only_ascii


@given(ANY_TEXT)
@example("created_at")
@example("a.b")
@example("Lead\nID")
@example("")
def test_a_name_becomes_a_key(name) -> None:
    assert tomllib.loads(f"{toml_key(name)} = 1") == {name: 1}
