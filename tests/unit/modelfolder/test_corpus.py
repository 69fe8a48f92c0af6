"""The texts."""

from __future__ import annotations

import unicodedata

from pytest_envguard.modelfolder.corpus import CORPUS, ODD

TEXTS = {text.name: text.text for text in CORPUS}


def test_names_are_unique_and_the_odd_ones_exist() -> None:
    """They are keys in reports."""
    assert len(TEXTS) == len(CORPUS)
    assert set(TEXTS) > ODD


def test_what_a_text_is_there_for_is_in_it() -> None:
    """An editor that normalises the file would take it away."""
    composed, decomposed = TEXTS["French, composed"], TEXTS["French, decomposed"]
    assert unicodedata.is_normalized("NFC", composed)
    assert not unicodedata.is_normalized("NFC", decomposed)
    assert TEXTS["Korean, decomposed"] != unicodedata.normalize("NFC", TEXTS["Korean, decomposed"])
    assert "\u200d" in TEXTS["emoji with joiners"]
    assert any(unicodedata.bidirectional(char) == "R" for char in TEXTS["Hebrew"])
    assert any(ord(char) > 0xFFFF for char in TEXTS["Chinese, rare"])
    assert "\x00" in TEXTS["control characters"]
    assert len(TEXTS["very long word"]) == 2000 and len(set(TEXTS["very long word"])) > 20


def test_every_text_can_be_sent() -> None:
    """No lone surrogates: no tokenizer takes them."""
    assert all(text.encode() for text in TEXTS.values())
