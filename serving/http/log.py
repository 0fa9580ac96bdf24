"""The server's log: JSON lines on standard error.

A line never holds data of a lead. For an exception it holds the type and the stack, but not the
message, which may quote a lead. `log_as_json_lines` sets the whole process up.
"""

import json
import logging
import traceback
from datetime import UTC, datetime

LOG_FIELDS = "fields"
"""Attribute of a log record that holds a mapping of further members of its line."""


class JsonLines(logging.Formatter):
    """Formatter that writes each record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as a line."""
        time = datetime.fromtimestamp(record.created, UTC).isoformat().replace("+00:00", "Z")
        line = {
            "time": time,
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, LOG_FIELDS, {}),
        }
        if record.exc_info and record.exc_info[0]:
            line["error"] = record.exc_info[0].__name__
            line["places"] = traceback.format_tb(record.exc_info[2])
        return json.dumps(line, ensure_ascii=False, default=str)


def log_as_json_lines(level: str) -> None:
    """Send the whole process's log to standard error as JSON lines.

    Parameters
    ----------
    level : str
        Lowest level of the server's own records, such as "info"; libraries log from "warning" on.
    """
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("serving").setLevel(level.upper())
    # Anybody could fill the log with warnings by sending what is no HTTP; a metric counts it.
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
