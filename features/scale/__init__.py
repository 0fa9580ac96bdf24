"""Many leads at once: batches, parts of an export, streams, Spark, and requests."""
