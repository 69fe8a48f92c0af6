"""The launcher's pure parts: the script on the command line, and the variables of what it starts."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pytest_envguard import launcher
from pytest_envguard.launcher import command_line, decode, encode
from pytest_envguard.profiles import load_catalogue
from tests.unit.surroundings import plan

SCRIPTS: list[dict[str, object]] = [
    {},
    {"name": "lambda", "steps": [["private", {}], ["tmpfs", {"path": "/tmp", "size": None}]], "namespaces": 1 << 28},
    {"environ": {"set": {"URL": "https://a//b", "TEXT": "äöü € 😀 \n\0"}, "unset": ["XDG_*"]}},
    {"many": [str(number) * 50 for number in range(2000)]},
]


@pytest.mark.parametrize("script", SCRIPTS, ids=["empty", "steps", "odd-characters", "long"])
def test_a_script_comes_back_as_it_was(script: dict[str, object]) -> None:
    """Encoding and decoding is lossless; the word needs no quotes in a shell and has no `//`."""
    word = encode(script)
    assert decode(word) == script
    assert re.fullmatch(r"[A-Za-z0-9_=-]+", word)


def test_shipped_scripts_fit_on_a_command_line() -> None:
    """A word on a command line has at most 128 KiB on Linux; a script has a small part of that."""
    catalogue = load_catalogue(None, (3, 12))
    sizes = [len(encode(plan(**dict(catalogue.one(name).values)).script)) for name in catalogue.names()]
    assert max(sizes) < 8 << 10


def test_the_command_line() -> None:
    """The launcher starts isolated and without site: the environment's own files can't change it."""
    python, *flags, program, script = command_line({"name": "x"}, "/usr/bin/python3")
    assert (python, flags, program, decode(script)) == (
        "/usr/bin/python3",
        ["-I", "-S"],
        launcher.__file__,
        {"name": "x"},
    )


def environ(unset: list[str], how: str = "host", **variables: str) -> dict[str, str]:
    """Return the variables that a command would get."""
    script: dict[str, Any] = {"environ": {"set": variables, "unset": unset}, "identity": {"how": how}}
    return launcher.environment(script)


@pytest.mark.parametrize(
    ("unset", "variables", "left"),
    [
        ([], {}, {"XDG_A": "1", "XDG_B": "2", "XDGX": "3", "USER": "me"}),
        (["XDG_*"], {}, {"XDGX": "3", "USER": "me"}),
        (["XDG_A", "NOT_THERE"], {}, {"XDG_B": "2", "XDGX": "3", "USER": "me"}),
        (["USER", "XDG*"], {"USER": "other"}, {"USER": "other"}),
        (["XDG"], {"XDGX": ""}, {"XDG_A": "1", "XDG_B": "2", "XDGX": "", "USER": "me"}),
        (["*"], {"NEW": "1"}, {"NEW": "1"}),
    ],
)
def test_variables(
    monkeypatch: pytest.MonkeyPatch, unset: list[str], variables: dict[str, str], left: dict[str, str]
) -> None:
    """First the caller's are removed, by name or by their beginning, then the profile's are set."""
    for name in list(os.environ):
        monkeypatch.delenv(name)
    for name, value in {"XDG_A": "1", "XDG_B": "2", "XDGX": "3", "USER": "me"}.items():
        monkeypatch.setenv(name, value)
    assert environ(unset, **variables) == left


@pytest.mark.parametrize("how", ["host", "mapped", "real", "subordinate"])
def test_folders_that_can_be_searched_stay_in_path(tmp_path: Path, how: str) -> None:
    """A folder that is there or missing gives ENOENT for a missing program, as it should: it stays."""
    path = os.pathsep.join(("/usr/bin", str(tmp_path / "missing"), str(tmp_path)))
    assert environ([], how, PATH=path)["PATH"] == path


@pytest.mark.skipif(os.geteuid() == 0, reason="root may search every folder")
@pytest.mark.parametrize(("how", "stays"), [("mapped", True), ("real", False), ("subordinate", False)])
def test_folders_that_cannot_be_searched_leave_path(tmp_path: Path, how: str, stays: bool) -> None:
    """Another uid meets EACCES in the caller's own folders, which a deployment doesn't have in its PATH."""
    (tmp_path / "closed").mkdir(mode=0o000)
    path = f"/usr/bin{os.pathsep}{tmp_path / 'closed'}"
    assert environ([], how, PATH=path)["PATH"] == (path if stays else "/usr/bin")


def test_a_launcher_without_namespaces_is_its_command(tmp_path: Path) -> None:
    """A script that restricts nothing runs the command with its folder, variables, output and exit code."""
    made = plan(env={"V": "1"}, folder=str(tmp_path), env_unset=["USER"])
    script = {
        **made.script,
        "namespaces": 0,
        "identity": {"how": "host", "uid": 0, "gid": 0, "outer": [0, 0], "subordinate": []},
    }
    words = [
        sys.executable,
        "-c",
        "import os; print(os.getcwd(), os.environ['V'], 'USER' in os.environ); raise SystemExit(3)",
    ]
    ended = subprocess.run([*command_line(script), *words], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (3, f"{tmp_path} 1 False\n", "")
