"""A bundle that was trained before its card had a format: 1,800 made-up leads and few trees."""

from pathlib import Path

DATA = Path(__file__).parents[1] / "data"
FORMAT_1 = DATA / "bundle_format_1"
RUN_FIGURES = DATA / "run_figures_format_1.json"
"""What a run in the registry showed of it then: parameters and metrics."""
