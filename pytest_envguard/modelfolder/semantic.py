"""The semantic phase: what encoding and decoding made of the corpus, and what a forward pass returned; pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from pytest_envguard.model.modelfolder import FolderFinding
from pytest_envguard.modelfolder.corpus import ODD
from pytest_envguard.modelfolder.measured import Measured, Trip
from pytest_envguard.modelfolder.wording import error, listed, note, shown, warning

EXACT = "exact"
NORMALISED = "normalised"  # as the tokenizer's own normaliser has it, or by what such normalisers do
UNKNOWN = "unknown"  # tokens for what isn't in the vocabulary are among those that it became
CLOSE = "close"  # not more code points than tolerated
LOST = "lost"
_MOST_COMPARED = 400  # code points that are compared one by one
_MUCH = 0.5  # share of unknown tokens with which a vocabulary can't be the text's
_SPACE = "\u2581"  # what SentencePiece writes for a space


class Change(NamedTuple):
    """What became of a text.

    Attributes:
        name: The text's.
        kind: `EXACT`, `NORMALISED`, `UNKNOWN`, `CLOSE` or `LOST`.
        what: What is changed, in words, such as "case".
        distance: Code points that differ, at most.
        example: What stood there, and what came back instead; "" for none.
    """

    name: str
    kind: str
    what: tuple[str, ...] = ()
    distance: int = 0
    example: str = ""


# What tokenizers do to a text on purpose, and a text to which all of it was done.
_LAYERS: Mapping[str, Callable[[str], str]] = {
    "Unicode form": lambda text: unicodedata.normalize("NFKC", text),
    "case": lambda text: text.casefold(),
    "accents": lambda text: "".join(
        char for char in unicodedata.normalize("NFD", text) if unicodedata.category(char) != "Mn"
    ),
    "invisible and control characters": lambda text: "".join(
        char for char in text if unicodedata.category(char) not in ("Cc", "Cf", "Cn", "Co", "Cs") or char.isspace()
    ),
    "whitespace": lambda text: "".join(text.split()),
}


def changed(trip: Trip, text: str, tolerance: int) -> Change:
    """Return what became of ``text``.

    Args:
        trip: What it was decoded to.
        text: What was encoded.
        tolerance: Code points that may differ.
    """
    if trip.decoded == text:
        return Change(trip.name, EXACT)
    if trip.unknown:
        return Change(trip.name, UNKNOWN)
    expected = text if trip.normal is None else trip.normal
    what = _layers(text, trip.decoded)
    if what is not None and (trip.normal is not None or what == ("whitespace",)):
        return Change(trip.name, NORMALISED, what)
    if trip.normal is not None and _bare(expected) == _bare(trip.decoded):
        return Change(trip.name, NORMALISED, ("more than form and case",))
    far = distance(_bare(expected), _bare(trip.decoded))
    example = _difference(_bare(expected), _bare(trip.decoded))
    return Change(trip.name, CLOSE if far <= tolerance else LOST, what or (), far, example)


def _bare(text: str) -> str:
    return "".join(text.replace(_SPACE, " ").split())


def _layers(text: str, decoded: str) -> tuple[str, ...] | None:
    """Return what has to be overlooked for the two to be equal, None if that isn't enough."""
    if _without(text, _LAYERS) != _without(decoded, _LAYERS):
        return None
    found = [
        name
        for name in _LAYERS
        if _without(text, kept := [one for one in _LAYERS if one != name]) != _without(decoded, kept)
    ]
    return tuple(found) or ("Unicode form",)


def _without(text: str, layers: Iterable[str]) -> str:
    for name in layers:
        text = _LAYERS[name](text)
    return text


def distance(first: str, second: str) -> int:
    """Return how many code points must be put in, taken out or replaced; of long texts an upper bound."""
    first, second = _trimmed(first, second)
    if not first or not second or max(len(first), len(second)) > _MOST_COMPARED:
        return max(len(first), len(second))
    row = list(range(len(second) + 1))
    for number, char in enumerate(first, 1):
        previous, row[0] = row[0], number
        for place, other in enumerate(second, 1):
            previous, row[place] = row[place], min(row[place] + 1, row[place - 1] + 1, previous + (char != other))
    return row[-1]


def _trimmed(first: str, second: str) -> tuple[str, str]:
    """Return what is left of each without what both begin and end with."""
    start, shorter = 0, min(len(first), len(second))
    while start < shorter and first[start] == second[start]:
        start += 1
    end = 0
    while end < shorter - start and first[-1 - end] == second[-1 - end]:
        end += 1
    return first[start : len(first) - end], second[start : len(second) - end]


