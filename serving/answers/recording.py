"""What the ledger keeps of an answer: what was said, of whom, and what it rests on.

A `Recording` says what an answer is for, and where owner and channel of a lead stand. The scorer
makes an `Answered` of each answer where it is given one; HTTP hands it to the ledger.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from features.arrays import Float64
from ledger.record import Answered, HorizonPromise, Purpose, ReasonPoints, fingerprint
from models.explain import Reason


@dataclass(frozen=True, slots=True)
class Recording:
    """How answers are recorded.

    Parameters
    ----------
    purpose : {"work", "try", "batch"}
        What they are for.
    contract_version : str or None
        Version of the contract that questions are read by.
    name_of : callable
        What the ledger calls a lead: its id, or the keyed hash of it.
    owner, channel : str or None
        Attributes that say who has a lead and where it came from.
    """

    purpose: Purpose
    contract_version: str | None = None
    name_of: Callable[[str], str] = str
    owner: str | None = None
    channel: str | None = None

    def record_of(
        self,
        lead_id: str,
        attributes: Mapping[str, float | str | None],
        *,
        as_of: int,
        received_at: int,
        model_version: str,
        hot: HorizonPromise,
        warm: HorizonPromise,
        band: str,
        previous_band: str | None,
        doubt: bool,
        reasons: Sequence[Reason],
        row: Float64,
    ) -> Answered:
        """Record of an answer.

        Parameters
        ----------
        lead_id : str
            The lead.
        attributes : mapping of str to value
            Its attributes, as they were sent.
        as_of, received_at : int
            The instant that was scored, and when the question came, in microseconds.
        model_version : str
            The bundle that answered.
        hot, warm : HorizonPromise
            What was said about the two horizons.
        band, previous_band : str
            The band, and the earlier one that the question named; None where it named none.
        doubt : bool
            Whether there was not enough evidence.
        reasons : sequence of Reason
            The reasons that were given.
        row : float64 array of shape (features,)
            The features that were scored.
        """
        return Answered(
            lead=self.name_of(lead_id),
            as_of=as_of,
            received_at=received_at,
            model_version=model_version,
            contract_version=self.contract_version,
            hot=hot,
            warm=warm,
            band=band,
            previous_band=previous_band,
            doubt=doubt,
            reasons=tuple(ReasonPoints(reason.signal, reason.points) for reason in reasons),
            features=fingerprint(row),
            purpose=self.purpose,
            owner=_text_of(attributes, self.owner),
            channel=_text_of(attributes, self.channel),
        )


def _text_of(attributes: Mapping[str, float | str | None], name: str | None) -> str | None:
    value = None if name is None else attributes.get(name)
    return None if value in (None, "") else str(value)
