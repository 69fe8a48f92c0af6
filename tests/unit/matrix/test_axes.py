"""Reading which versions are asked for."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

import pytest

from pytest_envguard.errors import EnvguardError
from pytest_envguard.matrix.axes import Axis, Choice, Included, VersionSet, read_asked, read_axis, read_set

HOW = "an axis is written `litellm==1.53.9,latest` or `litellm>=1.70,<1.80`"


def exact(*versions: str) -> tuple[Choice, ...]:
    """Return choices of single versions."""
    return tuple(Choice("exact", version) for version in versions)


@pytest.mark.parametrize(
    ("text", "name", "choices"),
    [
        ("litellm==1.53.9,1.75.5", "litellm", exact("1.53.9", "1.75.5")),
        (" litellm == 1.53.9 , 1.75.5, ", "litellm", exact("1.53.9", "1.75.5")),
        ("litellm==1.53.9,==1.75.5", "litellm", exact("1.53.9", "1.75.5")),
        ("litellm==latest,lowest", "litellm", (Choice("latest", "latest"), Choice("lowest", "lowest"))),
        ("litellm==Latest,1.0", "litellm", (Choice("latest", "latest"), *exact("1.0"))),
        ("litellm>=1.70,<1.80", "litellm", (Choice("range", ">=1.70,<1.80"),)),
        ("litellm >= 1.70, < 1.80", "litellm", (Choice("range", ">=1.70,<1.80"),)),
        ("litellm~=1.70", "litellm", (Choice("range", "~=1.70"),)),
        ("litellm!=1.70", "litellm", (Choice("range", "!=1.70"),)),
        ("litellm==1.53.*", "litellm", (Choice("range", "==1.53.*"),)),
        ("litellm==1.53.*,1.54.*", "litellm", (Choice("range", "==1.53.*"), Choice("range", "==1.54.*"))),
        ("litellm==1.53.*,!=1.53.2", "litellm", (Choice("range", "==1.53.*,!=1.53.2"),)),
        ("Hugging_Face.Hub==0.20", "hugging-face-hub", exact("0.20")),
        ("torch==2.1.0+CPU", "torch", exact("2.1.0+cpu")),
        ("six==v1.16.0RC1", "six", exact("1.16.0rc1")),
        ("six==1.0,1.0.0,1,2", "six", exact("1.0", "2")),
        ("python==3.11,3.12", "python", exact("3.11", "3.12")),
        ("python==3.10", "python", exact("3.10")),
    ],
)
def test_an_axis_is_a_package_with_versions_or_one_specifier(text: str, name: str, choices: tuple[Choice, ...]) -> None:
    """Behind `==` stands a list, each version once; another specifier is one range; names and versions are normalised."""
    assert read_axis(text, "here") == Axis(name, choices)


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("litellm==", "no version is named", HOW),
        ("litellm== , ,", "no version is named", HOW),
        ("litellm", "no version is named", HOW),
        ("litellm>=", "expected a PEP 440 specifier such as `>=1.70` or `~=1.70`, got '>='", ""),
        ("litellm>=1.70,<x", "expected a PEP 440 specifier such as `>=1.70` or `~=1.70`, got '<x'", ""),
        ("litellm~=1", "expected a PEP 440 specifier such as `>=1.70` or `~=1.70`, got '~=1'", ""),
        ("litellm==1.x", "expected a version such as 1.53.9, `latest` or `lowest`, got '1.x'", ""),
        ("litellm==1.x.*", "expected a PEP 440 specifier such as `>=1.70` or `~=1.70`, got '==1.x.*'", ""),
        ("litellm=1.5", "versions stand behind `==`", "write `litellm==1.5`"),
        ("litellm===1.5", "versions stand behind `==`", "write `litellm==1.5`"),
        ("==1.5", "expected a package's name, got ''", HOW),
        ("lite llm==1.5", "expected a package's name, got 'lite llm'", HOW),
        (
            "litellm==1.53.9,>=1.80",
            "a range has no single versions such as `==1.53.9` in it",
            "give each an entry of its own: repeat the option, or add an element to the list",
        ),
        (
            "litellm>=1.70,1.80",
            "a range has no single versions such as `1.80` in it",
            "give each an entry of its own: repeat the option, or add an element to the list",
        ),
        (
            "litellm[proxy]==1.5",
            "an axis is a package without extras",
            'write `litellm==1.5`, and `with = ["litellm[proxy]"]` in a set of pyproject.toml',
        ),
        ("python==2.7", "Python 2.7 is too old: pytest-envguard needs 3.10 in every cell", "leave it out"),
        ("python==3.12,3.9", "Python 3.9 is too old: pytest-envguard needs 3.10 in every cell", "leave it out"),
    ],
)
def test_mistakes_in_an_axis(text: str, message: str, hint: str) -> None:
    """A mistake is named in the user's own words, with what to write instead."""
    with pytest.raises(EnvguardError) as caught:
        read_axis(text, "here")
    assert (caught.value.message, caught.value.hint) == (f"here: `{text}`: {message}", hint)


