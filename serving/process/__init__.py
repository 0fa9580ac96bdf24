"""The server's processes: start, workers, signals, the protocol on the wire."""
