"""Words of a CRM that the report translates; every other one is the user's and shown as it is.

They are the directions of an interaction, which the project itself fixes, and the names that the
made-up CRM, the configuration's examples and most mappings use. Values compare with their
underscores shown as spaces, as `features.language.wording` shows them.

Tests: tests/training/report/words/test_language.py.
"""


def _(message: str) -> str:
    """Mark a message for the catalogues."""
    return message


VOCABULARY = frozenset(
    {
        # fields of an interaction
        _("kind"),
        _("channel"),
        _("direction"),
        _("outcome"),
        _("agent"),
        # directions and channels
        _("inbound"),
        _("outbound"),
        _("phone"),
        _("email"),
        _("chat"),
        _("web"),
        _("meeting"),
        # kinds
        _("call"),
        _("visit"),
        _("newsletter open"),
        _("price question"),
        _("payment terms question"),
        _("callback request"),
        _("competitor mention"),
        _("objection"),
        _("unsubscribe"),
        _("follow up"),
        _("quote sent"),
        _("demo"),
        # outcomes
        _("answered"),
        _("no answer"),
        _("agreed next step"),
        _("cool"),
        _("refused"),
        # attributes
        _("source"),
        _("source kind"),
        _("form"),
        _("country"),
        _("industry"),
        _("decision maker"),
        _("company size"),
        _("budget"),
        _("owner"),
        _("known need"),
        _("refused at"),
        _("refusal reason"),
        _("competitor"),
        _("duration seconds"),
        _("value"),
        # sources
        _("seed"),
        _("net"),
        _("spear"),
        _("referral"),
        _("word of mouth"),
        _("search"),
        _("social"),
        _("newsletter"),
        _("trade fair"),
        _("cold outreach"),
        _("consultation request"),
        _("price estimate"),
        _("demo download"),
        _("callback popup"),
        _("general call"),
        # other values of the made-up CRM
        _("yes"),
        _("no"),
        _("manufacturing"),
        _("retail"),
        _("services"),
        _("construction"),
        _("public"),
        _("cost"),
        _("quality"),
        _("speed"),
        _("support"),
        _("price"),
        _("timing"),
        _("trust"),
        _("missing feature"),
    }
)
