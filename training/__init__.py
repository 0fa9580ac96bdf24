"""How a model comes to be: snapshots, labels, splits, fit, evaluation, registry, report."""