@pytest.mark.parametrize("asked", [">=3.11", "==latest", "==3.11.7", "==3", "==3.13t"])
def test_interpreters_are_named_one_by_one(asked: str) -> None:
    """No index knows which interpreters a machine has, so their axis has minor versions only."""
    with pytest.raises(EnvguardError, match=r"expected a (Python )?version such as"):
        read_axis(f"python{asked}", "here")


ASKED = "`--envguard-versions`"


def small() -> dict[str, VersionSet]:
    """Return two sets of a project."""
    return {
        "default": read_set("default", {"six": ["1.15", "1.16"], "pluggy": "1.5", "as-of": "release"}, "the table"),
        "old": read_set("old", {"six": "1.10", "with": ["setuptools<81"], "strategy": "pairwise"}, "the old table"),
    }


def test_repeated_options_are_one_set() -> None:
    """Axes stand in the order in which they were given; one that comes twice has the choices of both."""
    asked = read_asked(["Six==1.16", "strategy=pairwise", "pluggy>=1", "as-of=2024-06-20", "six==1.15,1.16.0"], {})
    assert asked == VersionSet(
        name="",
        where=ASKED,
        axes=(Axis("six", exact("1.16", "1.15")), Axis("pluggy", (Choice("range", ">=1"),))),
        strategy="pairwise",
        as_of="2024-06-20",
    )


def test_further_requirements_are_added_to_those_of_a_set() -> None:
    """Each repetition is one, as pip reads it."""
    asked = read_asked(["old", "with=wheel", "with = litellm[proxy]>=1,<2"], small())
    assert asked.extra == ("setuptools<81", "wheel", "litellm[proxy]>=1,<2")
    with pytest.raises(EnvguardError, match="expected a requirement such as `setuptools<81`"):
        read_asked(["six==1.16", "with=<81"], {})


def test_an_axis_replaces_that_of_a_named_set() -> None:
    """A set is taken as it is, but for what stands beside its name."""
    sets = small()
    assert read_asked(["default"], sets) == sets["default"]
    assert read_asked([" old ", "", "old"], sets) == sets["old"]
    asked = read_asked(["six==1.17", "default", "python==3.12", "strategy=pairwise", "as_of = 2024-06-20"], sets)
    assert asked == sets["default"]._replace(
        axes=(Axis("six", exact("1.17")), Axis("pluggy", exact("1.5")), Axis("python", exact("3.12"))),
        strategy="pairwise",
        as_of="2024-06-20",
    )


def test_a_replaced_axis_takes_the_cells_with_it_that_pin_it() -> None:
    """Who asks for six 1.17 instead gets no cell with another six; what is excluded still is."""
    raw = {"six": "1.16", "include": [{"six": "1.10"}, {"pluggy": "1.0"}], "exclude": [{"six": "<1.5"}]}
    base = read_set("default", raw, "the table")
    asked = read_asked(["default", "six==1.17"], {"default": base})
    assert asked.include == (Included((("pluggy", exact("1.0")[0]),)),)
    assert asked.exclude == base.exclude == ((("six", Choice("range", "<1.5")),),)
    assert read_asked(["default", "attrs==23.1"], {"default": base}).include == base.include


