"""Environments that lack one variable each."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_envguard.errors import EnvguardError
from pytest_envguard.model.profile import Profile
from pytest_envguard.profiles import Catalogue, load_catalogue
from pytest_envguard.report.terminal.profiles import in_a_line, profile_text

Load = Callable[[str], Catalogue]
MINE = '[tool.envguard.profiles.mine]\ninherits = "container"\nunset-each = ["MODEL_PATH", "TOKEN"]\nenv = { TOKEN = "x" }\n'


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Load the catalogue of a project whose `pyproject.toml` has this text."""

    def loaded(text: str) -> Catalogue:
        (tmp_path / "pyproject.toml").write_text(text, encoding="utf-8")
        return load_catalogue(tmp_path / "pyproject.toml", (3, 11))

    return loaded


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("mine", ["mine", "mine-without-MODEL_PATH", "mine-without-TOKEN"]),
        ("mine-without-TOKEN", ["mine-without-TOKEN"]),
        ("mine:tmp_size=1M", [f"mine:tmp_size=1M{rest}" for rest in ("", "-without-MODEL_PATH", "-without-TOKEN")]),
        ("mine:unset-each=A", ["mine", "mine-without-A"]),
        ("offline:unset-each=A;B", ["offline", "offline-without-A", "offline-without-B"]),
        ("offline:unset_each=A:timezone=:UTC", ["offline:timezone=:UTC", "offline:timezone=:UTC-without-A"]),
        ("mine+offline", ["mine+offline", "mine+offline-without-MODEL_PATH", "mine+offline-without-TOKEN"]),
        ("heir", ["heir", "heir-without-MODEL_PATH", "heir-without-TOKEN"]),
        ("none", ["none"]),
        ("odd-without-A", ["odd-without-A"]),
    ],
)
def test_selecting_it_means_one_environment_more_for_each_variable(load: Load, text: str, names: list[str]) -> None:
    """Each can be selected alone by its name; what inherits it has them too, unless it says otherwise."""
    further = '[tool.envguard.profiles.heir]\ninherits = "mine"\n[tool.envguard.profiles.none]\ninherits = "mine"\nunset_each = []\n'
    odd = "[tool.envguard.profiles.odd-without-A]\ntimezone = 'UTC'\n"
    catalogue = load(MINE + further + odd)
    profiles = catalogue.select(text)
    assert [profile.name for profile in profiles] == names
    assert [catalogue.one(profile.name).values for profile in profiles] == [profile.values for profile in profiles]


def test_the_variable_is_removed_and_nothing_else(load: Load) -> None:
    """Also where the profile itself sets it."""
    whole, _, without = load(MINE).select("mine")
    unset = whole.values["env_unset"]
    assert isinstance(unset, tuple)
    assert without.values == {**whole.values, "env": {}, "env_unset": (*unset, "TOKEN")}
    assert (without.without, without.lineage, without.unset_each) == ("TOKEN", whole.lineage, ())
    assert without.summary.endswith(", without TOKEN")


@pytest.mark.parametrize(
    ("variable", "values", "left"),
    [
        ("HOME", {"home": "/tmp"}, {"home": "unset"}),
        ("TZ", {"timezone": "UTC"}, {"env_unset": ("TZ",)}),
        ("LANG", {"locale": "C"}, {"env_unset": ("LANG",)}),
        ("A", {"env_unset": ("A",)}, {"env_unset": ("A",)}),
    ],
)
def test_variables_that_have_a_dimension_of_their_own(
    variable: str, values: dict[str, object], left: dict[str, object]
) -> None:
    """The dimension would set them again."""
    assert Profile("p", values=values).lacking(variable).values == left  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("variable", "values", "expected"),
    [
        ("A", {}, True),
        ("B", {}, False),
        ("B", {"env": {"B": ""}}, True),
        ("A", {"env_unset": ("A",)}, False),
        ("AWS_X", {"env_unset": ("AWS_*",)}, False),
        ("HOME", {}, True),
        ("HOME", {"home": "unset"}, False),
        ("HOME", {"home": "/tmp"}, True),
        ("TZ", {"timezone": "UTC"}, True),
        ("LC_ALL", {}, True),
        ("LC_ALL", {"locale": "C"}, False),
    ],
)
def test_whether_a_variable_is_set_in_an_environment(variable: str, values: dict[str, object], expected: bool) -> None:
    """By the profile, or by the caller if the profile leaves it."""
    environ = {"A": "1", "AWS_X": "1", "HOME": "/root", "LC_ALL": "C"}
    assert Profile("p", values=values).sets(variable, environ) is expected  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("3", "expected a list of variables, got 3"),
        ('["A-B"]', "expected names of the project's variables, got 'A-B'"),
        ('[""]', "expected names of the project's variables, got ''"),
        ('["PYTEST_ENVGUARD"]', "expected names of the project's variables, got 'PYTEST_ENVGUARD'"),
        ("[1]", "expected a list of variables, got [1]"),
    ],
)
def test_mistakes_are_named(load: Load, written: str, message: str) -> None:
    """With file and table."""
    with pytest.raises(EnvguardError) as caught:
        load(f"[tool.envguard.profiles.mine]\nunset-each = {written}\n").select("mine")
    assert caught.value.message.endswith(f"[tool.envguard.profiles.mine]: `unset-each`: {message}")


def test_a_name_without_a_profile_is_answered_with_the_nearest(load: Load) -> None:
    """Of what stands before the variable."""
    with pytest.raises(EnvguardError) as caught:
        load("").select("lamda-without-A")
    assert (caught.value.message, caught.value.hint[:23]) == ("no profile is named `lamda`", "did you mean `lambda`? ")


def test_profiles_are_shown_with_their_variables(load: Load) -> None:
    """In the list, and in full."""
    profile = load(MINE).one("mine")
    assert in_a_line(profile).endswith("; and the same without MODEL_PATH, TOKEN in turn")
    assert "unset-each = MODEL_PATH, TOKEN\n" in profile_text(profile)
    assert "mine-without-MODEL_PATH, mine-without-TOKEN" in profile_text(profile)
    assert in_a_line(profile._replace(unset_each=("A",), summary="")) == "and the same without A"
