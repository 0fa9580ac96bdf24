"""Keys of the counts that both a process that answers and its supervisor keep.

Tests: tests/serving/http/test_telemetry.py.
"""

from serving.http.figures import Key, live

RELOADS: Key = ("reloads",)
"""Bundles that came into the folder; a word follows: "served" or "refused"."""
BUNDLE_REFUSED: Key = live("bundle_refused")
"""1 while the folder holds something that was refused."""
DROPPED_LINES: Key = ("log_lines_dropped",)
"""Lines of the log that nobody took in time."""
KEY_USED: Key = ("key_used",)
"""When an API key was used, in seconds since the epoch; the key's name follows."""
