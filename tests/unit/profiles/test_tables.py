"""Reading profiles that somebody wrote by hand: every mistake is a sentence, none a traceback."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_envguard.errors import EnvguardError
from pytest_envguard.profiles.tables import Table, read_project, read_table, read_toml

EDGE = "[tool.envguard.profiles.edge]\n"


def project(folder: Path, text: str | bytes) -> Path:
    """Write ``text`` as the project's file."""
    path = folder / "pyproject.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def refused(path: Path) -> str:
    """Return the message that reading the project's profiles ends with, without the file's name."""
    with pytest.raises(EnvguardError) as caught:
        read_project(path)
    assert caught.value.message.startswith(f"{path}: ")
    return str(caught.value).removeprefix(f"{path}: ")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a = \n", "not valid TOML: Invalid value (at line 1, column 5)"),
        ("[a]\nb = 1\nb = 2\n", "not valid TOML: Cannot overwrite a value (at line 3, column 6)"),
    ],
)
def test_toml_mistakes_have_line_and_column(tmp_path: Path, text: str, message: str) -> None:
    """A file that isn't TOML is refused with the place of the mistake."""
    assert refused(project(tmp_path, text)) == message


def test_text_that_is_not_utf8(tmp_path: Path) -> None:
    """A file in another encoding is refused as not TOML."""
    assert refused(project(tmp_path, b'a = "\xff"')).startswith("not valid TOML: 'utf-8' codec can't decode byte 0xff")


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    """What the system answers is passed on."""
    with pytest.raises(EnvguardError) as caught:
        read_toml(tmp_path)
    assert str(caught.value) == f"{tmp_path}: cannot be read: Is a directory"


@pytest.mark.parametrize("text", ["", "[tool.other]\na = 1", "[tool.envguard]", "[tool.envguard.profiles]"])
def test_a_project_without_profiles(tmp_path: Path, text: str) -> None:
    """No profiles is no mistake."""
    assert read_project(project(tmp_path, text)) == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("tool = 3", "[tool"),
        ("[tool]\nenvguard = 3", "[tool.envguard"),
        (
            "[tool.envguard]\nprofiles = 3",
            "[tool.envguard.profiles] must be a table with one table for each profile",
        ),
        ("[tool.envguard.profiles]\nedge = 3", "[tool.envguard.profiles.edge]: expected a table, got 3"),
        (
            '[tool.envguard.profiles."a b"]',
            "[tool.envguard.profiles.a b]: a profile's name has letters, digits, `.`, `_` and `-`, got 'a b'",
        ),
        (
            '[tool.envguard.profiles."a//b"]',
            "[tool.envguard.profiles.a//b]: a profile's name has letters, digits, `.`, `_` and `-`, got 'a//b'",
        ),
        (EDGE + "inherits = 3", "[tool.envguard.profiles.edge]: `inherits`: expected the name of a profile, got 3"),
        (EDGE + 'inherits = ["a"]', "[tool.envguard.profiles.edge]: `inherits`: expected the name of a profile"),
        (EDGE + 'uid = "root"', "[tool.envguard.profiles.edge]: `uid`: expected a whole number from 0 to 4294967294"),
        (EDGE + "dimensions.uid = -1", "[tool.envguard.profiles.edge]: `uid`: expected a whole number"),
        (
            EDGE + "tmpsize = 1",
            "[tool.envguard.profiles.edge]: no dimension is named `tmpsize`\nhint: did you mean `tmp_",
        ),
        (EDGE + "dimensions = 3", "[tool.envguard.profiles.edge]: expected a table of dimensions, got 3"),
        (EDGE + "since = 3", "[tool.envguard.profiles.edge]: `since`"),
        (EDGE + 'since."3.12" = 3', "[tool.envguard.profiles.edge], since 3.12: expected a table of dimensions"),
        (
            EDGE + 'since."3.12" = { tmpsize = 1 }',
            "[tool.envguard.profiles.edge], since 3.12: no dimension is named `tmps",
        ),
        (
            EDGE + 'since."3.12" = { uid = -1 }',
            "[tool.envguard.profiles.edge], since 3.12: `uid`: expected a whole number",
        ),
        (EDGE + "sources = 3", "[tool.envguard.profiles.edge]: `sources`"),
        (EDGE + "sources = []", "[tool.envguard.profiles.edge]: `sources`"),
        (EDGE + 'sources = "seen"', "[tool.envguard.profiles.edge]: `sources`"),
        (EDGE + "unverified = 3", "[tool.envguard.profiles.edge]: `unverified`"),
        (EDGE + "not_simulated = 3", "[tool.envguard.profiles.edge]: `not_simulated`"),
        (EDGE + 'not_simulated = "No DNS."', "[tool.envguard.profiles.edge]: `not_simulated`"),
        (EDGE + "not_simulated = [3]", "[tool.envguard.profiles.edge]: `not_simulated`"),
    ],
)
def test_mistakes_in_a_project_s_profiles(tmp_path: Path, text: str, message: str) -> None:
    """A wrong type, an unknown key or a bad value is refused with its table and its key."""
    assert refused(project(tmp_path, text)).startswith(message)


def test_an_unknown_key_of_a_file() -> None:
    """A shipped file's or a plugin's table has only the documented keys."""
    with pytest.raises(EnvguardError) as caught:
        read_table({"dimension": {}}, "edge.toml")
    assert str(caught.value) == (
        "edge.toml: no key is named `dimension`\nhint: did you mean `dimensions`? "
        "known: budgets, dimensions, inherits, layout, not_simulated, package_size, since, sources, summary, unset-each, unverified"
    )


@pytest.mark.parametrize("raw", [None, 3, "lambda", ["lambda"]])
def test_a_plugin_s_profile_is_a_table(raw: object) -> None:
    """Something else from a plugin's hook is refused with the plugin's profile named."""
    with pytest.raises(EnvguardError, match=r"^profile `edge` of a plugin: "):
        read_table(raw, "profile `edge` of a plugin")  # type: ignore[arg-type]  # that is the mistake


@pytest.mark.parametrize("nested", [True, False])
def test_everything_a_profile_can_say(tmp_path: Path, nested: bool) -> None:
    """A project writes dimensions into the profile's table or into one of their own; all else is taken as written."""
    text = f"""
    [tool.envguard.profiles.edge]
    summary = "our edge boxes"
    inherits = "container"
    not_simulated = ["No DNS."]
    {"dimensions." if nested else ""}tmp_size = "16M"
    {"dimensions." if nested else ""}env = {{ A = "1" }}
    since."3.12" = {{ uid = 5 }}
    sources = {{ tmp_size = "measured" }}
    unverified = {{ env = "guess" }}
    """
    path = project(tmp_path, text)
    assert read_project(path) == {
        "edge": Table(
            where=f"{path}: [tool.envguard.profiles.edge]",
            dimensions={"tmp_size": 16 << 20, "env": {"A": "1"}},
            inherits="container",
            summary="our edge boxes",
            since={(3, 12): {"uid": 5}},
            sources={"tmp_size": "measured"},
            unverified={"env": "guess"},
            not_simulated=("No DNS.",),
        )
    }
