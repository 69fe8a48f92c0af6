"""What the program in the fresh interpreter has told, as values."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, NamedTuple


class Stage(NamedTuple):
    """A part of the work that came to its end.

    Attributes:
        name: "tokenizer", "texts", "special tokens", "agreement", "model" or "forward pass".
        seconds: How long it took, imports included.
        memory: Most bytes that the process had in memory until then; 0 where the system doesn't say so.
    """

    name: str
    seconds: float
    memory: int


class Failure(NamedTuple):
    """A part of the work that raised.

    Attributes:
        stage: Its name.
        message: Type and text of the error.
        chain: The same of this error and those that it came from.
        trace: The end of its traceback.
    """

    stage: str
    message: str
    chain: tuple[str, ...]
    trace: str


class Tokenizer(NamedTuple):
    """What was loaded.

    Attributes:
        library: Name and version of what loaded it.
        name: Its class.
        fast: Whether `tokenizers` does the work.
        own: Whether its class is the folder's own code.
        size: Number of tokens, added ones included.
        import_seconds: What importing the library took of the time.
        normalises: Whether it says what it makes of a text before it cuts it.
        declares: Whether it would say so: else nothing is known of what it normalises.
        embeddings: Tokens that ``config.json`` makes room for, None if it doesn't say.
    """

    library: str
    name: str
    fast: bool
    own: bool
    size: int
    import_seconds: float
    normalises: bool
    declares: bool
    embeddings: int | None


class Trip(NamedTuple):
    """A text that was encoded and decoded again.

    Attributes:
        name: The text's.
        tokens: How many it became.
        unknown: How many of them stand for what isn't in the vocabulary.
        largest: The largest number among them.
        decoded: What came back, with no clean-up.
        cleaned: Whether ``decode`` as it stands makes another text of it.
        normal: The text in the tokenizer's own normal form, None where it has none or doesn't say.
        failed: What it raised, "" if nothing.
    """

    name: str
    tokens: int = 0
    unknown: int = 0
    largest: int = -1
    decoded: str = ""
    cleaned: bool = False
    normal: str | None = None
    failed: str = ""


class Split(NamedTuple):
    """An added token that isn't recognised in a text: what it is, its number, and the pieces that it becomes."""

    token: str
    special: bool
    id: int
    pieces: int


class Agreement(NamedTuple):
    """Another reading of the same folder: its name, how many texts were compared, and the names of those that differ."""

    other: str
    texts: int
    differing: tuple[str, ...]


class Model(NamedTuple):
    """The model that was loaded.

    Attributes:
        library: Name and version.
        name: Its class.
        asked: The class that the configuration names.
        parameters: How many.
        dtype: Of its weights.
        embeddings: Rows of its table of tokens, None where it has none.
        missing: Names of weights that aren't in the files, so that they are random.
        unexpected: Names of weights in the files that it has no use for.
        mismatched: Names of weights of another shape.
    """

    library: str
    name: str
    asked: str
    parameters: int
    dtype: str
    embeddings: int | None
    missing: tuple[str, ...] = ()
    unexpected: tuple[str, ...] = ()
    mismatched: tuple[str, ...] = ()


class Output(NamedTuple):
    """A tensor that a forward pass returned: its name and shape, how many of its numbers are NaN or infinite, whether all are 0."""

    name: str
    shape: tuple[int, ...]
    nan: int
    infinite: int
    zero: bool
    numbers: int


class Measured(NamedTuple):
    """Everything that was told.

    Attributes:
        done: Whether the program came to its end.
        at: What it was about when it was last heard of.
        stages: What came to its end.
        failures: What raised.
        absent: Stage to the package that isn't there.
        tokenizer: None if it was not loaded.
        trips: One for each text.
        added: Number of added tokens.
        largest: The largest number of an added token.
        around: The tokens that are put around each text.
        splits: Added tokens that aren't recognised.
        unknown_tokens: Role and text of special tokens that aren't in the vocabulary.
        agreements: With other readings.
        model: None if it was not loaded.
        outputs: Of the forward pass.
        skipped: Why there was no forward pass, "" otherwise.
    """

    done: bool = False
    at: str = ""
    stages: tuple[Stage, ...] = ()
    failures: tuple[Failure, ...] = ()
    absent: dict[str, str] = {}  # noqa: RUF012  # never changed
    tokenizer: Tokenizer | None = None
    trips: tuple[Trip, ...] = ()
    added: int = 0
    largest: int = -1
    around: tuple[str, ...] = ()
    splits: tuple[Split, ...] = ()
    unknown_tokens: tuple[tuple[str, str], ...] = ()
    agreements: tuple[Agreement, ...] = ()
    model: Model | None = None
    outputs: tuple[Output, ...] = ()
    skipped: str = ""

    def stage(self, name: str) -> Stage | None:
        """Return a part of the work, None if it didn't come to its end."""
        return next((stage for stage in self.stages if stage.name == name), None)


def read(output: str) -> Measured:
    """Return what the lines of ``output`` tell; what isn't such a line is passed over."""
    found = Measured()
    for event in _events(output.splitlines()):
        found = _with(found, event.pop("event", ""), event)
    return found


def _events(lines: Iterable[str]) -> Iterable[dict[str, Any]]:
    for line in lines:
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if isinstance(event, dict):
            yield event


def _with(found: Measured, event: str, facts: dict[str, Any]) -> Measured:
    """Return ``found`` and one more event.

    A folder's own code could have written the line, so one with other words than ours is passed over.
    """
    try:
        return _taken(found, event, facts)
    except (TypeError, KeyError):
        return found


def _progressed(found: Measured, event: str, facts: dict[str, Any]) -> Measured:
    if event == "begins":
        return found._replace(at=str(facts["stage"]))
    if event == "done":
        return found._replace(done=True)
    if event == "ended":
        stage = Stage(facts["stage"], facts["seconds"], facts["memory"])
        return found._replace(stages=(*found.stages, stage))
    if event == "absent":
        return found._replace(absent={**found.absent, facts["stage"]: facts["package"]})
    message = facts["chain"][0] if facts["chain"] else facts["type"]
    failure = Failure(facts["stage"], message, tuple(facts["chain"]), facts["trace"])
    return found._replace(failures=(*found.failures, failure))


def _taken(found: Measured, event: str, facts: dict[str, Any]) -> Measured:
    if event in ("begins", "done", "ended", "failed", "absent"):
        return _progressed(found, event, facts)
    if event == "tokenizer":
        return found._replace(tokenizer=Tokenizer(**facts))
    if event == "text":
        return found._replace(trips=(*found.trips, Trip(**facts)))
    if event == "added":
        return found._replace(added=facts["tokens"], largest=facts["largest"], around=tuple(facts["around"]))
    if event == "split":
        return found._replace(splits=(*found.splits, Split(**facts)))
    if event == "unknown token":
        return found._replace(unknown_tokens=(*found.unknown_tokens, (facts["name"], facts["token"])))
    if event == "agreement":
        agreement = Agreement(facts["other"], facts["texts"], tuple(facts["differing"]))
        return found._replace(agreements=(*found.agreements, agreement))
    if event == "model":
        lists = {name: tuple(facts[name]) for name in ("missing", "unexpected", "mismatched")}
        return found._replace(model=Model(**{**facts, **lists}))
    if event == "forward":
        outputs = tuple(Output(**{**one, "shape": tuple(one["shape"])}) for one in facts.get("outputs", ()))
        return found._replace(outputs=outputs, skipped=facts.get("skipped", ""))
    return found
