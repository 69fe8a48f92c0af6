"""The style sheet: its colours can be told from each other (WCAG 2.2, 1.4.3 and 1.4.11)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import pytest_envguard.report.page as room

STYLE = (Path(room.__file__).parent / "style.css").read_text(encoding="utf-8")
TEXTS = [
    ("ground", "text"), ("ground", "quiet"), ("ground", "link"), ("ground", "fail-text"), ("ground", "good"), ("ground", "maybe"),
    ("raised", "text"), ("raised", "quiet"), ("raised", "link"), ("raised", "good"), ("raised", "maybe"),
    ("fail", "on-fail"), ("error", "on-error"), ("pass", "on-pass"), ("lost", "on-lost"), ("skip", "on-skip"),
    ("heat-1", "on-heat"), ("heat-2", "on-heat"), ("heat-3", "on-heat-strong"), ("heat-4", "on-heat-strong"),
    ("none", "quiet"),
]  # fmt: skip
SHAPES = [("ground", "mark"), ("ground", "limit"), ("ground", "fail"), ("ground", "quiet"), ("track", "mark")]


def colours(scheme: str) -> dict[str, str]:
    """Return the names of colours with their values."""
    light, dark = re.findall(r":root \{(.*?)\}", STYLE, re.DOTALL)[:2]
    found = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{3,6})", light))
    return found | dict(re.findall(r"--([\w-]+): (#[0-9a-f]{3,6})", dark)) if scheme == "dark" else found


def contrast(one: str, other: str) -> float:
    """Return the ratio of two colours as WCAG 2.2 defines it."""
    brighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (brighter + 0.05) / (darker + 0.05)


def luminance(colour: str) -> float:
    """Return the relative luminance of a colour."""
    digits = colour[1:] if len(colour) == 7 else "".join(digit * 2 for digit in colour[1:])
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("ground", "text"), TEXTS, ids=lambda name: name)
def test_texts_have_enough_contrast(scheme: str, ground: str, text: str) -> None:
    """AA: 4.5 to 1."""
    found = colours(scheme)
    assert contrast(found[ground], found[text]) >= 4.5


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("ground", "shape"), SHAPES, ids=lambda name: name)
def test_shapes_that_say_something_have_enough_contrast(scheme: str, ground: str, shape: str) -> None:
    """AA: 3 to 1."""
    found = colours(scheme)
    assert contrast(found[ground], found[shape]) >= 3


def test_the_contrast_is_computed_as_it_is_defined() -> None:
    """Black on white, and a grey that is known to be just enough."""
    assert contrast("#000", "#ffffff") == 21
    assert 4.5 < contrast("#767676", "#fff") < 4.6


def test_both_schemes_have_all_colours() -> None:
    """One that is forgotten would be light in the dark."""
    dark = re.findall(r":root \{(.*?)\}", STYLE, re.DOTALL)[1]
    assert set(re.findall(r"--([\w-]+): #", dark)) == set(colours("light"))


def test_nothing_is_fetched_by_the_style_sheet_or_the_script() -> None:
    """No address, and no way to end their elements early."""
    script = (Path(room.__file__).parent / "script.js").read_text(encoding="utf-8")
    for text in (STYLE, script):
        assert not re.search(r"url\(|@import|https?:|fetch\(|XMLHttpRequest|innerHTML|</", text)
