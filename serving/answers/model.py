"""A bundle made ready for requests: its schema as a validator, its vocabulary, its description.

`served_model` prepares once what does not depend on a request, so that no request parses or
compiles anything. `describe_model`, `describe_contract` and `list_contract_changes` make the
answers of `GET /v1/model`, `GET /v1/contract` and `GET /v1/contract/changes`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from pydantic import TypeAdapter

from features.export.terms import FieldTerms
from features.language.kinds import LABEL_FIELDS, AttributeCategory, LabelField
from models.bands import HORIZON_OF_BAND, HORIZONS
from models.bundle import Bundle
from models.card import shown_card
from models.contract import Contract, own_contract
from models.course.freshness import windows
from models.explain import columns_by_signal, explanation
from models.golden import vocabulary
from models.policy import promise_in_words
from models.training_shares import TrainingShares, training_shares
from serving.answers.limits import Limits
from serving.answers.problem import Names
from serving.answers.retired import RetiredNames, names_with_retired, retired_names
from serving.answers.schemas import (
    AttributeAnswer,
    ContractAnswer,
    ContractChanges,
    Interaction,
    Lead,
    ModelAnswer,
    PromiseAnswer,
    lead_adapter,
)
from serving.answers.translation import Translation, names_with_terms, translation_of

MAX_UNKNOWN_NAMES = 1_000
"""Most names in an object, beyond those of the schema, that are refused one by one. A CRM may send
its whole card and then reads each wrong name; to list 100,000 would take the server seconds."""


@dataclass(frozen=True, slots=True)
class ServedModel:
    """A bundle with all that can be prepared before the first request.

    Parameters
    ----------
    bundle : Bundle
        The bundle as it was loaded.
    contract : Contract
        What callers may send: the names of the bundle, and retired ones.
    limits : Limits
        How much one request may bring.
    adapter : TypeAdapter of Lead
        Validator with the contract's schema.
    translation : Translation or None
        How leads in the export's own terms are read; None where the bundle does not know them.
    names : mapping of path to names
        Names that the model reads and those of the export, to be offered in place of unknown ones.
    accepted_names : mapping of path to names
        These and retired ones.
    retired : RetiredNames or None
        The retired ones; None if there are none.
    max_names : int
        Most names an object of a request may have: those of the schema's largest object and
        `MAX_UNKNOWN_NAMES` more.
    vocabulary : mapping of field to values
        Values of interactions that a feature looks at.
    words : mapping of field to values
        For each field that a feature looks at: the values that no answer warns of, among them
        the empty text and None.
    levels : mapping of attribute to levels
        Levels of categories that the model tells apart.
    attribute_ranges, measure_ranges : mapping of name to two floats
        Smallest and largest number that training had; empty where the bundle does not say.
    signals : mapping of signal to columns
        Columns of the features that make one reason together.
    windows : tuple of int
        Widths of the features' windows, in days.
    judged_days : float or None
        Age beyond which no lead was looked at in training.
    cautions : tuple of str
        What every answer says of the model (`models.card.ServedCard`).
    promise_warnings : mapping of band to str
        What answers about leads of a band warn of, because its promise did not hold.
    base_probability : float
        Where the reasons of every lead start.
    trained : TrainingShares
        What samples of leads are compared with.
    """

    bundle: Bundle
    contract: Contract
    limits: Limits
    adapter: TypeAdapter[Lead]
    translation: Translation | None
    names: Names
    accepted_names: Names
    retired: RetiredNames | None
    max_names: int
    vocabulary: Mapping[LabelField, tuple[str, ...]]
    words: Mapping[LabelField, frozenset[str | None]]
    levels: Mapping[str, tuple[str, ...]]
    attribute_ranges: Mapping[str, tuple[float, float]]
    measure_ranges: Mapping[str, tuple[float, float]]
    signals: Mapping[str, Sequence[int]]
    windows: tuple[int, ...]
    judged_days: float | None
    cautions: tuple[str, ...]
    promise_warnings: Mapping[str, str]
    base_probability: float
    trained: TrainingShares


def served_model(bundle: Bundle, limits: Limits, contract: Contract | None = None) -> ServedModel:
    """Prepare a bundle for requests.

    Parameters
    ----------
    bundle : Bundle
        The bundle as it was loaded.
    limits : Limits
        How much one request may bring.
    contract : Contract, optional
        What callers may send; by default what the bundle reads and nothing else.
    """
    spec = bundle.spec
    if contract is None:
        contract = own_contract(bundle)
    unknown = np.full(len(spec.features), np.nan)
    known_values = vocabulary(spec.features)
    names: Names = {
        (): tuple(Lead.__annotations__),
        ("attributes",): tuple(spec.attribute_kinds),
        ("interactions",): tuple(Interaction.__annotations__),
        ("interactions", "measures"): spec.measures,
    }
    translation = None if bundle.terms is None else translation_of(bundle.terms, spec)
    if translation is not None:
        names = names_with_terms(names, translation)
    retired = retired_names(contract)
    accepted_names = names if retired is None else names_with_retired(names, retired)
    return ServedModel(
        bundle=bundle,
        contract=contract,
        limits=limits,
        adapter=lead_adapter(contract, limits),
        translation=translation,
        names=names,
        accepted_names=accepted_names,
        retired=retired,
        max_names=max(map(len, accepted_names.values())) + MAX_UNKNOWN_NAMES,
        vocabulary=known_values,
        words={
            field: frozenset((None, "", *known_values.get(field, ())))
            - {*spec.ignored.get(field, ())}
            for field in LABEL_FIELDS
            if field in known_values or field in spec.ignored
        },
        levels={f.attribute: f.levels for f in spec.features if isinstance(f, AttributeCategory)},
        attribute_ranges={} if bundle.terms is None else _ranges(bundle.terms.attributes),
        measure_ranges={} if bundle.terms is None else _ranges(bundle.terms.measures),
        signals=columns_by_signal(spec),
        windows=windows(spec),
        judged_days=bundle.card.served.judged_days,
        cautions=bundle.card.served.cautions,
        promise_warnings=bundle.card.served.promise_warnings,
        base_probability=explanation(bundle, unknown, max_signals=0).base_probability,
        trained=training_shares(bundle.card),
    )


def _ranges(fields: Mapping[str, FieldTerms]) -> dict[str, tuple[float, float]]:
    return {
        name: (terms.low, terms.high)
        for name, terms in fields.items()
        if terms.low is not None and terms.high is not None
    }


def describe_model(model: ServedModel) -> ModelAnswer:
    """The answer of ``GET /v1/model``: what the model promises and what it reads."""
    bundle = model.bundle
    return ModelAnswer(
        model_version=bundle.version,
        horizons={name: bundle.horizon(name).days for name in HORIZONS},
        base_rates=dict(bundle.card.served.base_rates),
        bands=bundle.bands.cutoffs,
        promises={
            name: PromiseAnswer(
                words=promise_in_words(
                    promise.policy, name, bundle.horizon(HORIZON_OF_BAND[name]).days
                ),
                rate=promise.rate,
                bound=promise.bound,
                reach=promise.reach,
            )
            for name, promise in bundle.bands.promises.items()
        },
        base_probability=model.base_probability,
        attributes={
            name: AttributeAnswer(kind, model.levels.get(name, ()))
            for name, kind in bundle.spec.attribute_kinds.items()
        },
        measures=bundle.spec.measures,
        vocabulary=dict(model.vocabulary),
        terms=None if model.translation is None else model.translation.describe(),
        limits=model.limits,
        card=dict(shown_card(bundle.card)),
    )


def describe_contract(contract: Contract) -> ContractAnswer:
    """The answer of ``GET /v1/contract``: what callers may send."""
    return ContractAnswer(contract.version, contract.releases[-1].released, dict(contract.names))


def list_contract_changes(contract: Contract) -> ContractChanges:
    """The answer of ``GET /v1/contract/changes``: all versions, the newest first."""
    return ContractChanges(contract.version, contract.releases[::-1])
