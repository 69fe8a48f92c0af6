"""The bot counts a diff."""

from review_bot import diffs

DIFF = """\
-    return tokens
+    return tokens or 0
"""


def test_gpt_4():
    """The encoding of GPT-4 comes with LiteLLM."""
    assert diffs.count(DIFF, "gpt-4") == 13


def test_gpt_4o():
    """That of GPT-4o comes with it, too, since June 2024."""
    assert diffs.count(DIFF, "gpt-4o") == 13


def test_davinci():
    """That of the older models does not: it is downloaded."""
    assert diffs.count(DIFF, "davinci") > diffs.count(DIFF, "gpt-4")
