"""The worlds by name: what `lead-temperature synthesize --world` and the benchmarks can ask for.

A world is a module whose function ``made_up_crm`` draws a CRM; the decorator
`features.worlds.nuisances.as_world` gives it seed and knobs. To add one, write the module and its
test, and give it a line in `WORLDS`.
"""

from collections.abc import Mapping
from types import MappingProxyType

from features.worlds import acting, chain, excited, long_cycles, persons, seasons
from features.worlds.crm import WORLDS_OWN, Knobs, MadeUpCrm, World

WORLDS: Mapping[str, World] = MappingProxyType(
    {
        "acting": acting.made_up_crm,
        "chain": chain.made_up_crm,
        "excited": excited.made_up_crm,
        "long_cycles": long_cycles.made_up_crm,
        "persons": persons.made_up_crm,
        "seasons": seasons.made_up_crm,
    }
)
"""How to draw a CRM of each world, by the world's name."""


def made_up_crm(world: str, leads: int, seed: int, knobs: Knobs = WORLDS_OWN) -> MadeUpCrm:
    """Draw a CRM of a world, with its truth.

    Parameters
    ----------
    world : str
        A name of `WORLDS`.
    leads : int
        How many leads; at least 1. Those that are entered twice count once.
    seed : int
        Seed of the random numbers, not negative. The same seed gives the same tables.
    knobs : Knobs
        Rate of buyers, delay of logging, noise, duplicates and length.

    Returns
    -------
    MadeUpCrm
        The export and the true probabilities.

    Raises
    ------
    ValueError
        There is no such world, `leads` is below 1, or `seed` is negative.

    Examples
    --------
    >>> crm = made_up_crm("chain", leads=100, seed=1)
    >>> crm.leads.num_rows
    100
    >>> crm.truth.column_names
    ['lead_id', 'as_of', 'hot_probability', 'warm_probability']
    """
    if world not in WORLDS:
        raise ValueError(f"world must be one of {', '.join(WORLDS)}, got {world!r}.")
    return WORLDS[world](leads, seed, knobs)
