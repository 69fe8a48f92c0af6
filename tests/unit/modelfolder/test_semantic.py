"""What is concluded from round trips, special tokens and outputs."""

from __future__ import annotations

import pytest

from pytest_envguard.model.modelfolder import ERROR, NOTE, WARNING
from pytest_envguard.modelfolder.measured import Agreement, Measured, Model, Output, Split, Tokenizer, Trip
from pytest_envguard.modelfolder.semantic import CLOSE, EXACT, LOST, NORMALISED, UNKNOWN, changed, distance, judge

TOKENIZER = Tokenizer("transformers 4", "BertTokenizerFast", True, False, 100, 0.0, False, True, None)


def found(measured: Measured, texts: dict[str, str] | None = None, tolerance: int = 0) -> list[tuple[str, str]]:
    return [(one.severity, one.kind) for one in judge(measured, texts or {}, tolerance)]


@pytest.mark.parametrize(
    ("text", "decoded", "normal", "kind", "what"),
    [
        ("a b", "a b", None, EXACT, ()),
        ("a  b", "a b", None, NORMALISED, ("whitespace",)),
        ("Ab", "ab", "ab", NORMALISED, ("case",)),
        ("É", "e", "e", NORMALISED, ("case", "accents")),
        ("ﬁ", "fi", "fi", NORMALISED, ("Unicode form",)),
        ("a\u200db", "ab", "ab", NORMALISED, ("invisible and control characters",)),
        ("ab", "zz", "z z", NORMALISED, ("more than form and case",)),
        ("Ab", "ab", None, LOST, ("case",)),
        ("héllo, x", "hllo, x", None, LOST, ()),
        ("abc", "abd", "abc", LOST, ()),
    ],
)
def test_a_change_is_named(text: str, decoded: str, normal: str | None, kind: str, what: tuple[str, ...]) -> None:
    """What the tokenizer's own normaliser does is told from what is lost."""
    change = changed(Trip("x", 1, decoded=decoded, normal=normal), text, 0)
    assert (change.kind, change.what) == (kind, what)


def test_unknown_tokens_are_a_change_of_their_own() -> None:
    """They are counted elsewhere, and are no loss twice."""
    assert changed(Trip("x", 2, unknown=1, decoded="[UNK]"), "語", 0).kind == UNKNOWN


@pytest.mark.parametrize(("tolerance", "kind"), [(0, LOST), (1, LOST), (2, CLOSE)])
def test_a_tolerance_is_in_code_points(tolerance: int, kind: str) -> None:
    """Two code points differ; whitespace counts for none."""
    change = changed(Trip("x", 1, decoded="abcd ef"), "abXdYef", tolerance)
    assert (change.kind, change.distance) == (kind, 2)


def test_the_example_shows_where_it_differs_and_escapes_what_controls() -> None:
    """What surrounds it is left out."""
    assert changed(Trip("x", 1, decoded="before  after"), "before \x1b[31m after", 0).example == "`\\x1b[31m` was lost"
    assert changed(Trip("x", 1, decoded="1z4"), "1abc4", 0).example == "`abc` became `z`"


def test_distances() -> None:
    """The least number of changes; of long texts one that is surely enough."""
    assert distance("kitten", "sitting") == 3
    assert distance("same", "same") == 0
    assert distance("", "abc") == 3
    assert distance("x" * 1000 + "a", "y" * 900 + "a") == 1000


def test_a_text_that_is_lost_is_an_error_and_one_that_is_normalised_a_note() -> None:
    """With the names of the texts."""
    trips = (Trip("first", 1, decoded="x"), Trip("second", 1, decoded="ab", normal="ab"))
    measured = Measured(tokenizer=TOKENIZER, trips=trips)
    assert found(measured, {"first": "語x", "second": "AB"}) == [(ERROR, "text-lost"), (NOTE, "normalises")]
    (lost, _) = judge(measured, {"first": "語x", "second": "AB"})
    assert lost.what == ("1 text of 2 do not come back (first): of “first” up to 1 code points differ, `語` was lost")


@pytest.mark.parametrize(("declares", "severity"), [(True, WARNING), (False, NOTE)])
def test_a_change_that_nothing_declares_is_a_warning(declares: bool, severity: str) -> None:
    """Where a tokenizer doesn't say what it normalises, nothing can be held against it."""
    measured = Measured(tokenizer=TOKENIZER._replace(declares=declares), trips=(Trip("x", 1, decoded="ab"),))
    assert found(measured, {"x": "AB"}) == [(severity, "text-changed")]


