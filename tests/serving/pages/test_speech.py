"""The server, which reads no catalogues, chooses the forms of numbers as they do."""

from gettext import c2py
from importlib.resources import files

import pytest
from babel.messages.plurals import get_plural
from babel.messages.pofile import read_po

from serving.pages.speech import CODES, Speech


@pytest.mark.parametrize("code", CODES)
def test_a_number_takes_the_form_that_its_catalogue_gives_it(code: str) -> None:
    if code == "en":
        rule = get_plural("en").plural_expr
    else:
        path = files("training.report.words") / "locale" / code / "LC_MESSAGES" / "report.po"
        with path.open("rb") as file:
            rule = read_po(file, locale=code).plural_expr
    forms = Speech(code, {"one": ("0", "1", "2")}, frozenset())
    expected = c2py(rule)
    for number in [*range(130), 1_000, 1_001, 1_021]:
        assert forms.ngettext("one", "many", number) == str(expected(number))
