"""What differs between a sample of leads and the training, in sentences that say how to mend it.

`sample_findings` reads the figures of a `SampleAnswer`. A share is said to differ where it is
further from the training's than chance lets expect of so many leads, and by a tenth at least: a
sample is never like the training in everything.

Tests: tests/serving/answers/test_sample.py.
"""

import math
from collections.abc import Iterator, Mapping

from features.export.odd_words import EARLY_DAYS
from serving.answers.caution import word_doubts
from serving.answers.model import ServedModel
from serving.answers.problem import MAX_PROBLEM_NAMES, list_names, quoted_value
from serving.answers.sample_schemas import (
    SAMPLE_CODES,
    FieldUse,
    SampleAnswer,
    SampleCode,
    SampleFinding,
)

LEAST_DIFFERENCE = 0.1
"""Shares that lie nearer to each other are alike."""
MAX_DEVIATIONS = 3.0
"""Shares within so many standard deviations of chance are alike."""
MAX_UNLIKE_SIGNALS = 5
"""Most signals with values beyond training's that are found one by one."""
MAX_FINDING_WORDS = 10


def sample_findings(
    model: ServedModel, answer: SampleAnswer, repeated_ids: int
) -> list[SampleFinding]:
    """Findings of a sample's figures, refusals first and what costs most before the rest.

    Parameters
    ----------
    model : ServedModel
        The model that would score the leads.
    answer : SampleAnswer
        The figures; its findings are not looked at.
    repeated_ids : int
        How many ids came more than once.
    """
    findings = list(_of_sample(answer, repeated_ids))
    for path, use in answer.fields.items():
        findings += _of_field(model, answer, path, use)
    importance = {path: use.importance or 0.0 for path, use in answer.fields.items()}
    return sorted(
        findings,
        key=lambda finding: (
            SAMPLE_CODES.index(finding.code),
            -importance.get(finding.field, 0.0),
            -finding.count,
        ),
    )


def differs(share: float, trained: float, count: int) -> bool:
    """Whether a sample's share differs from the training's by more than chance, and by a tenth.

    Parameters
    ----------
    share, trained : float
        The two shares.
    count : int
        Of how many the sample's is.

    Examples
    --------
    >>> differs(0.9, 0.5, 100), differs(0.9, 0.5, 4), differs(0.55, 0.5, 10_000)
    (True, False, False)
    """
    difference = abs(share - trained)
    chance = MAX_DEVIATIONS * math.sqrt(trained * (1 - trained) / count) + 0.5 / count
    return difference >= LEAST_DIFFERENCE and difference > chance


def _of_field(
    model: ServedModel, answer: SampleAnswer, path: str, use: FieldUse
) -> Iterator[SampleFinding]:
    """Findings of one field."""
    for refusal in use.refusals:
        text = f"{refusal.law}; the lead at place {refusal.lead} has {refusal.example}."
        yield SampleFinding("refused", path, refusal.leads, text, refusal.way_out)
    is_of_interaction = path.startswith("interactions.")
    rows = answer.interactions.count if is_of_interaction else answer.leads
    filled = use.filled or 0.0
    count = round(filled * rows)
    if use.reading == "unknown":
        if use.is_sent:
            yield _unknown_name(model, path, count)
        return
    if use.reading == "retired":
        if use.is_sent:
            instead = model.contract.retired[path].instead
            text = f"It is retired and {f'read as {instead}' if instead else 'not used'}."
            way_out = f"Send {instead}." if instead else "Leave it out."
            yield SampleFinding("retired_name", path, count, text, way_out)
        return
    if use.moved_points is not None and rows and not filled:
        yield SampleFinding(
            "never_sent",
            path,
            rows,
            f"No {'interaction' if is_of_interaction else 'lead'} has it{_trained_text(use)}. "
            f"{_cost_text(use)}",
            "Map it, if the CRM has it. The model takes it as missing.",
        )
    elif use.trained_filled is not None and rows and differs(filled, use.trained_filled, rows):
        text = f"{filled:.0%} of the leads have it{_trained_text(use)}. {_cost_text(use)}"
        if filled < use.trained_filled:
            way_out = "See whether the mapping reads the field that the export had."
            yield SampleFinding("rarely_sent", path, rows - count, text, way_out)
        else:
            way_out = "See whether it writes a default where nothing is known: then send null."
            yield SampleFinding("often_sent", path, count, text, way_out)
    yield from _of_words(path, use)
    if use.outside and use.trained_lowest is not None and use.trained_highest is not None:
        yield SampleFinding(
            "outside_range",
            path,
            use.outside,
            f"It lies from {use.lowest:g} to {use.highest:g}; in training it lay from "
            f"{use.trained_lowest:g} to {use.trained_highest:g}.",
            "See whether the unit is that of the export.",
        )


