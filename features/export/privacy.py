"""What must not become a feature: personal data, free text, sensitive attributes unless allowed.

Names, e-mails, phone numbers and notes say who a lead is, not how warm; sensitive attributes (age,
income, family status …) are left out unless the owner of the data names them. Both are recognised
by the column's name, in English, Portuguese, Russian, Romanian and Italian, and personal data by
the values too, since a column named ``contact`` may hold anything. Each function answers with the
reason, in words for the person who reads it, or with None.
"""

import re

import pyarrow as pa
import pyarrow.compute as pc

_PERSONAL = {
    "a person's name": """
        name firstname lastname fullname surname nome sobrenome cognome apelido nume prenume
        имя фамилия отчество фио imya familiya familia fio otchestvo""",
    "an e-mail address": "email emails mail correio почта pochta posta",
    "a phone number": """
        phone phones mobile telephone tel cell fax whatsapp telefone telemovel celular
        телефон мобильный telefon telefono cellulare""",
    "an address": "address street endereco morada rua адрес улица adres adresa strada indirizzo",
    "an account or identity number": """
        iban ssn passport nif cpf cnp passaporte паспорт инн снилс inn snils pasaport
        codicefiscale passaporto""",
    "free text": """
        notes note comment comments remarks observacoes comentario comentarios
        комментарий комментарии заметки примечание observatii comentarii commenti osservazioni""",
}
# Before "name" these make a person's name of it; a campaign_name is none.
_NAMED_PERSONS = {
    *("first", "last", "full", "middle", "family", "given", "sur", "primeiro", "completo", "primo"),
    *("contact", "client", "customer", "person", "lead", "user", "owner", "caller"),
}
_SENSITIVE = {
    "age": """
        age birth birthday birthdate dob idade nascimento возраст рождения vozrast
        varsta nastere eta nascita""",
    "income": """
        income salary wage wages earnings renda salario rendimento доход зарплата dohod zarplata
        venit salariu reddito stipendio""",
    "family status": """
        marital family married spouse children kids civil casado filhos семейное дети брак
        casatorit copii coniugale figli coniuge""",
    "gender": "gender sex sexo genero пол pol gen sesso genere",
    "religion": "religion faith religiao религия religie religione",
    "ethnicity": """
        ethnicity ethnic race nationality etnia raca nacionalidade национальность nationalitate
        razza nazionalita""",
    "health": "health disability saude здоровье инвалидность sanatate salute",
    "politics": "political politics party politica политика union sindicato",
    "sexual orientation": "orientation orientacao ориентация orientare orientamento",
}
_PERSONAL_WORDS = {word: what for what, words in _PERSONAL.items() for word in words.split()}
_SENSITIVE_WORDS = {word: what for what, words in _SENSITIVE.items() for word in words.split()}

_EMAIL = r"^[^@\s]+@[^@\s]+\.[^@\s]+$"
_PHONE = r"^(\+|00)[1-9][\d ().-]{6,18}$|^0[1-9][\d ()/-]{6,14}$|^\(\d{2,5}\) ?\d[\d -]{4,12}$"
_IBAN = r"^[A-Z]{2}\d{2}( ?[A-Z0-9]{1,4}){3,8}$"

# Values that look personal in more than this share of the rows make the column personal.
_MOST = 0.5
# Words that make a value a sentence, and the share of sentences that makes a column free text.
_SENTENCE = r"\S+(\s+\S+){5}"
_SENTENCES = 0.3
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
    "personal data: its name speaks of a person's name"
    >>> name_objection("campaign_name")
    """
    words = _words(name)
    if not words:
        return None
    last_word = words[-1]
    if last_word in ("number", "nr", "no") and len(words) > 1:
        last_word = words[-2]
    subject = _PERSONAL_WORDS.get(last_word) or _PERSONAL_WORDS.get("".join(words))
    if subject == "a person's name" and len(words) > 1 and words[-2] not in _NAMED_PERSONS:
        subject = None
    return subject and f"personal data: its name speaks of {subject}"


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
    split = re.sub(r"(?<=[a-zа-я])(?=[A-ZА-Я])", " ", name).lower()
    plain = split.translate(str.maketrans("áàâãăâéêèíîóôõúüçșşțţ", "aaaaaaeeeiiooouucsstt"))
    return re.findall(r"[^\W_]+", plain.replace("e-mail", "email"))
