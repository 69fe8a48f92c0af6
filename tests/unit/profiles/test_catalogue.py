"""Selecting profiles by text, and resolving what they inherit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_envguard.errors import EnvguardError
from pytest_envguard.profiles import Catalogue, load_catalogue

SHIPPED = (
    "host, cloudrun, container, kubernetes, lambda, lambda-image, no_network, no_shm, noexec_tmp, "
    "offline, offline-drop, offline-nxdomain, "
    "offline-refuse, openshift, readonly_root, systemd"
)
ANY_ORDER = ", ".join(sorted(SHIPPED.split(", ")))
PYTHON = (3, 11)
Load = Callable[..., Catalogue]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Load the catalogue of a project whose `pyproject.toml` has this text."""

    def loaded(text: str = "", python: tuple[int, int] = PYTHON) -> Catalogue:
        (tmp_path / "pyproject.toml").write_text(text, encoding="utf-8")
        return load_catalogue(tmp_path / "pyproject.toml", python)

    return loaded


def refused(action: Callable[[], object]) -> EnvguardError:
    """Return the error that ``action`` ends with."""
    with pytest.raises(EnvguardError) as caught:
        action()
    return caught.value


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("lambda", ["lambda"]),
        ("lambda,container", ["lambda", "container"]),
        (" container , lambda,", ["container", "lambda"]),
        ("lambda+offline", ["lambda+offline"]),
        ("lambda + offline", ["lambda+offline"]),
        ("lambda+offline+systemd", ["lambda+offline+systemd"]),
        ("lambda+lambda", ["lambda"]),
        ("lambda,lambda", ["lambda"]),
        ("lambda,lambda+lambda", ["lambda"]),
        ("lambda+offline,lambda + offline", ["lambda+offline"]),
        ("lambda:memory=1G:tmp_size=2G", ["lambda:memory=1G:tmp_size=2G"]),
        ("lambda,lambda:memory=1G", ["lambda", "lambda:memory=1G"]),
        ("host", ["host"]),
    ],
)
def test_selections(load: Load, text: str, names: list[str]) -> None:
    """Commas separate environments, `+` combines them; no environment comes twice."""
    assert [profile.name for profile in load().select(text)] == names


@pytest.mark.parametrize(
    ("word", "values"),
    [
        ("lambda:memory=1G:tmp_size=2G", {"memory": 1 << 30, "tmp_size": 2 << 30}),
        ("lambda+offline:network=drop", {"network": "drop"}),
        ("lambda:hidden=/a;/b", {"hidden": ("/a", "/b")}),
        ("lambda:tmp_exec=no", {"tmp_exec": False}),
        ("lambda:timezone=", {"timezone": ""}),
        ("lambda:open_files=unlimited", {"open_files": -1}),
        ("lambda:timezone=:UTC", {"timezone": ":UTC"}),
    ],
)
def test_overrides(load: Load, word: str, values: dict[str, object]) -> None:
    """Overrides replace dimensions of the selected profile (or combination), and nothing else."""
    plain, changed = load().one(word.partition(":")[0]), load().one(word)
    assert changed.values == {**plain.values, **values}


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("", "`--envguard` names no profile", f"for example `--envguard=lambda`; known: {SHIPPED}"),
        (" , ,", "`--envguard` names no profile", f"for example `--envguard=lambda`; known: {SHIPPED}"),
        ("lamda", "no profile is named `lamda`", f"did you mean `lambda`? known: {ANY_ORDER}"),
        ("LAMBDA", "no profile is named `LAMBDA`", f"did you mean `lambda`? known: {ANY_ORDER}"),
        ("lambda,ofline", "no profile is named `ofline`", f"did you mean `offline`? known: {ANY_ORDER}"),
        ("lambda+", "no profile is named ``", f"known: {ANY_ORDER}"),
        ("xyz", "no profile is named `xyz`", f"known: {ANY_ORDER}"),
        (
            "lambda:memory",
            "`lambda:memory`: `memory` has no value",
            "write `lambda:memory=VALUE`",
        ),
        (
            "lambda:memory=much",
            '`lambda:memory=much`: `memory`: expected a size such as "512M" or "10G", got \'much\'',
            "",
        ),
        (
            "lambda:runtime=banana",
            "`lambda:runtime=banana`: `runtime`: expected a Python version such as \"3.12\", got 'banana'",
            "",
        ),
    ],
)
def test_mistakes_in_a_selection(load: Load, text: str, message: str, hint: str) -> None:
    """A mistake is named in the user's own words, with the nearest known name."""
    error = refused(lambda: load().select(text))
    assert (error.message, error.hint) == (message, hint)


