"""Where default places are in an environment: the same words as the kernel's."""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from pytest_envguard.diagnosis.places import AS_HERE, Machine, resolved, verdict, write_error
from pytest_envguard.diagnosis.rules import CONTACTS, LOADS, READS, WRITES, Use
from pytest_envguard.linux import abilities as facility
from pytest_envguard.model.diagnosis import Setting
from pytest_envguard.profiles import load_catalogue
from pytest_envguard.survey import survey_abilities
from tests.unit.surroundings import profile

SITE = "/venv/site-packages"
HERE = "/home/me/project"
MACHINE = Machine("/home/me", SITE, HERE)


def shipped(name: str) -> Setting:
    """Return a shipped profile as diagnosis sees it."""
    return Setting(name, name, load_catalogue(None, (3, 12)).one(name).values)


def setting(**values: object) -> Setting:
    """Return an environment with these dimensions."""
    return Setting("edge", "edge", profile(**values).values)


def use(kind: str, where: str) -> Use:
    """Return something that a library uses."""
    return Use(kind, "a cache", "import", where, (), "", True, "", "", "")


@pytest.mark.parametrize(
    ("environment", "where", "place"),
    [
        ("lambda", "{home}/.cache/hf", "/home/sbx_user1051/.cache/hf"),
        ("container", "{home}/.cache/hf", "/.cache/hf"),
        ("systemd", "{home}/.cache/hf", ""),
        ("offline", "{home}/.cache/hf", "/home/me/.cache/hf"),
        ("lambda", "{tmp}/x", "/tmp/x"),
        ("lambda", "{site}/litellm", f"{SITE}/litellm"),
        ("lambda", "{cwd}/chroma", f"{HERE}/chroma"),
        ("lambda", "huggingface.co", "huggingface.co"),
    ],
)
def test_placeholders_are_the_environment_s_folders(environment: str, where: str, place: str) -> None:
    """Its HOME or its user's home folder, its temporary folder and its working folder."""
    assert resolved(where, shipped(environment), MACHINE) == place


def test_an_environment_with_a_folder_of_its_own() -> None:
    """It is what a relative path begins at."""
    assert resolved("{cwd}/chroma", setting(folder="/var/task"), MACHINE) == "/var/task/chroma"


def test_a_machine_without_home() -> None:
    """No default place below it can be told."""
    assert resolved("{home}/.cache", setting(root="read-only"), Machine("", SITE, HERE)) == ""


@pytest.mark.parametrize(
    ("own", "path", "error"),
    [
        ({}, "/home/me/.cache", AS_HERE),
        ({"network": "none"}, "/home/me/.cache", AS_HERE),
        ({"root": "read-only"}, "/home/me/.cache", "EROFS"),
        ({"root": "read-only"}, "/tmp/x", "EROFS"),
        ({"root": "read-only", "tmp": "private"}, "/tmp/x", ""),
        ({"root": "read-only", "tmp": "private"}, "/tmpfiles", "EROFS"),
        ({"root": "read-only", "tmp": "private", "tmp_mode": "0755", "uid": 1000}, "/tmp/x", "EACCES"),
        ({"root": "read-only", "tmp": "private", "tmp_mode": "0755"}, "/tmp/x", ""),
        ({"root": "read-only", "writable": ["/data"], "uid": 1000}, "/data/x", ""),
        ({"root": "read-only", "shm": "private"}, "/dev/shm/x", ""),
        ({"root": "read-only", "shm": "absent"}, "/dev/shm/x", "ENOENT"),
        ({"uid": 1000}, "/home/me/.cache", "EACCES"),
        ({"uid": 0}, "/home/me/.cache", AS_HERE),
        ({"uid": 1000}, "/var/tmp/x", AS_HERE),
        ({"hidden": ["/home"]}, "/home/me", "EACCES"),
    ],
)
def test_whether_a_file_can_be_made(own: dict[str, object], path: str, error: str) -> None:
    """By the innermost mount, and by who owns what."""
    assert write_error(path, setting(**own)) == error


@pytest.mark.parametrize(
    ("kind", "where", "environment", "words"),
    [
        (WRITES, "{home}/.cache/hf", "lambda", "not writable (EROFS)"),
        (WRITES, "{tmp}/x", "lambda", "writable"),
        (WRITES, "{home}/.cache/hf", "systemd", "no home folder is known in systemd"),
        (WRITES, "{home}/.cache/hf", "offline", AS_HERE),
        (WRITES, "{site}/x", "offline", AS_HERE),
        (WRITES, "{site}/x, then {tmp}/x", "lambda", ""),
        (READS, "{site}/x", "lambda", ""),
        (LOADS, "{tmp}/x.so", "container", "not executable (noexec)"),
        (LOADS, "/dev/shm/x.so", "container", "not executable (noexec)"),
        (LOADS, "{tmp}/x.so", "lambda", ""),
        (LOADS, "{site}/x.so", "container", ""),
        (CONTACTS, "huggingface.co", "lambda", ""),
        (CONTACTS, "huggingface.co", "container", "not reachable (ENETUNREACH)"),
        (CONTACTS, "huggingface.co", "offline-drop", "not reachable (it hangs)"),
        (CONTACTS, "huggingface.co", "offline-refuse", "not reachable (ECONNREFUSED)"),
        (CONTACTS, "huggingface.co", "offline-nxdomain", "not reachable (no host name exists)"),
    ],
)
def test_what_comes_of_using_it(kind: str, where: str, environment: str, words: str) -> None:
    """Nothing is said where nothing is known, and of what only this machine decides."""
    around = shipped(environment)
    assert verdict(use(kind, where), resolved(where, around, MACHINE), around) == words


TRY = """
import errno, json, os, sys
answers = {}
for path in json.loads(sys.argv[1]):
    try:
        os.makedirs(path + "/below")
        answers[path] = ""
    except OSError as error:
        answers[path] = errno.errorcode[error.errno]
print(json.dumps(answers))
"""


@pytest.mark.parametrize("name", ["lambda", "container", "kubernetes", "systemd", "readonly_root"])
def test_the_kernel_says_the_same(name: str, tmp_path: Path) -> None:
    """Each place that can be made or not, made in the real environment."""
    facilities = survey_abilities().facilities
    if not all(facilities[one].works for one in (facility.USER, facility.MOUNT, facility.TMPFS, facility.READ_ONLY)):
        pytest.skip("no namespaces here")
    site = sysconfig.get_path("purelib")
    paths = [f"/envguard-{tmp_path.name}", "/home/envguard/x", f"{site}/envguard-x", "/tmp/envguard-x"]
    words = ["run", "-q", name, "--", sys.executable, "-c", TRY, json.dumps(paths)]
    ended = subprocess.run(
        [sys.executable, "-m", "pytest_envguard", *words], capture_output=True, text=True, check=True, timeout=60
    )
    assert json.loads(ended.stdout) == {path: write_error(path, shipped(name)) for path in paths}