def _difference(first: str, second: str) -> str:
    first, second = _trimmed(first, second)
    return f"`{shown(first, 24)}` became `{shown(second, 24)}`" if second else f"`{shown(first, 24)}` was lost"


# -- findings ----------------------------------------------------------------------------------------------------------


def judge(measured: Measured, texts: Mapping[str, str], tolerance: int = 0) -> tuple[FolderFinding, ...]:
    """Return what is wrong with what the tokenizer and the model do.

    Args:
        measured: What they did.
        texts: Name to text.
        tolerance: Code points that may differ after a round trip.
    """
    changes = [
        changed(trip, texts[trip.name], tolerance) for trip in measured.trips if trip.name in texts and not trip.failed
    ]
    return (
        *_raised(measured),
        *_lost(changes, measured, tolerance),
        *_normalised(changes, measured),
        *_cleaned(measured),
        *_empty(measured, texts),
        *_unknown(measured),
        *_added(measured),
        *_room(measured),
        *_disagreeing(measured),
        *_outputs(measured),
    )


def _raised(measured: Measured) -> Iterable[FolderFinding]:
    for trip in measured.trips:
        if trip.failed:
            yield error(
                "encoding-fails",
                "",
                f"encoding or decoding the text “{trip.name}” raises {shown(trip.failed)}",
                "such a text ends a request with an exception",
                "mend the tokenizer's own code, or make its files anew with `save_pretrained`",
            )


def _lost(changes: list[Change], measured: Measured, tolerance: int) -> Iterable[FolderFinding]:
    far = [change for change in changes if change.kind == LOST]
    lost = [change for change in far if not change.what]
    quiet = [change for change in far if change.what]
    if lost:
        examples = "; ".join(
            f"of “{one.name}” up to {one.distance} code points differ, {one.example}" for one in lost[:3]
        )
        yield error(
            "text-lost",
            "",
            f"{_count(lost)} of {len(measured.trips)} do not come back ({listed([one.name for one in lost])})"
            f"{f'; tolerated are {tolerance} code points' if tolerance else ''}: {examples}",
            "the model never sees what is lost, or sees something else, and nothing raises an exception",
            "use a tokenizer with byte-level pieces or byte fallback, or give it an unknown token that is its own",
        )
    if quiet:
        what = sorted({word for change in quiet for word in change.what})
        declares = measured.tokenizer is not None and measured.tokenizer.declares
        yield (warning if declares else note)(
            "text-changed",
            "",
            f"{listed(what, 5)} of {_count(quiet)} are changed ({listed([one.name for one in quiet])}), "
            + ("and the tokenizer declares no normaliser that does so" if declares else "by the tokenizer's own code"),
            "what comes back is not what was put in",
            "look whether that is meant",
        )


def _normalised(changes: list[Change], measured: Measured) -> Iterable[FolderFinding]:
    found = [change for change in changes if change.kind == NORMALISED]
    if found:
        what = [word for word in (*_LAYERS, "more than form and case") if any(word in one.what for one in found)]
        spaces = [one.name for one in found if "whitespace" in one.what]
        of = "whitespace" if what == ["whitespace"] else listed(what, 6)
        yield note(
            "normalises",
            "",
            f"the tokenizer changes {of}: {_count(found)} of {len(measured.trips)} come back in another form "
            f"({listed([one.name for one in found])})",
            "code and indentation don't survive"
            if "code" in spaces
            else "offsets and comparisons with the original text differ",
        )


def _cleaned(measured: Measured) -> Iterable[FolderFinding]:
    found = [trip.name for trip in measured.trips if trip.cleaned]
    if found:
        yield warning(
            "clean-up",
            "tokenizer_config.json",
            f"`decode` takes spaces out that were in the text, of {len(found)} texts ({listed(found)})",
            "code and quotations come back changed; which release of transformers does it by itself differs",
            'set `"clean_up_tokenization_spaces": false` in tokenizer_config.json, unless the tokenizer needs it',
        )


def _empty(measured: Measured, texts: Mapping[str, str]) -> Iterable[FolderFinding]:
    for trip in measured.trips:
        if trip.tokens or trip.failed or not texts.get(trip.name):
            continue
        left = texts[trip.name] if trip.normal is None else trip.normal
        if _without(left, _LAYERS):
            yield error(
                "empty-encoding",
                "",
                f"the text “{trip.name}” becomes no token at all",
                "a model that is given nothing fails, or answers something else",
                "give the tokenizer an unknown token or byte fallback",
            )
        else:
            yield note(
                "empty-encoding",
                "",
                f"the text “{trip.name}” becomes no token at all",
                "a request of nothing but that reaches the model empty",
                "refuse empty input before it's encoded",
            )


