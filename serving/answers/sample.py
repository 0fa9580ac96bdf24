"""What a sample of leads shows of the mapping that made it: the dry run of an integration.

`Sample` takes leads as `POST /v1/score` would, with lenient handling, some at a time. It counts
what they use, what is refused and what the model does not know, scores the good ones, and compares
all of that with the training. `Sample.answer` tells it: findings for people
(`serving.answers.sample_findings`), figures for programs. Nothing is kept of a lead but counts and
a few values as examples.
"""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace

import numpy as np

from features.engine.history import MICROSECONDS_PER_DAY, column
from features.language.kinds import LABEL_FIELDS, Feature
from features.language.spec import selections
from features.language.wording import signal
from models.bands import LEVELS
from models.contract import ATTRIBUTES, LABELS, MEASURES
from models.explain import signal_points
from serving.answers.caution import interaction_doubts
from serving.answers.lenient import without_unknown_names
from serving.answers.model import ServedModel
from serving.answers.problem import FieldError, Problem, path_text, quoted_value
from serving.answers.sample_findings import sample_findings
from serving.answers.sample_schemas import (
    FieldReading,
    FieldRefusal,
    FieldUse,
    InteractionsUse,
    SampleAnswer,
)
from serving.answers.scorer import PreparedLead, feature_rows, prepare_lead

MAX_DISTINCT = 1_000
"""Most unknown names, and words of a field, that are counted one by one."""
MAX_LISTED = 50
"""Most words of a field, and signals, that are told."""
_INDICES = re.compile(r"\[\d+\]")


@dataclass(slots=True)
class _Tally:
    """What was counted of one field."""

    filled: int = 0
    is_sent: bool = False
    refusals: dict[tuple[str, str], FieldRefusal] = field(default_factory=dict)
    """By code and law."""
    words: Counter[str] = field(default_factory=Counter)
    unknown_words: Counter[str] = field(default_factory=Counter)
    outside: int = 0
    lowest: float = math.inf
    highest: float = -math.inf


@dataclass(frozen=True, slots=True)
class _TrainingField:
    """What training says of a field, by which a sample's values are told apart."""

    words: tuple[str, ...] = ()
    """Words that the model tells apart; without any, all words are alike to it."""
    ignored: tuple[str, ...] = ()
    limits: tuple[float, float] | None = None
    filled: float | None = None
    signals: tuple[str, ...] = ()


