from odoo import api, models


class CalendarEvent(models.Model):
    _inherit = "calendar.event"

    @api.model_create_multi
    def create(self, vals_list):
        events = super().create(vals_list)
        events.opportunity_id._queue_temperature()
        return events

    def write(self, vals):
        leads = self.opportunity_id
        written = super().write(vals)
        (leads | self.opportunity_id)._queue_temperature()
        return written

    def unlink(self):
        leads = self.opportunity_id
        gone = super().unlink()
        leads._queue_temperature()
        return gone