def _unknown(measured: Measured) -> Iterable[FolderFinding]:
    found = [(trip.unknown / trip.tokens, trip.name) for trip in measured.trips if trip.unknown]
    tried = [trip for trip in measured.trips if trip.tokens]
    if not found:
        return
    tokens, unknown = sum(trip.tokens for trip in tried), sum(trip.unknown for trip in tried)
    found.sort(key=lambda one: (one[1] in ODD, -one[0]))
    rows = [f"{name} {share:.0%}" for share, name in found]
    hopeless = all(trip.unknown >= _MUCH * trip.tokens for trip in tried)
    text = f"{unknown} of {tokens} tokens stand for something unknown, in {len(found)} of {len(tried)} texts: {listed(rows, 6)}"
    if hopeless:
        yield error(
            "unknown-tokens",
            "",
            text,
            "the vocabulary is not that of any text: it may be another model's",
            "get the vocabulary that belongs to the model",
        )
    else:
        yield warning(
            "unknown-tokens",
            "",
            text,
            "the model can't tell such words from each other, and they can't be decoded",
            "don't serve these languages with it, or use a tokenizer with byte fallback",
        )


def _added(measured: Measured) -> Iterable[FolderFinding]:
    special = [split.token for split in measured.splits if split.special]
    plain = [split.token for split in measured.splits if not split.special]
    if special:
        yield error(
            "special-token-split",
            "",
            f"{len(special)} special tokens in a text become other tokens than their own: {listed(special)}",
            "a prompt's marks never reach the model",
            "make the tokenizer's files anew, with these tokens added as special ones",
        )
    if plain:
        yield warning(
            "added-token-split",
            "",
            f"{len(plain)} added tokens in a text become other tokens than their own: {listed(plain)}",
            "they were added for nothing",
            "make the tokenizer's files anew",
        )
    for name, token in measured.unknown_tokens:
        yield error(
            "special-token-unknown",
            "",
            f"{shown(name)} is `{shown(token)}`, which is not in the vocabulary",
            "its number is missing or that of the unknown token: padding, or the end of a text, is never recognised",
            "name a token that there is, in tokenizer_config.json or special_tokens_map.json",
        )


def _room(measured: Measured) -> Iterable[FolderFinding]:
    tokenizer, model = measured.tokenizer, measured.model
    if tokenizer is None:
        return
    rows = model.embeddings if model else None
    room = rows if rows is not None else tokenizer.embeddings
    seen = max((trip.largest for trip in measured.trips), default=-1)
    highest = max(tokenizer.size - 1, measured.largest, seen)
    if room is None or highest < room:
        return
    whose = f"the model's table has {room} rows" if rows is not None else f"config.json says `vocab_size` {room}"
    yield error(
        "vocabulary-too-large",
        "config.json",
        f"the tokenizer's largest token number is {highest}, but {whose}",
        "such a token is an IndexError on a processor, and on a card an assertion that ends the process",
        "use the tokenizer of this very model, or `model.resize_token_embeddings(len(tokenizer))` and save both",
    )


def _disagreeing(measured: Measured) -> Iterable[FolderFinding]:
    name = measured.tokenizer.name if measured.tokenizer else "the tokenizer"
    for one in measured.agreements:
        if one.differing:
            yield (note if ODD.issuperset(one.differing) else warning)(
                "disagreement",
                one.other if "." in one.other else "",
                f"{name}, which transformers loads, and {one.other} cut {len(one.differing)} of {one.texts} texts differently "
                f"({listed(one.differing)})",
                "which of them is used depends on the library and its release, and the model was trained with one",
                "make tokenizer.json anew from the tokenizer that the model was trained with",
            )


def _outputs(measured: Measured) -> Iterable[FolderFinding]:
    for output in measured.outputs:
        name = f"`{output.name}` " if output.name else ""
        if output.nan or output.infinite:
            kind = "NaN" if output.nan else "infinite"
            yield error(
                "nan-output",
                "",
                f"of the {output.numbers} numbers of the output {name}{output.nan or output.infinite} are {kind}",
                "every answer is nonsense",
                "get the weights again, or load them with another dtype (float16 overflows where bfloat16 doesn't)",
            )
        elif output.zero:
            yield error(
                "zero-output",
                "",
                f"all {output.numbers} numbers of the output {name}are zero",
                "every answer is the same",
                "get the weights again: they are empty or were never saved",
            )


def _count(found: list[Change]) -> str:
    return f"{len(found)} text{'s' * (len(found) != 1)}"
