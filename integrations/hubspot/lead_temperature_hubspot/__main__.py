"""Run the app: ``python -m lead_temperature_hubspot`` (``setup`` makes the properties first)."""

import json
import logging
import os
import sys
import threading
from pathlib import Path

import uvicorn

from serving.client import Client

from .crm import HubSpot
from .payload import described_properties
from .service import Queue, Worker, webhook_app


def main() -> None:
    """Make the properties, or take webhooks until the end; settings come from the environment."""
    logging.basicConfig(level=logging.INFO)
    address = os.environ.get("HUBSPOT_ADDRESS", "https://api.hubapi.com")
    hubspot = HubSpot(os.environ["HUBSPOT_TOKEN"], address)
    if sys.argv[1:] == ["setup"]:
        hubspot.create_properties("contacts", described_properties())
        return
    queue = Queue(Path(os.environ.get("HUBSPOT_QUEUE", "queue.sqlite")))
    client = Client(
        os.environ["LEAD_TEMPERATURE_ADDRESS"], os.environ["LEAD_TEMPERATURE_KEY"], lenient=True
    )
    aliases = json.loads(os.environ.get("HUBSPOT_ALIASES", "{}"))
    worker = Worker(hubspot, client, queue, aliases=aliases)
    woken = threading.Event()
    threading.Thread(target=worker.run, args=(woken,), daemon=True).start()
    app = webhook_app(queue, os.environ["HUBSPOT_SECRET"], os.environ["HUBSPOT_TARGET"], woken.set)
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ.get("PORT", "8001")))


if __name__ == "__main__":
    main()
