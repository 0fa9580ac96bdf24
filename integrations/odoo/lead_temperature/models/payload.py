"""Leads as the server takes them: in Odoo's own names and words, as its export writes them.

The model was trained on an export, so its attributes are columns of one: paths such as
``source_id/name``. Whatever the model asks for is read by Odoo's own export, which makes each value
what it was in training. A path that Odoo does not have is left out, and so is what is not known.
"""

from datetime import UTC, date, datetime


def instant(moment):
    """An Odoo datetime, which is in UTC, with its zone."""
    return moment.replace(tzinfo=UTC).isoformat()


def paths_of(model, wanted, leads):
    """Path of each attribute that the model reads and Odoo has; the other attributes.

    An attribute is called as the export's column, or the server knows the column's name.
    """
    terms = (model.get("terms") or {}).get("attributes", {})
    present = {}
    for name in model["attributes"]:
        names = [name, *terms.get(name, {}).get("names", ())]
        paths = [wanted[name]] if name in wanted else names
        path = next((path for path in paths if has_path(leads, path)), None)
        if path:
            present[name] = path
    return present, sorted(model["attributes"].keys() - present.keys())


def words_of(model):
    """Words that the model knows of each label of an interaction: its own and the export's."""
    terms = (model.get("terms") or {}).get("interactions", {})
    return {
        label: {*words, *terms.get(label, {}).get("words", ())}
        for label, words in model["vocabulary"].items()
    }


def has_path(records, path):
    """Whether an export may have a column of a path that makes one row a record."""
    for step in path.split("/"):
        field = records._fields.get("id" if step == ".id" else step)
        if field is None or field.type in ("one2many", "many2many"):
            return False
        if field.type == "many2one":
            records = records.env[field.comodel_name]
    return True


def payloads(leads, model, paths):
    """What is known about each lead now."""
    env, vocabulary, measures = leads.env, words_of(model), model["measures"]
    interactions = {lead_id: [] for lead_id in leads.ids}
    messages = env["mail.message"].search([("model", "=", "crm.lead"), ("res_id", "in", leads.ids)])
    kinds = messages.export_data(["mail_activity_type_id/name", "message_type"])["datas"]
    for message, (activity, kind) in zip(messages, kinds, strict=True):
        inbound = message.message_type == "email"
        interactions[message.res_id].append(
            contact(
                message.date,
                message.create_date,
                vocabulary,
                kind=(activity, message.message_type, kind),
                channel=("email",),
                direction=("inbound" if inbound else "outbound",),
                agent=() if inbound else (message.author_id.name,),
            )
        )
    for meeting in env["calendar.event"].search([("opportunity_id", "in", leads.ids)]):
        event = contact(
            meeting.start,
            meeting.create_date,
            vocabulary,
            kind=("meeting", "Meeting"),
            channel=("meeting",),
            agent=(meeting.user_id.name,),
        )
        if "duration_seconds" in measures and meeting.duration:
            event["measures"] = {"duration_seconds": 3600 * meeting.duration}
        interactions[meeting.opportunity_id.id].append(event)
    rows = leads.export_data(list(paths.values()))["datas"]
    return [
        {
            "lead_id": str(lead.id),
            "created_at": instant(lead.create_date),
            "previous_band": lead.temperature or None,
            "attributes": known(dict(zip(paths, map(plain, row), strict=True))),
            "interactions": interactions[lead.id],
        }
        for lead, row in zip(leads, rows, strict=True)
    ]


def contact(occurred_at, recorded_at, vocabulary, **labels):
    """An interaction: of each label the first word that the model knows, else the first at all.

    A label of which the model reads nothing is not sent.
    """
    words = {}
    for label, candidates in labels.items():
        read, sent = vocabulary.get(label), [word for word in candidates if word]
        if read and sent:
            words[label] = next((word for word in sent if word in read), sent[0])
    return {"occurred_at": instant(occurred_at), "recorded_at": instant(recorded_at), **words}


def plain(value):
    """A value of an export as JSON has it; None where there is none."""
    if isinstance(value, datetime):
        return instant(value)
    if isinstance(value, bool):
        return str(value)
    return value.isoformat() if isinstance(value, date) else value


def known(values):
    """Values without those that are missing."""
    return {name: value for name, value in values.items() if value not in (None, "")}
