"""Leads that wait for a temperature, and the two scheduled actions that give it.

Whoever saves a lead adds a row to the queue in the transaction at hand and waits for nobody. The
server is asked by a scheduled action, between two transactions of its own. If the server is away,
the rows stay for the next run; if it refuses a lead, the lead says why.
"""

import json
import logging

from odoo import api, fields, models

from .payload import paths_of, payloads
from .scorer import RefusedError, Scorer, UnavailableError

_logger = logging.getLogger(__name__)
ROWS = 500
TOO_LONG = 413


class LeadTemperatureQueue(models.Model):
    _name = "lead.temperature.queue"
    _description = "Leads that wait for a temperature"
    _order = "id"

    lead_id = fields.Many2one("crm.lead", required=True, index=True, ondelete="cascade")

    @api.model
    def _add(self, leads):
        """A row for each lead. Rows are only added here, so nobody waits for a lock."""
        if leads:
            self.sudo().create([{"lead_id": lead_id} for lead_id in leads.ids])
            cron = self.env.ref("lead_temperature.score_queued", raise_if_not_found=False)
            if cron:
                cron.sudo()._trigger()

    @api.model
    def _add_stale(self):
        """Queue all open leads whose score may no longer be used; scheduled every hour."""
        stale = self.env["crm.lead"].search(
            [
                "|",
                ("temperature_until", "=", False),
                ("temperature_until", "<=", fields.Datetime.now()),
            ]
        )
        self._add(stale.filtered(lambda lead: lead._is_open_for_temperature()))

    @api.model
    def _score_queued(self):
        """Give queued leads their temperature; scheduled, and triggered by each new row."""
        parameters = self.env["ir.config_parameter"].sudo()
        address = parameters.get_param("lead_temperature.address")
        if not address:
            _logger.info("lead_temperature.address is empty: no lead is scored.")
            return
        scorer = Scorer(address, parameters.get_param("lead_temperature.key"))
        wanted = json.loads(parameters.get_param("lead_temperature.paths") or "{}")
        try:
            model = scorer.model()
            paths, unknown = paths_of(model, wanted, self.env["crm.lead"])
            if unknown:
                _logger.warning(
                    "The model reads %s, and crm.lead has no such column: these are scored as "
                    "missing. Give their paths in lead_temperature.paths.",
                    ", ".join(unknown),
                )
            # What the answers themselves queue, by an automation rule say, waits for the next run.
            last = max(self.search([]).ids, default=0)
            while rows := self.search([("id", "<=", last)], limit=ROWS):
                leads = rows.lead_id.filtered(lambda lead: lead._is_open_for_temperature())
                self._score(leads, scorer, model, paths)
                rows.unlink()
                self.env.cr.commit()  # what is done is done, whatever the next call meets
        except UnavailableError as error:
            _logger.warning("%s The leads stay queued.", error)
        except RefusedError:
            _logger.exception("The server refused the call. The leads stay queued.")

    def _score(self, leads, scorer, model, paths):
        """Ask for leads and write the answers; a call that is too long goes in halves."""
        if not leads:
            return
        sent = payloads(leads, model, paths)
        self.env.cr.commit()  # no transaction is open while the server is asked
        try:
            answers = scorer.score(sent)
        except RefusedError as error:
            if error.status != TOO_LONG:
                raise
            if len(leads) == 1:
                leads._write_temperature({"status": error.status, "detail": str(error)})
                return
            half = len(leads) // 2
            self._score(leads[:half], scorer, model, paths)
            self._score(leads[half:], scorer, model, paths)
            return
        for lead, answer in zip(leads, answers, strict=True):
            lead._write_temperature(answer)
