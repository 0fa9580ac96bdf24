"""What must not become a feature: personal data, free text, sensitive attributes unless allowed.

Names, e-mails, phone numbers and notes say who a lead is, not how warm; sensitive attributes (age,
income, family status …) are left out unless the owner of the data names them. Both are recognised
by the column's name, in English, Portuguese, Russian, Romanian, Italian, German, French and
Spanish, and personal data by the values too, since a column named ``contact`` may hold anything. A
name may mislead: ``mobile`` may be a device, ``Do Not Email`` a consent. Such columns can be
allowed by name as long as they hold no more than a few different values. Each function answers with
the reason, in words for the person who reads it, or with None.
"""

import re
import unicodedata

import pyarrow as pa
import pyarrow.compute as pc

_PERSONAL = {
    "a person's name": """
        name firstname lastname fullname surname forename nome sobrenome cognome apelido nume
        prenume имя фамилия отчество фио imya familiya familia fio otchestvo
        vorname nachname familienname kundenname ansprechpartner
        nom prenom nomfamille nombre apellido apellidos""",
    "an e-mail address": "email emails mail correio почта pochta posta courriel correo",
    "a phone number": """
        phone phones mobile telephone tel cell fax whatsapp telefone telemovel celular
        телефон мобильный telefon telefono cellulare handy mobil portable movil""",
    "an address": """
        address street endereco morada rua адрес улица adres adresa strada indirizzo
        adresse anschrift strasse rue direccion calle domicilio""",
    "an account or identity number": """
        iban ssn passport nif cpf cnp passaporte паспорт инн снилс inn snils pasaport
        codicefiscale passaporto personalausweis steuernummer reisepass passeport pasaporte
        dni nie curp""",
    "free text": """
        notes note comment comments remarks observacoes comentario comentarios
        комментарий комментарии заметки примечание observatii comentarii commenti osservazioni
        bemerkung bemerkungen notiz notizen kommentar remarques commentaire commentaires
        observaciones notas""",
}
# Before "name", or behind it where the noun comes first, these make a person's name of it; a
# campaign_name is none. Behind any other personal word they belong to it: telefono_cliente.
_NAMED_PERSONS = """
    first last full middle family given sur primeiro completo primo
    contact client customer person lead user owner caller
    cliente contatto contato contacto persona pessoa persoana utente usuario utilizator titular
    referente клиента контакта лида человека пользователя kontakt kunde kunden person famille
    acheteur utilisateur personne completo completa electronico electronica eletronico
    elettronica elettronico electronique electronica электронная"""
_LINKING = frozenset(
    [
        "do",
        "da",
        "de",
        "del",
        "della",
        "di",
        "du",
        "des",
        "la",
        "le",
        "el",
        "il",
        "of",
        "the",
        "al",
        "des",
    ]
)
_SENSITIVE = {
    "age": """
        age birth birthday birthdate dob idade nascimento возраст рождения vozrast
        varsta nastere eta nascita alter geburtsdatum geburtstag geburtsjahr naissance
        edad nacimiento""",
    "income": """
        income salary wage wages earnings renda salario rendimento доход зарплата dohod zarplata
        venit salariu reddito stipendio einkommen gehalt revenu revenus salaire ingresos sueldo""",
    "family status": """
        marital family married spouse children kids civil casado filhos семейное дети брак
        casatorit copii coniugale figli coniuge familienstand verheiratet kinder familiale marie
        enfants hijos casado""",
    "gender": "gender sex sexo genero пол pol gen sesso genere geschlecht sexe",
    "religion": "religion faith religiao религия religie religione konfession",
    "ethnicity": """
        ethnicity ethnic race nationality etnia raca nacionalidade национальность nationalitate
        razza nazionalita nationalitat staatsangehorigkeit nationalite ethnie nacionalidad raza""",
    "health": """
        health disability saude здоровье инвалидность sanatate salute gesundheit behinderung
        sante handicap salud discapacidad""",
    "politics": """
        political politics party politica политика union sindicato partei politik politique
        partido""",
    "sexual orientation": """
        orientation orientacao ориентация orientare orientamento orientierung orientacion""",
}


def _plain(text: str) -> str:
    """Text in lower case and without accents."""
    decomposed = unicodedata.normalize("NFKD", text.lower().replace("ß", "ss"))
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))


_PERSONS = frozenset(_plain(_NAMED_PERSONS).split())
_PERSONAL_WORDS = {w: what for what, words in _PERSONAL.items() for w in _plain(words).split()}
_SENSITIVE_WORDS = {w: what for what, words in _SENSITIVE.items() for w in _plain(words).split()}

_EMAIL = r"^[^@\s]+@[^@\s]+\.[^@\s]+$"
_PHONE = r"^(\+|00)[1-9][\d ().-]{6,18}$|^0[1-9][\d ()/-]{6,14}$|^\(\d{2,5}\) ?\d[\d -]{4,12}$"
_IBAN = r"^[A-Z]{2}\d{2}( ?[A-Z0-9]{1,4}){3,8}$"

# Values that look personal in more than this share of the rows make the column personal.
_MOST = 0.5
# Words that make a value a sentence, and the share of sentences that makes a column free text.
_SENTENCE = r"\S+(\s+\S+){5}"
_SENTENCES = 0.3
# The name "name" alone says nothing; with a person before it, it does.
_PLAIN_NAMES = frozenset(
    ["name", "nome", "nume", "nom", "nombre", "имя", "imya", "familia", "familiya", "фамилия"]
)
MOST_FLAGS = 20
ALLOW_FLAGS = "if it holds a flag or a few words, name it in allow_flags to use it"
# From this many values on, a column of which almost none repeats tells leads apart, no more.
_ENOUGH_VALUES = 50
_ALMOST_ALL = 0.9