@pytest.mark.parametrize(("wrong", "right"), [("memry", "memory"), ("tmpsize", "tmp_size"), ("Locale", "locale")])
def test_an_unknown_dimension_has_a_nearest_one(load: Load, wrong: str, right: str) -> None:
    """A misspelt dimension is answered with the one that was meant."""
    error = refused(lambda: load().select(f"lambda:{wrong}=1"))
    assert error.message == f"`lambda:{wrong}=1`: no dimension is named `{wrong}`"
    assert error.hint.startswith(f"did you mean `{right}`? known: ")


def test_the_host_is_named_first(load: Load) -> None:
    """Names are sorted, with the host in front."""
    assert ", ".join(load().names()) == SHIPPED


def test_a_project_without_a_file_has_the_shipped_profiles(tmp_path: Path) -> None:
    """No `pyproject.toml`, or none that exists, is no mistake."""
    assert load_catalogue(None, PYTHON).names() == load_catalogue(tmp_path / "pyproject.toml", PYTHON).names()


def test_inheriting(load: Load) -> None:
    """A profile has its parent's values, sources, doubts and gaps, changed by what it says itself."""
    catalogue = load(
        """
        [tool.envguard.profiles.base]
        summary = "ours"
        not_simulated = ["No DNS."]
        tmp = "private"
        tmp_size = "64M"
        env = { A = "1", B = "1" }
        sources = { tmp = "seen", tmp_size = "seen", env = "seen" }
        unverified = { tmp = "guess", tmp_size = "guess" }

        [tool.envguard.profiles.edge]
        inherits = "base"
        not_simulated = ["No disk.", "No DNS."]
        tmp_size = "16M"
        env = { B = "2" }
        """
    )
    edge = catalogue.one("edge")
    assert (edge.name, edge.summary) == ("edge", "ours")
    assert edge.values == {"tmp": "private", "tmp_size": 16 << 20, "env": {"A": "1", "B": "2"}}
    assert edge.sources == {"tmp": "seen", "env": "seen"}
    assert edge.unverified == {"tmp": "guess"}
    assert edge.not_simulated == ("No DNS.", "No disk.")


@pytest.mark.parametrize("inherits", ["", 'inherits = "lambda"'])
def test_a_project_changes_a_shipped_profile(load: Load, inherits: str) -> None:
    """A project's profile with a shipped name is the shipped one with changes, whether it says so or not."""
    changed = load(f'[tool.envguard.profiles.lambda]\n{inherits}\ntmp_size = "1G"').one("lambda")
    shipped = load().one("lambda")
    assert changed.values == {**shipped.values, "tmp_size": 1 << 30}
    assert (changed.name, changed.summary, changed.not_simulated) == ("lambda", shipped.summary, shipped.not_simulated)


def test_a_project_replaces_a_shipped_profile_by_another_parent(load: Load) -> None:
    """With another parent nothing of the shipped profile of that name is left."""
    catalogue = load('[tool.envguard.profiles.lambda]\ninherits = "offline"\nuid = 5')
    assert catalogue.one("lambda").values == {"network": "none", "uid": 5}


def test_a_profile_knows_its_lineage(load: Load) -> None:
    """By it a project's own profile is known as a kind of deployment; a changed one is no heir of itself."""
    known = load(
        """
        [tool.envguard.profiles.lambda]
        memory = "1G"
        [tool.envguard.profiles.function]
        inherits = "lambda"
        """
    )
    assert known.one("function").lineage == ("function", "lambda")
    assert known.one("function:tmp_size=1M").lineage == ("function", "lambda")
    assert known.one("offline+function").lineage == ("offline", "function", "lambda")


def test_heirs_see_the_project_s_change(load: Load) -> None:
    """What inherits a shipped profile that the project changed inherits the change."""
    assert load('[tool.envguard.profiles.lambda]\ntmp_size = "1G"').one("lambda-image").values["tmp_size"] == 1 << 30


def test_plugins_add_profiles(tmp_path: Path) -> None:
    """A plugin's profile is there like a shipped one, and a project's of the same name is laid over it."""
    added = [("edge", {"inherits": "offline", "dimensions": {"uid": 5}})]
    (tmp_path / "pyproject.toml").write_text("[tool.envguard.profiles.edge]\ngid = 6")
    assert load_catalogue(None, PYTHON, added).one("edge").values == {"network": "none", "uid": 5}
    both = load_catalogue(tmp_path / "pyproject.toml", PYTHON, added)
    assert both.one("edge").values == {"network": "none", "uid": 5, "gid": 6}


