from __future__ import annotations

import pytest

from pytest_envguard.modelfolder.wording import listed, shown, size_of


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a b.json", "a b.json"),
        ("日本語", "日本語"),
        ("a\nb\t\x1b[0m", r"a\nb\t\x1b[0m"),
        ("\udcff", r"\xff"),
        ("\u202egpj", r"\u202egpj"),
        ("\ud800", r"\ud800"),
    ],
)
def test_a_name_is_shown_as_it_is_unless_it_cannot_be_printed(name, text):
    assert shown(name) == text


def test_what_is_too_long_is_cut():
    assert len(shown("x" * 1000)) == 300


def test_lists_stay_short():
    assert listed(["a", "b"]) == "a, b"
    assert listed(["a", "b", "c", "d", "e"]) == "a, b, c and 2 more"


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 bytes"), (999, "999 bytes"), (1000, "1.0 kB"), (90_868_376, "90.9 MB")]
)
def test_sizes_are_in_the_units_of_disks(count, text):
    assert size_of(count) == text
