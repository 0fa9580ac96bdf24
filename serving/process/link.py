"""What a supervisor and its workers say to each other, a line each."""

READY = b"ready\n"
"""The worker answers requests. In its place may come a JSON text: why it cannot."""
RELOAD = b"reload\n"
"""A worker was told to take the bundle that lies in the folder now: the others shall, too."""