class Sample:
    """A sample of leads, to be taken in parts.

    Parameters
    ----------
    model : ServedModel
        The model that would score them.
    """

    def __init__(self, model: ServedModel) -> None:
        self._model = model
        self._own_names = {
            path: _own_names(model, path, names) for path, names in model.accepted_names.items()
        }
        self._own_paths = {
            path_text((*path, name)): _dotted(path, own_name)
            for path, own_names in self._own_names.items()
            for name, own_name in own_names.items()
        }
        self._training = _training_fields(model)
        self._tallies = {path: _Tally() for path in self._own_paths.values()}
        self._leads = self._scored = self._refused = self._refused_if_strict = 0
        self._lead_ids = Counter[str]()
        self._interactions = self._read_interactions = self._booked = self._delayed = 0
        self._doubts = Counter[str]()
        self._bands = Counter[str]()
        self._hot_sum = 0.0
        self._points = defaultdict[str, float](float)
        self._outside = Counter[str]()

    def add(self, leads_json: Sequence[object], current_time: int) -> None:
        """Take some more leads.

        Parameters
        ----------
        leads_json : sequence of JSON values
            Leads as they were sent.
        current_time : int
            The present, in microseconds since the epoch.
        """
        accepted = []
        for lead_json in leads_json:
            self._note_names(lead_json, ())
            known_lead, unknown = without_unknown_names(lead_json, self._model.accepted_names)
            lead = prepare_lead(self._model, known_lead, current_time)
            self._refused_if_strict += bool(unknown) or isinstance(lead, Problem)
            if isinstance(lead, Problem):
                self._refused += 1
                self._note_errors(lead.errors)
            else:
                accepted.append(lead)
                self._note_values(lead)
            self._leads += 1
        if accepted:
            self._note_scores(accepted)

    def _note_names(self, value: object, path: tuple[str, ...]) -> None:
        """Count the names of an object, and of the objects in it."""
        own_names = self._own_names.get(path)
        if own_names is None or not isinstance(value, dict):
            return
        name: str
        for name, member in value.items():
            own_path = _dotted(path, own_names.get(name, name))
            if own_path not in self._tallies and len(self._tallies) >= MAX_DISTINCT:
                continue
            tally = self._tallies.setdefault(own_path, _Tally())
            tally.is_sent = True
            tally.filled += member not in (None, "", [], {})
            if own_path == "interactions" and isinstance(member, list):
                self._interactions += len(member)
                for event in member:
                    self._note_names(event, (name,))
            else:
                self._note_names(member, (*path, name))

    def _note_errors(self, errors: Iterable[FieldError]) -> None:
        """Count why a lead is refused; the first value that is refused so is the example."""
        reasons = {}
        for error in errors:
            path = _INDICES.sub("", error.field)
            reasons[self._own_paths.get(path, path), error.code, error.law] = error
        for (path, code, law), error in reasons.items():
            refusals = self._tallies.setdefault(path, _Tally()).refusals
            refusal = refusals.get((code, law)) or FieldRefusal(
                code, 0, self._leads, error.found, law, error.way_out
            )
            refusals[code, law] = replace(refusal, leads=refusal.leads + 1)

    def _note_values(self, lead: PreparedLead) -> None:
        """Count what a lead says that can be scored."""
        self._lead_ids[lead.lead_id] += 1
        events, spec = lead.record.interactions, self._model.bundle.spec
        for name, kind in spec.attribute_kinds.items():
            value = lead.record.attributes.get(name)
            if kind == "category":
                self._note_words(ATTRIBUTES + name, [value])
            elif kind == "number":
                self._note_numbers(ATTRIBUTES + name, [value])
        for label in LABEL_FIELDS:
            self._note_words(LABELS + label, column(events, label))
        for name in spec.measures:
            self._note_numbers(MEASURES + name, column(events, name))
        self._doubts.update(asdict(interaction_doubts(lead.record, lead.as_of)))
        self._read_interactions += len(events)
        for event in events:
            delay = event["recorded_at"] - event["occurred_at"]
            self._booked += delay < 0
            self._delayed += delay > MICROSECONDS_PER_DAY

    def _note_words(self, path: str, words: Iterable[str | None]) -> None:
        training, tally = self._training[path], self._tallies[path]
        for word in words:
            if not word or word in training.ignored:
                continue
            is_known = not training.words or word in training.words
            counts = tally.words if is_known else tally.unknown_words
            if word in counts or len(counts) < MAX_DISTINCT:
                counts[word] += 1

    def _note_numbers(self, path: str, values: Iterable[float | None]) -> None:
        numbers = [value for value in values if value is not None]
        if not numbers:
            return
        tally, limits = self._tallies[path], self._training[path].limits
        lowest, highest = min(numbers), max(numbers)
        tally.lowest, tally.highest = min(tally.lowest, lowest), max(tally.highest, highest)
        tally.outside += limits is not None and (lowest < limits[0] or highest > limits[1])

    def _note_scores(self, leads: Sequence[PreparedLead]) -> None:
        bundle = self._model.bundle
        matrix = feature_rows(bundle, leads)
        scores = bundle.scores(matrix)
        previous = [lead.previous_band for lead in leads]
        bands = bundle.bands.assign(*scores.decisive(bundle.bands), previous=previous)
        self._bands.update(bands.tolist())
        self._hot_sum += math.fsum(scores.hot_probability)
        self._scored += len(leads)
        points = signal_points(bundle, matrix)
        for path, training in self._training.items():
            points_of_path = np.sum([points[name] for name in training.signals], axis=0)
            self._points[path] += float(np.abs(points_of_path).sum())
        unlike = bundle.hot.evidence.unlike(matrix)
        for name, columns in self._model.signals.items():
            self._outside[name] += int(unlike[:, columns].any(axis=1).sum())

    def answer(self) -> SampleAnswer:
        """What the leads show that were taken so far; HTTP sets the request's id."""
        trained, scored = self._model.trained, self._scored
        doubts, interactions = self._doubts, self._read_interactions
        answer = SampleAnswer(
            leads=self._leads,
            scored=scored,
            refused=self._refused,
            refused_if_strict=self._refused_if_strict,
            findings=(),
            fields={_shown(path): self._field_use(path) for path in self._tallies},
            interactions=InteractionsUse(
                count=self._interactions,
                per_lead=_share(self._interactions, self._leads),
                trained_per_lead=trained.interactions_per_lead,
                booked=_share(self._booked, interactions),
                trained_booked=trained.booked,
                delayed=_share(self._delayed, interactions),
                trained_delayed=trained.delayed,
                **{name: doubts[name] for name in ("unused", "early", "at_midnight", "copies")},
            ),
            signals_outside={
                name: count / scored
                for name, count in self._outside.most_common(MAX_LISTED)
                if count
            },
            bands={band.value: self._bands[band] / scored for band in LEVELS if scored},
            trained_bands=dict(trained.bands),
            hot_probability=_share(self._hot_sum, scored),
            model_version=self._model.bundle.version,
            request_id="",
        )
        repeated = sum(count > 1 for count in self._lead_ids.values())
        return replace(answer, findings=tuple(sample_findings(self._model, answer, repeated)))

    def _field_use(self, path: str) -> FieldUse:
        tally, training = self._tallies[path], self._training.get(path, _TrainingField())
        importance = self._model.trained.importance
        lowest, highest = training.limits or (None, None)
        has_numbers = tally.lowest <= tally.highest
        return FieldUse(
            reading=self._reading(path),
            is_sent=tally.is_sent,
            filled=_share(
                tally.filled, self._interactions if path.startswith(LABELS) else self._leads
            ),
            trained_filled=training.filled,
            refusals=tuple(tally.refusals.values()),
            words={word: tally.words[word] for word in training.words if tally.words[word]},
            unknown_words={
                _shown(word): count for word, count in tally.unknown_words.most_common(MAX_LISTED)
            },
            unused_words=tuple(word for word in training.words if word not in tally.words),
            outside=tally.outside,
            lowest=tally.lowest if has_numbers else None,
            highest=tally.highest if has_numbers else None,
            trained_lowest=lowest,
            trained_highest=highest,
            importance=math.fsum(importance.get(name, 0.0) for name in training.signals)
            if importance and training.signals
            else None,
            moved_points=_share(self._points[path], self._scored) if training.signals else None,
        )

    def _reading(self, path: str) -> FieldReading:
        if path in self._model.contract.retired:
            return "retired"
        return "read" if path in self._own_paths.values() else "unknown"