def test_no_token_for_a_text_is_an_error_unless_nothing_is_left_of_it() -> None:
    """A text of whitespace, or one that the normaliser empties, is a note."""
    texts = {"a": "word", "b": " \t", "c": "word"}
    trips = (Trip("a", 0, decoded="word"), Trip("b", 0, decoded=" \t"), Trip("c", 0, decoded="word", normal=""))
    kinds = found(Measured(tokenizer=TOKENIZER, trips=trips), texts)
    assert kinds == [(ERROR, "empty-encoding"), (NOTE, "empty-encoding"), (NOTE, "empty-encoding")]


def test_a_vocabulary_that_knows_nothing_is_an_error() -> None:
    """Some unknown tokens are a warning, with their rate in each text."""
    some = Measured(trips=(Trip("a", 4, unknown=1), Trip("b", 6)))
    assert found(some) == [(WARNING, "unknown-tokens")]
    assert "1 of 10 tokens" in judge(some, {})[0].what
    assert "a 25%" in judge(some, {})[0].what
    assert found(Measured(trips=(Trip("a", 4, unknown=2), Trip("b", 6, unknown=6)))) == [(ERROR, "unknown-tokens")]


def test_added_tokens_must_be_recognised() -> None:
    """A special one that is cut is an error, another one a warning; one that isn't in the vocabulary is an error."""
    splits = (Split("<|im_start|>", True, 7, 5), Split("word", False, 8, 2))
    measured = Measured(splits=splits, unknown_tokens=(("pad_token", "<pad>"),))
    assert found(measured) == [
        (ERROR, "special-token-split"),
        (WARNING, "added-token-split"),
        (ERROR, "special-token-unknown"),
    ]


@pytest.mark.parametrize(
    ("size", "room", "rows", "kinds"),
    [
        (100, 100, None, []),
        (101, 100, None, [(ERROR, "vocabulary-too-large")]),
        (101, 100, 128, []),
        (100, 200, 99, [(ERROR, "vocabulary-too-large")]),
        (100, None, None, []),
    ],
)
def test_numbers_of_tokens_must_have_a_row(
    size: int, room: int | None, rows: int | None, kinds: list[tuple[str, str]]
) -> None:
    """The model's own table counts more than what config.json says."""
    model = Model("torch", "M", "M", 1, "float32", rows) if rows else None
    assert found(Measured(tokenizer=TOKENIZER._replace(size=size, embeddings=room), model=model)) == kinds


def test_a_disagreement_over_odd_texts_alone_is_a_note() -> None:
    """Nobody will notice; over ordinary ones it's a warning, and none is no finding."""
    agreements = (
        Agreement("a.json", 3, ("private use and unassigned",)),
        Agreement("b.json", 3, ("English",)),
        Agreement("c.json", 3, ()),
    )
    assert found(Measured(tokenizer=TOKENIZER, agreements=agreements)) == [
        (NOTE, "disagreement"),
        (WARNING, "disagreement"),
    ]


def test_outputs_must_be_numbers_that_are_not_all_zero() -> None:
    """NaN, infinity and zeros are errors."""
    outputs = (
        Output("a", (2,), 1, 0, False, 2),
        Output("b", (2,), 0, 2, False, 2),
        Output("c", (2,), 0, 0, True, 2),
        Output("d", (2,), 0, 0, False, 2),
    )
    assert found(Measured(outputs=outputs)) == [(ERROR, "nan-output"), (ERROR, "nan-output"), (ERROR, "zero-output")]


def test_an_exception_for_a_text_is_an_error() -> None:
    """With what it was."""
    (one,) = judge(Measured(trips=(Trip("x", failed="ValueError: no\x1b"),)), {"x": "y"})
    assert (one.kind, one.what) == (
        "encoding-fails",
        "encoding or decoding the text “x” raises ValueError: no\\x1b",
    )


def test_a_clean_up_is_a_warning() -> None:
    """`decode` as it stands makes another text of it."""
    assert found(Measured(trips=(Trip("x", 1, decoded="a .", cleaned=True),)), {"x": "a ."}) == [(WARNING, "clean-up")]
