"""The words of a title."""

from review_bot import titles


def test_words_of_the_trade_stay_whole():
    """Other words are spelled."""
    assert titles.words("Count the order") == ["count", "the", "order"]
    assert titles.words("Fix it") == ["f", "i", "x", "it"]
