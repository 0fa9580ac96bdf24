from . import calendar_event, crm_lead, queue
