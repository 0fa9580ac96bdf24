"""Texts and names as they are written in a TOML file.

Messages quote lines for ``lead_temperature.toml``, and drafts of it are written whole; what stands
in them comes from the export and may hold any character.
"""


def toml_text(text: str, *, only_ascii: bool = False) -> str:
    r"""Text in the quotes of TOML.

    Parameters
    ----------
    text : str
        Any text.
    only_ascii : bool
        Whether other letters are written by their numbers, so that those that look alike differ.

    Examples
    --------
    >>> toml_text('say "cаll"', only_ascii=True)
    '"say \\"c\\U00000430ll\\""'
    """
    escapes = {"\\": "\\\\", '"': '\\"'}

    def letter(c: str) -> str:
        if c in escapes:
            return escapes[c]
        is_plain = c.isprintable() and (c.isascii() or not only_ascii)
        return c if is_plain else f"\\U{ord(c):08x}"

    return f'"{"".join(map(letter, text))}"'


def toml_key(name: str) -> str:
    """Name as a key of TOML, in quotes where it must be.

    Examples
    --------
    >>> toml_key("created_at"), toml_key("città")
    ('created_at', '"città"')
    """
    is_bare = name.isascii() and name.replace("_", "").replace("-", "").isalnum()
    return name if is_bare else toml_text(name)
