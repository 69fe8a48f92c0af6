"""Profiles as text."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

from pytest_envguard.model.profile import Profile
from pytest_envguard.profiles import Catalogue, load_catalogue
from pytest_envguard.profiles.tables import Table
from pytest_envguard.report.terminal.profiles import list_text, profile_text
from tests.unit.surroundings import profile


def test_the_list() -> None:
    """One line for every profile, the host first, and what to do next."""
    tables = {name: Table(name, {}, summary=f"about {name}") for name in ("lambda", "a", "host")}
    assert list_text(Catalogue(tables, (3, 11))) == (
        "host    about host\n"
        "a       about a\n"
        "lambda  about lambda\n"
        "\n"
        "`envguard profiles NAME` shows one with its sources; `a+b` is both at once."
    )


def test_what_a_project_changed_is_listed_once(tmp_path: Path) -> None:
    """A shipped profile that the project changes has one line, under its own name."""
    (tmp_path / "pyproject.toml").write_text("[tool.envguard.profiles.lambda]\nuid = 5")
    listed = list_text(load_catalogue(tmp_path / "pyproject.toml", (3, 11)))
    assert [line.split()[0] for line in listed.splitlines() if line.startswith("lambda")] == ["lambda", "lambda-image"]


def test_one_profile() -> None:
    """Each dimension with its value, meaning and source, then what is less certain and what isn't simulated."""
    values = profile(
        tmp_size="512M",
        tmp_exec=False,
        tmp_mode="0777",
        hidden=[],
        env_unset=["USER", "XDG_*"],
        user="",
        env={"A": "1", "B": ""},
        open_files="unlimited",
    ).values
    shown = Profile(
        "edge",
        "our edge boxes",
        values,
        sources={"tmp_size": "measured"},
        unverified={"tmp_exec": "a guess", "clock": "not looked at"},
        not_simulated=("The clock. " + "It is the host's. " * 6, "DNS."),
    )
    assert profile_text(shown) + "\n" == dedent(
        """\
        edge: our edge boxes

        tmp_size = 512 MiB
            size of /tmp, such as "512M"; ENOSPC beyond it (left out: half of the memory)
            source: measured

        tmp_exec = false
            whether files in /tmp can be executed and mapped executable
            source: the project itself
            unverified: a guess

        tmp_mode = 777
            octal mode of /tmp, such as "1777"
            source: the project itself

        hidden = none
            files and folders that can't be entered or read
            source: the project itself

        env_unset = USER, XDG_*
            environment variables that are removed; `XDG_*` removes all that start so
            source: the project itself

        user = ""
            name in the passwd entry of the uid; "" means that there is no entry
            source: the project itself

        env = 2 variables
            environment variables that are set
            A=1
            B=
            source: the project itself

        open_files = unlimited
            soft limit of open files (RLIMIT_NOFILE)
            source: the project itself

        less certain:
          - clock: not looked at

        not simulated:
          - The clock. It is the host's. It is the host's. It is the host's. It is the host's. It is the
            host's. It is the host's.
          - DNS.
        """
    )


def test_a_profile_that_says_nothing() -> None:
    """A profile without summary and values is its name."""
    assert profile_text(Profile("edge")) == "edge"


def test_every_shipped_profile_can_be_shown() -> None:
    """Each shipped profile has its name first and all of its dimensions."""
    catalogue = load_catalogue(None, (3, 12))
    for name in catalogue.names():
        shown = catalogue.one(name)
        text = profile_text(shown).splitlines()
        assert text[0] == f"{name}: {shown.summary}"
        listed = [line.partition(" = ")[0] for line in text if " = " in line and line[0] != " "]
        assert listed == [*shown.values, *(["package_size"] if shown.package_size else [])]