@pytest.mark.parametrize(
    ("parents", "asked", "circle"),
    [
        ({"a": "a"}, "a", "a -> a"),
        ({"a": "b", "b": "a"}, "a", "a -> b -> a"),
        ({"a": "b", "b": "c", "c": "b"}, "a", "b -> c -> b"),
        ({"lambda": "mine", "mine": "lambda"}, "lambda", "lambda -> mine -> lambda"),
        ({"lambda": "lambda-image"}, "lambda-image", "lambda-image -> lambda -> lambda-image"),
    ],
)
def test_circles(load: Load, parents: dict[str, str], asked: str, circle: str) -> None:
    """Profiles that inherit each other are refused with the circle."""
    text = "\n".join(f'[tool.envguard.profiles.{name}]\ninherits = "{parent}"' for name, parent in parents.items())
    error = refused(lambda: load(text).one(asked))
    assert error.message.endswith(f": `inherits` goes round in a circle: {circle}")


def test_an_unknown_parent(load: Load, tmp_path: Path) -> None:
    """The message says where the unknown parent stands."""
    error = refused(lambda: load('[tool.envguard.profiles.edge]\ninherits = "contaner"').one("edge"))
    where = f"{tmp_path / 'pyproject.toml'}: [tool.envguard.profiles.edge]"
    assert error.message == f"{where}: `inherits`: no profile is named `contaner`"
    assert error.hint.startswith("did you mean `container`? known: ")


SINCE = """
[tool.envguard.profiles.base]
tmp_size = "1M"
env = { A = "old", B = "old" }
since."3.12" = { tmp_size = "2M", env = { A = "3.12" } }
since."3.14" = { tmp_size = "3M" }

[tool.envguard.profiles.heir]
inherits = "base"

[tool.envguard.profiles.late]
inherits = "base"
runtime = "3.12"

[tool.envguard.profiles.early]
inherits = "base"
runtime = "3.9"

[tool.envguard.profiles.stubborn]
inherits = "base"
tmp_size = "9M"
"""


@pytest.mark.parametrize(
    ("asked", "python", "size", "variable"),
    [
        ("base", (3, 11), 1, "old"),
        ("base", (3, 12), 2, "3.12"),
        ("base", (3, 13), 2, "3.12"),
        ("base", (3, 14), 3, "3.12"),
        ("base", (4, 0), 3, "3.12"),
        ("heir", (3, 11), 1, "old"),
        ("heir", (3, 12), 2, "3.12"),
        ("late", (3, 11), 2, "3.12"),
        ("late", (3, 14), 2, "3.12"),
        ("early", (3, 14), 1, "old"),
        ("stubborn", (3, 14), 9, "3.12"),
        ("base:runtime=3.12", (3, 11), 2, "3.12"),
        ("base:runtime=3.9", (3, 14), 1, "old"),
    ],
)
def test_since(load: Load, asked: str, python: tuple[int, int], size: int, variable: str) -> None:
    """What holds since a version is settled by the profile's runtime, else by the interpreter."""
    values = load(SINCE, python).one(asked).values
    assert (values["tmp_size"], values["env"]) == (size << 20, {"A": variable, "B": "old"})


@pytest.mark.parametrize("runtime", ["banana", "3", "3.x", ""])
def test_a_bad_runtime_is_refused(load: Load, runtime: str) -> None:
    """A runtime that is no Python version is refused where it stands."""
    error = refused(lambda: load(f'[tool.envguard.profiles.edge]\nruntime = "{runtime}"').one("edge"))
    assert error.message.endswith(
        f"[tool.envguard.profiles.edge]: `runtime`: expected a Python version such as \"3.12\", got '{runtime}'"
    )


def test_a_bad_version_in_since_is_refused(load: Load, tmp_path: Path) -> None:
    """A key of `since` that is no Python version is refused with its place."""
    error = refused(lambda: load("[tool.envguard.profiles.edge]\nsince.new = { uid = 5 }").one("edge"))
    where = f"{tmp_path / 'pyproject.toml'}: [tool.envguard.profiles.edge]"
    assert error.message.startswith(where)
    assert "`since`" in error.message