@pytest.mark.parametrize(
    ("texts", "message", "hint"),
    [
        ([], "names no axis and no set", f"sets: default, old; {HOW}"),
        (["  "], "names no axis and no set", f"sets: default, old; {HOW}"),
        (["as-of=release", "strategy=all"], "names no axis and no set", f"sets: default, old; {HOW}"),
        (["defualt"], "no set of versions is named `defualt`", f"did you mean `default`? known: default, old; {HOW}"),
        (["litellm"], "no set of versions is named `litellm`", f"known: default, old; {HOW}"),
        (
            ["default", "old"],
            "one run has one set of versions, got `default` and `old`",
            "name one; further axes can be added to it",
        ),
        (["strategy=all", "strategy=pairwise"], "`strategy` is both `all` and `pairwise`", "leave one of them out"),
        (["strategy=triples"], "`strategy=triples`: expected `all` or `pairwise`, got 'triples'", ""),
        (["as-of="], "`as-of=`: expected a date such as 2024-06-20, or `release`, got ''", ""),
        (
            ["as-of=2023-02-29"],
            "`as-of=2023-02-29`: expected a date such as 2024-06-20, or `release`, got '2023-02-29'",
            "",
        ),
        (
            ["as-of=20240620"],
            "`as-of=20240620`: expected a date such as 2024-06-20, or `release`, got '20240620'",
            "",
        ),
    ],
)
def test_mistakes_in_what_is_asked(texts: list[str], message: str, hint: str) -> None:
    """The nearest set is named, and how an axis is written."""
    with pytest.raises(EnvguardError) as caught:
        read_asked(texts, small())
    assert (caught.value.message, caught.value.hint) == (f"{ASKED}: {message}", hint)


def test_a_project_without_sets_is_told_where_they_stand() -> None:
    """Where no set is known, the hint says what a set is."""
    with pytest.raises(
        EnvguardError, match=r"a set of them is a table in pyproject.toml, `\[tool.envguard.versions\]`"
    ):
        read_asked(["default"], {})


def test_a_table_has_all_that_a_set_can_say() -> None:
    """Strings and lists are axes, in their order; dates may be TOML's own."""
    raw = {
        "LiteLLM": ["1.53.9", ">=1.80,<1.83", "latest"],
        "python": ["3.11", "3.12"],
        "tiktoken": "0.7.0,0.9.0",
        "strategy": "pairwise",
        "as-of": datetime.date(2024, 6, 20),
        "with": ["setuptools<81", " x[y] @ https://example.org/x.whl "],
        "exclude": [{"litellm": "<1.60", "python": ">3.11"}, {"tiktoken": "latest"}],
        "include": [
            {"litellm": "1.14.4", "Other": "lowest", "as-of": "2023-12-20", "with": ["openai<1.50"]},
            {"python": "3.13", "as-of": "release"},
        ],
    }
    assert read_set("old", raw, "here") == VersionSet(
        name="old",
        where="here",
        axes=(
            Axis("litellm", (*exact("1.53.9"), Choice("range", ">=1.80,<1.83"), Choice("latest", "latest"))),
            Axis("python", exact("3.11", "3.12")),
            Axis("tiktoken", exact("0.7.0", "0.9.0")),
        ),
        strategy="pairwise",
        as_of="2024-06-20",
        extra=("setuptools<81", "x[y] @ https://example.org/x.whl"),
        exclude=(
            (("litellm", Choice("range", "<1.60")), ("python", Choice("range", ">3.11"))),
            (("tiktoken", Choice("latest", "latest")),),
        ),
        include=(
            Included(
                (("litellm", exact("1.14.4")[0]), ("other", Choice("lowest", "lowest"))), "2023-12-20", ("openai<1.50",)
            ),
            Included((("python", exact("3.13")[0]),), "release"),
        ),
    )


