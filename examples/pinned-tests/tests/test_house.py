"""The archive's tokenizer, which comes with Python code of its own."""

import pytest

from letter_router import tokenizer

PIECES = ["the", "order", ":", "e", "u", "r", "1", "2"]


def test_words_of_the_trade_stay_whole(tmp_path, monkeypatch):
    """It keeps the words of the trade whole and spells the others."""
    from transformers import dynamic_module_utils

    monkeypatch.setattr(dynamic_module_utils, "HF_MODULES_CACHE", str(tmp_path))  # nothing is left in the HOME
    monkeypatch.syspath_prepend(tmp_path)
    assert tokenizer.load_house().tokenize("The order: EUR 12") == PIECES


@pytest.mark.envguard("lambda", fresh=True)
class TestOnLambda:
    """`fresh`: transformers chooses its folders when it is imported, so it must be imported on Lambda."""

    def test_as_it_is(self):
        """The code of the tokenizer is copied below the HOME, which is not there."""
        assert tokenizer.load_house().tokenize("The order: EUR 12") == PIECES

    def test_with_its_code_in_tmp(self, monkeypatch):
        """The remedy: a folder for that copy that can be written."""
        monkeypatch.setenv("HF_MODULES_CACHE", "/tmp/modules")
        assert tokenizer.load_house().tokenize("The order: EUR 12") == PIECES
