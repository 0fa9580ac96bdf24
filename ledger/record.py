"""One answer about one lead, as it was given.

An answer has no number of its own: its id is the hash of what was said of whom, as of when and by
which model. So an answer that is kept twice is one answer, whoever keeps it again.
"""

import hashlib
from dataclasses import dataclass
from typing import Literal

from features.arrays import Float64

Purpose = Literal["work", "try", "batch"]
"""What an answer was for: one lead at work, a person who tries the model, or many leads at once."""
PURPOSES: tuple[Purpose, ...] = ("work", "try", "batch")
FINGERPRINT_BYTES = 16


@dataclass(frozen=True, slots=True)
class HorizonPromise:
    """What an answer says about one horizon.

    Parameters
    ----------
    days : int
        Length of the horizon.
    probability : float
        Probability of converting within it, from 0 to 1.
    low, high : float
        Ends of the interval that was given with it.

    Raises
    ------
    ValueError
        The days are less than 1, or the probability is none.
    """

    days: int
    probability: float
    low: float
    high: float

    def __post_init__(self) -> None:
        if self.days < 1 or not 0 <= self.probability <= 1:
            raise ValueError(
                "A promise needs days from 1 on and a probability from 0 to 1, got "
                f"{self.days} days and {self.probability}."
            )


@dataclass(frozen=True, slots=True)
class ReasonPoints:
    """A signal that was named as a reason.

    Parameters
    ----------
    signal : str
        What was looked at, in words; empty for all the rest.
    points : float
        Percentage points by which it moved the hot probability.
    """

    signal: str
    points: float


@dataclass(frozen=True, slots=True)
class Answered:
    """One answer about one lead.

    Parameters
    ----------
    lead : str
        The lead's id as it was given, or its keyed hash (`ledger.hashing`).
    as_of : int
        Instant that was scored, in microseconds since the epoch.
    received_at : int
        When the question came, in microseconds since the epoch.
    model_version : str
        The bundle that answered.
    hot : HorizonPromise
        What was said about the hot horizon.
    warm : HorizonPromise or None
        What was said about the warm horizon; None where nothing was.
    band : str
        "hot", "warm" or "cold".
    doubt : bool
        Whether the answer said that there is not enough evidence.
    features : bytes
        Fingerprint of the row of features that was scored (`fingerprint`).
    purpose : {"work", "try", "batch"}
        What the answer was for.
    reasons : tuple of ReasonPoints
        The reasons that were given.
    contract_version : str or None
        Version of the contract that the question was read by; None where there is none.
    previous_band : str or None
        The earlier band that the answer knew of.
    owner : str or None
        Who had the lead, where an attribute says so.
    channel : str or None
        Where the lead came from, where an attribute says so.

    Raises
    ------
    ValueError
        The purpose is not one of the three.
    """

    lead: str
    as_of: int
    received_at: int
    model_version: str
    hot: HorizonPromise
    warm: HorizonPromise | None
    band: str
    doubt: bool
    features: bytes
    purpose: Purpose
    reasons: tuple[ReasonPoints, ...] = ()
    contract_version: str | None = None
    previous_band: str | None = None
    owner: str | None = None
    channel: str | None = None

    def __post_init__(self) -> None:
        if self.purpose not in PURPOSES:
            raise ValueError(f"purpose must be one of {', '.join(PURPOSES)}, got {self.purpose!r}.")

    @property
    def answer_id(self) -> str:
        """Hash of what was said of whom, as of when, by which model and what for.

        When the question came does not count, nor what is only told beside: asked again with the
        same history and the same `as_of`, a model gives the same answer.
        """
        content = (
            self.lead,
            self.as_of,
            self.model_version,
            self.band,
            self.previous_band,
            self.features,
            self.purpose,
        )
        return hashlib.blake2b(repr(content).encode(), digest_size=FINGERPRINT_BYTES).hexdigest()


def fingerprint(row: Float64) -> bytes:
    """Fingerprint of a row of features: rows with the same bits have the same.

    Parameters
    ----------
    row : float64 array of shape (features,)
        Features of one lead at one instant.
    """
    return hashlib.blake2b(row.tobytes(), digest_size=FINGERPRINT_BYTES).digest()