@pytest.mark.parametrize(
    ("raw", "message", "hint"),
    [
        ({}, "has no axis", 'for example `litellm = ["1.53.9", "latest"]`'),
        ({"strategy": "all"}, "has no axis", 'for example `litellm = ["1.53.9", "latest"]`'),
        ({"six": []}, "`six`: no version is named", 'for example `six = ["1.53.9", "latest"]`'),
        ({"six": [""]}, "`six`: no version is named", HOW),
        (
            {"python": [3.1]},
            "`python`: expected a version in a string, got 3.1",
            'write it in quotes: "3.1" (TOML reads 3.10 as the number 3.1)',
        ),
        ({"six": True}, "`six`: expected a version in a string, got True", ""),
        ({"six": datetime.date(2024, 6, 20)}, "`six`: expected a version in a string, got 2024-06-20", ""),
        ({"six": {"a": "1"}}, "`six`: a set of versions has no tables in it, got {'a': '1'}", ""),
        (
            {"python": "3.8"},
            "`python`: Python 3.8 is too old: pytest-envguard needs 3.10 in every cell",
            "leave it out",
        ),
        ({"six": "1", "SIX": "2"}, "the axis `six` is there twice", "spelling and case make no difference"),
        ({"a b": "1"}, "expected a package's name, got 'a b'", HOW),
        ({"as_of": "2024-06-20"}, "no key is named `as_of`", "did you mean `as-of`?"),
        (
            {"strategey": "pairwise"},
            "`strategey`: expected a version such as 1.53.9, `latest` or `lowest`, got 'pairwise'",
            "did you mean `strategy`? `strategey` is read as a package's name",
        ),
        (
            {"excludes": [{"six": "1"}]},
            "`excludes`: expected a version in a string, got {'six': '1'}",
            "did you mean `exclude`? `excludes` is read as a package's name",
        ),
        ({"six": "1", "strategy": ["all"]}, "`strategy`: expected `all` or `pairwise`, got ['all']", ""),
        (
            {"six": "1", "as-of": datetime.datetime(2024, 6, 20, tzinfo=datetime.timezone.utc)},
            "`as-of`: expected a date such as 2024-06-20, or `release`, got 2024-06-20T00:00:00+00:00",
            "",
        ),
        (
            {"six": "1", "with": "setuptools"},
            "`with`: expected a list of requirements such as `[\"setuptools<81\"]`, got 'setuptools'",
            "",
        ),
        ({"six": "1", "with": [1]}, "`with`: expected a requirement in a string, got 1", None),
        (
            {"six": "1", "exclude": {"six": "1"}},
            "`exclude`: expected a list of tables such as `[{litellm = \"1.53.9\"}]`, got {'six': '1'}",
            "",
        ),
        ({"six": "1", "exclude": [{}]}, "`exclude`, entry 1: names no version", 'for example `{litellm = "1.53.9"}`'),
        (
            {"six": "1", "exclude": [{"six": "1"}, {"six": "1,2"}]},
            "`exclude`, entry 2: `six`: expected a version or one specifier, got '1,2'",
            "write an entry for each",
        ),
        (
            {"six": "1", "include": [{"six": "1", "Six": "2"}]},
            "`include`, entry 1: `six` is there twice",
            "spelling and case make no difference",
        ),
        (
            {"six": "1", "include": [{"six": "1.*"}]},
            "`include`, entry 1: `six`: a cell has one version, got '==1.*'",
            "give an axis the range",
        ),
        (
            {"six": "1", "include": [{"python": "3.9"}]},
            "`include`, entry 1: `python`: Python 3.9 is too old: pytest-envguard needs 3.10 in every cell",
            "leave it out",
        ),
        (
            {"include": [{"with": ["six"]}]},
            "`include`, entry 1: names no version",
            'for example `{litellm = "1.53.9"}`',
        ),
    ],
)
def test_mistakes_in_a_table(raw: Mapping[str, Any], message: str, hint: str | None) -> None:
    """Each says the key, what was expected and what stands there."""
    with pytest.raises(EnvguardError) as caught:
        read_set("old", raw, "here")
    assert caught.value.message == f"here: {message}"
    assert hint is None or caught.value.hint == hint


def test_a_bad_requirement_says_why() -> None:
    """What `packaging` says about it is passed on."""
    with pytest.raises(
        EnvguardError, match=r"here: `with`: expected a requirement such as `setuptools<81`, got 'x y': \w"
    ):
        read_set("old", {"six": "1", "with": ["x y"]}, "here")