def _of_words(path: str, use: FieldUse) -> Iterator[SampleFinding]:
    """Findings of a field's words."""
    if not use.unknown_words:
        return
    words = list(use.unknown_words)
    listed = list_names(
        [f"{quoted_value(word)} ({use.unknown_words[word]})" for word in words], MAX_FINDING_WORDS
    )
    known_words = [*use.words, *use.unused_words]
    known_text = f"Known: {list_names(known_words, MAX_PROBLEM_NAMES)}."
    count = sum(use.unknown_words.values())
    doubts = " ".join(word_doubts(path, words[:MAX_FINDING_WORDS], known_words))
    if not use.words:
        text = f"No word is one that the model tells apart: {listed}. {known_text}"
        way_out = doubts or "Send the export's own words or those of the model."
        yield SampleFinding("no_known_word", path, count, text, way_out)
    else:
        text = f"The model does not tell these words apart: {listed}."
        way_out = doubts or "Send the words that the export had; new ones count as any other."
        yield SampleFinding("unknown_words", path, count, text, way_out)


def _unknown_name(model: ServedModel, path: str, count: int) -> SampleFinding:
    """Finding of a name that the schema does not know."""
    around = tuple(path.split("."))[:-1]
    names = list_names(model.names.get(around, ()), MAX_PROBLEM_NAMES)
    return SampleFinding(
        "unknown_name",
        path,
        count,
        "The schema does not know it: without `Prefer: handling=lenient` such leads are refused.",
        f"Leave it out, or mend its name. Known: {names}.",
    )


def _trained_text(use: FieldUse) -> str:
    return "" if use.trained_filled is None else f", in training {use.trained_filled:.0%}"


def _cost_text(use: FieldUse) -> str:
    """What a field is worth, as far as it is known."""
    shift_text = (
        f"What reads it moves the hot probability of these leads by {use.moved_points or 0:.1f} "
        "points in the mean"
    )
    if use.importance is None:
        return f"{shift_text}."
    return f"{shift_text}, and has {use.importance:.0%} of the importance of all."


def _of_sample(answer: SampleAnswer, repeated_ids: int) -> Iterator[SampleFinding]:
    """Findings of the leads and interactions as a whole."""
    if repeated_ids:
        text = f"{repeated_ids} id{'' if repeated_ids == 1 else 's'} came more than once."
        yield SampleFinding("lead_twice", "lead_id", repeated_ids, text, "Send each lead once.")
    use = answer.interactions
    doubts: Mapping[SampleCode, tuple[int, str, str]] = {
        "unused_interactions": (
            use.unused,
            "occurred or were recorded at or after as_of and do not count",
            "See whether times have their zone.",
        ),
        "early_interactions": (
            use.early,
            f"occurred over {EARLY_DAYS} days before created_at",
            "See whether created_at is that of an import.",
        ),
        "midnights": (
            use.at_midnight,
            "are of leads all of whose interactions occurred at midnight in UTC",
            "Send their hour or, if it is not known, the end of the day.",
        ),
        "copies": (
            use.copies,
            "say in every field what another one says, and each counts",
            "See whether the query that collects them joins a table twice.",
        ),
    }
    for code, (count, text, way_out) in doubts.items():
        if count:
            sentence = f"{count} of {use.count} {text}."
            yield SampleFinding(code, "interactions", count, sentence, way_out)
    yield from _delays(answer)
    for name, share in list(answer.signals_outside.items())[:MAX_UNLIKE_SIGNALS]:
        if differs(share, 0.0, answer.scored):
            yield SampleFinding(
                "unlike_training",
                "",
                round(share * answer.scored),
                f"{name}: {share:.0%} of the leads have a value such as training never had.",
                "See whether these leads bring all their interactions, and with the right times.",
            )
    for band, share in answer.bands.items():
        trained = answer.trained_bands.get(band)
        if trained is not None and differs(share, trained, answer.scored):
            yield SampleFinding(
                "bands",
                "",
                round(share * answer.scored),
                f"{share:.0%} of the leads are {band}; of the looks of the test period "
                f"{trained:.0%} were.",
                "Mend the findings above first; then see whether the sample is a fair one.",
            )


def _delays(answer: SampleAnswer) -> Iterator[SampleFinding]:
    """Findings of when interactions were recorded."""
    use = answer.interactions
    for share, trained, words in (
        (use.booked, use.trained_booked, "before they occurred"),
        (use.delayed, use.trained_delayed, "over a day after they occurred"),
    ):
        if share is not None and trained is not None and differs(share, trained, use.count):
            yield SampleFinding(
                "delays",
                "interactions.recorded_at",
                round(share * use.count),
                f"{share:.0%} were recorded {words}; in training {trained:.0%} were.",
                "Send in recorded_at when the CRM learnt of them; without it they count as "
                "recorded when they occurred.",
            )
