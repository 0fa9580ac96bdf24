"""A HubSpot private app: webhooks come in, temperatures go out as properties of contacts.

`service` takes webhooks, keeps a queue on disk and works it off; `crm` speaks HubSpot's API;
`payload` makes a lead of a contact. The server is asked through `serving.client`, by its documented
HTTP alone. See docs/crm.md for the installation.
"""
