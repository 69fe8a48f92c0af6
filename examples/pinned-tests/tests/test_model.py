"""The model and its tokenizer, loaded from the package."""

import numpy as np
import pytest

from letter_router import model, tokenizer, train


def test_letters_it_was_made_from():
    """It sends each letter that people sorted to the desk that they chose."""
    router = model.load()
    assert {text: router.desk(text) for _, text in train.examples()} == {text: desk for desk, text in train.examples()}


def test_weights_are_those_of_the_letters():
    """The weights in the package are what training gives, so nobody forgot to train after a change of the letters."""
    assert np.allclose(model.load().weights, train.weights(train.pieces()))


def test_tokenizer_is_that_of_the_letters():
    """The same for the tokenizer."""
    assert tokenizer.load().get_vocab() == train.pieces().get_vocab()


def test_unknown_words_are_spelled():
    """A word that no letter had is no [UNK]."""
    assert tokenizer.load().encode("a lampshade").tokens == ["a", "lamp", "##s", "##h", "##a", "##d", "##e"]


def test_transformers_read_the_same_tokenizer(letters):
    """Both libraries make the same pieces of a letter."""
    slow, quick = tokenizer.load_with_transformers(), tokenizer.load()
    assert all(slow.encode(letter) == quick.encode(letter).ids for letter in letters)


@pytest.mark.envguard("container", "offline")
def test_nothing_is_needed_but_the_package(letters):
    """The model and the tokenizer of transformers load without a network, in a container without a HOME, too."""
    router = model.load()
    assert {letter: router.desk(letter) for letter in letters} == letters
    assert tokenizer.load_with_transformers().tokenize("The lamp!") == ["the", "lamp", "[UNK]"]