def name_objection(name: str) -> str | None:
    """Reason for which a column's name says that it holds personal data.

    Parameters
    ----------
    name : str
        The column's name.

    Returns
    -------
    str or None
        The reason, or None.

    Examples
    --------
    >>> name_objection("contactName")
    "personal data: its name speaks of a person's name; if it holds a flag or ..."
    >>> name_objection("campaign_name")
    """
    words = [word for word in _words(name) if word not in _LINKING]
    if not words:
        return None
    subject = _subject_at_end(words) or _subject_at_begin(words)
    return subject and f"personal data: its name speaks of {subject}; {ALLOW_FLAGS}"


def names_a_contact(name: str) -> bool:
    """Whether a column's name speaks of an e-mail address or a phone number.

    Parameters
    ----------
    name : str
        The column's name.

    Examples
    --------
    >>> names_a_contact("Work E-mail"), names_a_contact("Do Not Email"), names_a_contact("country")
    (True, False, False)
    """
    subject = _subject_at_end([word for word in _words(name) if word not in _LINKING] or [""])
    return subject in ("an e-mail address", "a phone number") and "not" not in _words(name)


def _subject_at_end(words: list[str]) -> str | None:
    """What a name speaks of whose last word is the noun: contact_phone, Kundenname."""
    last_word = words[-1].removesuffix("nummer") or words[-1]
    if last_word in ("number", "nr", "no", "num") and len(words) > 1:
        last_word = words[-2]
    subject = _PERSONAL_WORDS.get(last_word) or _PERSONAL_WORDS.get("".join(words))
    if subject == "a person's name" and len(words) > 1 and words[-1] in _PLAIN_NAMES:
        return subject if words[-2] in _PERSONS else None
    return subject


def _subject_at_begin(words: list[str]) -> str | None:
    """What a name speaks of whose first word is the noun: nome_cliente, телефон клиента."""
    subject = _PERSONAL_WORDS.get(words[0])
    belongs = len(words) > 1 and all(
        word in _PERSONS or word in _PERSONAL_WORDS for word in words[1:]
    )
    return subject if belongs else None


def flag_objection(texts: pa.ChunkedArray) -> str | None:
    """Reason for which the values of a column in ``allow_flags`` are no flag.

    Parameters
    ----------
    texts : pa.ChunkedArray
        The column's values as text; nulls are not looked at.

    Returns
    -------
    str or None
        The reason, or None.
    """
    distinct: int = pc.count_distinct(texts.drop_null()).as_py()
    if distinct <= MOST_FLAGS:
        return None
    return (
        f"personal data: a column in allow_flags may have {MOST_FLAGS} different values, it has "
        f"{distinct}"
    )


def sensitive_objection(name: str) -> str | None:
    """Reason for which a column's name says that it is sensitive.

    Parameters
    ----------
    name : str
        The column's name.

    Returns
    -------
    str or None
        The reason and the way out, or None.

    Examples
    --------
    >>> sensitive_objection("customer_age")
    'sensitive: age; name it in allow_sensitive to use it'
    >>> sensitive_objection("page")
    """
    words = [*_words(name), "".join(_words(name))]
    subject = next((_SENSITIVE_WORDS[word] for word in words if word in _SENSITIVE_WORDS), None)
    return subject and f"sensitive: {subject}; name it in allow_sensitive to use it"


def value_objection(texts: pa.ChunkedArray) -> str | None:
    """Reason for which values are personal data or free text.

    Parameters
    ----------
    texts : pa.ChunkedArray
        The column's values as text; nulls are not looked at.

    Returns
    -------
    str or None
        The reason, or None.
    """
    values = texts.drop_null()
    if len(values) == 0:
        return None
    for content, pattern, share in (
        ("e-mail addresses", _EMAIL, _MOST),
        ("phone numbers", _PHONE, _MOST),
        ("account numbers", _IBAN, _MOST),
        ("free text", _SENTENCE, _SENTENCES),
    ):
        matching: int = pc.sum(pc.match_substring_regex(values, pattern)).as_py()
        if matching > share * len(values):
            return f"personal data: its values look like {content}"
    return None


def distinct_objection(texts: pa.ChunkedArray) -> str | None:
    """Reason for which a category tells leads apart instead of grouping them.

    Parameters
    ----------
    texts : pa.ChunkedArray
        The column's values as text; nulls are not looked at.

    Returns
    -------
    str or None
        The reason and the way out, or None.
    """
    values = texts.drop_null()
    distinct: int = pc.count_distinct(values).as_py()
    if len(values) < _ENOUGH_VALUES or distinct <= _ALMOST_ALL * len(values):
        return None
    return (
        f"almost all values differ ({distinct} of {len(values)}), as those of a name, a number or "
        "free text do; name its kind under kinds to use it all the same"
    )


def _words(name: str) -> list[str]:
    """Words of a column's name, in lower case and without accents."""
    spaced = re.sub(r"(?<=[a-zà-ÿа-яё])(?=[A-ZÀ-ÞА-ЯЁ])", " ", name)
    return re.findall(r"[^\W_]+", re.sub(r"e-?\s?mail", "email", _plain(spaced)))
