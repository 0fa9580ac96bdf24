"""Bulk scores as the ledger keeps them: an answer a row, without reasons, for the purpose "batch".

Reasons cost many times a score, so bulk scores have none. Owner and channel are those that the
export knew at each row's instant.
"""

from collections.abc import Callable, Sequence

import numpy as np

from features.engine.history import Histories
from features.spine import Spine
from ledger.record import Answered, HorizonPromise, fingerprint
from models.bundle import Bundle
from serving.bulk.scores import ScoredBlock


def answers_of_block(
    bundle: Bundle,
    block: ScoredBlock,
    received_at: int,
    name_of: Callable[[str], str] = str,
    owner: str | None = None,
    channel: str | None = None,
) -> list[Answered]:
    """Answers of a block of scores.

    Parameters
    ----------
    bundle : Bundle
        The model that scored.
    block : ScoredBlock
        What it scored.
    received_at : int
        When the scores were asked for, in microseconds since the epoch.
    name_of : callable
        What the ledger calls a lead: its id, or the keyed hash of it.
    owner, channel : str, optional
        Attributes that say who has a lead and where it came from.

    Raises
    ------
    ValueError
        An attribute is none that the model reads.
    """
    owners = texts_known_at(block.histories, owner, block.spine, "owner")
    channels = texts_known_at(block.histories, channel, block.spine, "channel")
    columns = block.table.to_pydict()
    rows = zip(
        columns["lead_id"],
        block.spine.as_of.tolist(),
        zip(*(columns[f"hot_{part}"] for part in ("probability", "low", "high")), strict=True),
        zip(*(columns[f"warm_{part}"] for part in ("probability", "low", "high")), strict=True),
        columns["band"],
        [None] * len(block.spine) if block.previous is None else block.previous,
        columns["not_enough_evidence"],
        block.matrix,
        owners,
        channels,
        strict=True,
    )
    return [
        Answered(
            lead=name_of(lead),
            as_of=as_of,
            received_at=received_at,
            model_version=bundle.version,
            hot=HorizonPromise(bundle.hot.days, *hot),
            warm=HorizonPromise(bundle.warm.days, *warm),
            band=band,
            previous_band=previous,
            doubt=doubt,
            features=fingerprint(row),
            purpose="batch",
            owner=owner_text,
            channel=channel_text,
        )
        for (
            lead, as_of, hot, warm, band, previous, doubt, row, owner_text, channel_text,
        ) in rows
    ]  # fmt: skip


def texts_known_at(
    histories: Histories, attribute: str | None, spine: Spine, role: str
) -> Sequence[str | None]:
    """Text of a category at each row of a spine, as known then.

    Parameters
    ----------
    histories : Histories
        Of all leads.
    attribute : str or None
        Its name; None gives None for every row.
    spine : Spine
        Leads and instants.
    role : str
        What it is asked for, for messages.

    Raises
    ------
    ValueError
        The model reads no such category.
    """
    if attribute is None:
        return [None] * len(spine)
    versions = histories.attributes.get(attribute)
    if versions is None or versions.labels is None:
        categories = [name for name, of in histories.attributes.items() if of.labels is not None]
        raise ValueError(
            f"--ledger-{role} must name a category that the model reads, got '{attribute}'. "
            f"There are: {', '.join(sorted(categories)) or 'none'}."
        )
    words = np.array([*versions.labels.vocabulary, None], object)
    codes = np.append(versions.labels.codes, -1)[versions.latest_known(spine.lead, spine.as_of)]
    return [text or None for text in words[codes].tolist()]
