"""The lines that a supervisor and its workers exchange over their link.

Tests: tests/serving/process/test_supervisor.py.
"""

READY = b"ready\n"
"""The worker answers requests. A worker that cannot sends a JSON text instead, which says why."""
RELOAD = b"reload\n"
"""A worker was asked to serve the bundle that is in the folder now: the others must, too."""
