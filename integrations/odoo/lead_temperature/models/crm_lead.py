from odoo import api, fields, models

OURS = {
    "temperature",
    "hot_probability",
    "temperature_why",
    "temperature_until",
    "temperature_problem",
}


class CrmLead(models.Model):
    _inherit = "crm.lead"

    temperature = fields.Selection(
        [("cold", "Cold"), ("warm", "Warm"), ("hot", "Hot")],
        readonly=True,
        copy=False,
        index=True,
    )
    hot_probability = fields.Float("Chance to buy soon", readonly=True, copy=False)
    temperature_why = fields.Text("Reasons", readonly=True, copy=False)
    temperature_until = fields.Datetime("Use until", readonly=True, copy=False, index=True)
    temperature_problem = fields.Text(
        "Not scored because", readonly=True, copy=False, groups="base.group_system"
    )

    @api.model_create_multi
    def create(self, vals_list):
        leads = super().create(vals_list)
        leads._queue_temperature()
        return leads

    def write(self, vals):
        written = super().write(vals)
        if not vals.keys() <= OURS:
            self._queue_temperature()
        return written

    def _message_post_after_hook(self, message, msg_vals):
        result = super()._message_post_after_hook(message, msg_vals)
        self._queue_temperature()
        return result

    def _queue_temperature(self):
        """Ask for a new temperature later: the transaction at hand inserts a row and no more."""
        self.env["lead.temperature.queue"]._add(self)

    def _is_open_for_temperature(self):
        """Whether the lead is neither won nor lost."""
        self.ensure_one()
        return self.active and not self.stage_id.is_won

    def _write_temperature(self, answer):
        """Keep what the server says about this lead; a refused one keeps its earlier score."""
        self.ensure_one()
        if "status" in answer:
            errors = answer.get("errors") or [answer]
            told = "\n".join(" ".join(filter(None, map(error.get, TOLD))) for error in errors)
            values = {"temperature_problem": told}
        else:
            until = fields.Datetime.to_datetime(answer["valid_until"][:19].replace("T", " "))
            values = {
                "temperature": answer["band"],
                "hot_probability": answer["hot_probability"],
                "temperature_why": "\n".join(reason["text"] for reason in answer["reasons"]),
                "temperature_until": until,
                "temperature_problem": False,
            }
        self.with_context(tracking_disable=True, mail_notrack=True).write(values)


TOLD = ("field", "law", "found", "way_out", "detail")
