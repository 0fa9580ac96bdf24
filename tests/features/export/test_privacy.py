"""Personal and sensitive data, by name and by value."""

import pyarrow as pa
import pytest

from features.export.privacy import (
    MOST_FLAGS,
    distinct_objection,
    flag_objection,
    name_objection,
    sensitive_objection,
    value_objection,
)

PERSONAL = {
    "a person's name": """
        name contactName client_name nome_cliente nombre_del_cliente имя_клиента Фамилия Vorname
        Kundenname nom_de_famille prénom apellidos nume_client""",
    "a phone number": """
        phone_number Телефон телефон_клиента telefono_cliente Handynummer Telefonnummer móvil
        numero_telefono mobile""",
    "an e-mail address": "E-Mail email_cliente correo_electrónico indirizzo_email courriel",
    "an address": "street Straße adresse_client morada direccion_cliente",
    "free text": "notes Bemerkung commentaires observações",
}


@pytest.mark.parametrize(
    ("name", "what"), [(name, what) for what, names in PERSONAL.items() for name in names.split()]
)
def test_a_name_speaks_of_a_person_in_eight_languages_and_how_to_allow_it(name, what) -> None:
    objection = name_objection(name)
    assert objection is not None
    assert objection.startswith(f"personal data: its name speaks of {what}; ")
    assert "allow_flags" in objection


HARMLESS = """campaign_name nome_campagna product_name village page phone_type email_opens country
    Kundennummer nome_prodotto numero_ordini mobility"""


@pytest.mark.parametrize("name", [*HARMLESS.split(), ""])
def test_a_name_that_only_looks_like_it_speaks_of_nobody(name: str) -> None:
    assert name_objection(name) is None


SENSITIVE = """edad Geburtsdatum data_di_nascita idade_cliente situation_familiale Familienstand
    estado_civil sueldo Einkommen revenu_mensuel género Geschlecht nationalité santé partido
    семейное_положение"""


@pytest.mark.parametrize("name", SENSITIVE.split())
def test_a_sensitive_name_is_known_in_eight_languages(name: str) -> None:
    assert str(sensitive_objection(name)).startswith("sensitive: ")


def test_a_flag_may_have_a_few_values() -> None:
    words = [f"w{i}" for i in range(MOST_FLAGS)]
    assert flag_objection(pa.chunked_array([[*words, None, "w1"]])) is None
    assert "it has 21" in str(flag_objection(pa.chunked_array([[*words, "more"]])))


def test_a_sensitive_name_says_how_it_may_be_used_all_the_same() -> None:
    found = sensitive_objection("customer_age")
    assert found == "sensitive: age; name it in allow_sensitive to use it"
    assert sensitive_objection("page") is None


def test_values_of_persons_are_objected_to_and_others_are_not() -> None:
    addresses = pa.chunked_array([[f"lead{i}@example.org" for i in range(20)] + [None]])
    assert "e-mail addresses" in str(value_objection(addresses))
    assert value_objection(pa.chunked_array([["call", "visit", None] * 10])) is None
    assert value_objection(pa.chunked_array([pa.nulls(3, pa.string())])) is None


def test_words_of_which_almost_all_differ_are_objected_to() -> None:
    different = pa.chunked_array([[f"word {i}" for i in range(1_000)]])
    assert distinct_objection(different) is not None
    assert distinct_objection(pa.chunked_array([["it", "pt"] * 500])) is None