def _own_names(model: ServedModel, path: tuple[str, ...], names: Iterable[str]) -> dict[str, str]:
    """Our name of a field by each name under which it may be sent."""
    translated = {} if model.translation is None else model.translation.own_names(path)
    return {name: translated.get(name, name) for name in names}


def _training_fields(model: ServedModel) -> dict[str, _TrainingField]:
    """What training says of each field that the model reads, by its path."""
    spec, signals = model.bundle.spec, dict[str, dict[str, None]]()
    for feature in spec.features:
        for path in _paths_read(feature):
            signals.setdefault(path, {})[signal(feature)] = None
    attributes = {
        ATTRIBUTES + name: _TrainingField(
            words=model.levels.get(name, ()),
            limits=model.attribute_ranges.get(name),
            filled=model.trained.filled.get(name),
        )
        for name in spec.attribute_kinds
    }
    labels = {
        LABELS + label: _TrainingField(
            words=model.vocabulary.get(label, ()), ignored=tuple(spec.ignored.get(label, ()))
        )
        for label in LABEL_FIELDS
    }
    measures = {
        MEASURES + name: _TrainingField(limits=model.measure_ranges.get(name))
        for name in spec.measures
    }
    return {
        path: replace(training, signals=tuple(signals.get(path, ())))
        for path, training in (attributes | labels | measures).items()
    }


def _paths_read(feature: Feature) -> Iterator[str]:
    """Paths of the fields that decide what a feature is."""
    for name, prefix in (("attribute", ATTRIBUTES), ("measure", MEASURES), ("field", LABELS)):
        if hasattr(feature, name):
            yield prefix + getattr(feature, name)
    for selection in selections(feature):
        yield from (LABELS + label for label, _ in selection.conditions())


def _dotted(path: tuple[str, ...], name: str) -> str:
    return ".".join((*path, name))


def _shown(text: str) -> str:
    """A client's text, cut and escaped."""
    return quoted_value(text)[1:-1]


def _share(part: float, total: int) -> float | None:
    return part / total if total else None
