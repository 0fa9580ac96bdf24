"""Made-up firms whose true probabilities are known, to judge on what real exports cannot tell."""

from typing import Literal

WorldName = Literal["acting", "chain", "excited", "long_cycles", "persons", "seasons"]
"""Names of the worlds; `features.worlds.registry.WORLDS` holds them."""
