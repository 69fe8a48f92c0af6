"""What a rule's remedy is in an environment, and where it doesn't hold."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pytest_envguard.diagnosis.remedies import (
    executable_folder,
    holds,
    home_folder,
    resolve,
    version_fits,
    writable_folder,
)
from pytest_envguard.diagnosis.rules import Conditions, Offer
from pytest_envguard.model.diagnosis import Remedy, Seed, Setting
from pytest_envguard.model.evidence import NOEXEC, SECCOMP, Evidence, Fact
from pytest_envguard.profiles.catalogue import load_catalogue

CATALOGUE = load_catalogue(None, (3, 12))
NOTHING = Evidence()


def setting(selection: str, **versions: str) -> Setting:
    """Return an environment as a run has it, with these versions installed in it."""
    profile = CATALOGUE.one(selection)
    return Setting(selection, profile.name, profile.values, lambda name: versions.get(name.replace("-", "_"), ""))


def variables(**values: str) -> Evidence:
    """Return the evidence of a failure in a process with these variables."""
    return Evidence(variables=tuple(values.items()))


@pytest.mark.parametrize(
    ("selection", "writable", "executable"),
    [
        ("host", "/tmp", "/tmp"),
        ("lambda", "/tmp", "/tmp"),
        ("systemd", "/tmp", "/tmp"),
        ("openshift", "/tmp", "/tmp"),
        ("container", "/tmp", ""),
        ("container:shm_exec=true", "/tmp", "/dev/shm"),
        ("container:writable=/data", "/tmp", "/data"),
        ("kubernetes:tmp_exec=false", "/tmp", ""),
        ("openshift:tmp_exec=false", "/tmp", "/var/tmp"),
        ("noexec_tmp", "/tmp", "/var/tmp"),
        ("noexec_tmp:hidden=/var", "/tmp", "/dev/shm"),
        ("readonly_root:tmp=host", "", ""),
        ("readonly_root:tmp=host:shm=private", "/dev/shm", ""),
        ("readonly_root:tmp=host:writable=/data", "/data", "/data"),
        ("lambda:tmp_mode=0755", "", ""),
        ("readonly_root:tmp_mode=0755", "/tmp", "/tmp"),
        ("lambda:hidden=/tmp", "", ""),
        ("lambda:hidden=/tmp/x", "/tmp", "/tmp"),
        ("readonly_root:shm=host:tmp=host", "", ""),
    ],
)
def test_folders_are_those_that_the_environment_leaves(selection: str, writable: str, executable: str) -> None:
    """A read-only root takes all of the machine's own folders; a private /dev/shm is noexec unless it says otherwise."""
    assert writable_folder(setting(selection)) == writable
    assert executable_folder(setting(selection)) == executable


@pytest.mark.parametrize(
    ("selection", "variable", "home"),
    [
        ("host", None, ""),
        ("host", "/home/me", "/home/me"),
        ("lambda", None, "/home/sbx_user1051"),
        ("lambda", "/tmp", "/tmp"),
        ("container", None, "/"),
        ("systemd", None, ""),
    ],
)
def test_a_home_is_the_variable_or_what_passwd_says(selection: str, variable: str | None, home: str) -> None:
    """As `os.path.expanduser` finds it; nobody knows the host's without evidence."""
    evidence = NOTHING if variable is None else variables(HOME=variable)

    assert home_folder(setting(selection), evidence) == home


def test_placeholders_are_folders_of_the_environment() -> None:
    """In values, in what it says and in the command of a seed; other braces stay as they are."""
    seed = Seed("HF_HOME", ("{home}/hf", "{site}/hf"), command="cp -r {home}/hf DIR")
    written = Remedy("it caches in {tmp}", {"A": "{tmp}/a", "B": "{exec}", "C": '{"x": "{tmp"}'}, seed=seed)

    found = resolve(Offer(written), setting("lambda"), NOTHING)

    assert found is not None
    assert found.says == "it caches in /tmp"
    assert found.set == {"A": "/tmp/a", "B": "/tmp", "C": '{"x": "{tmp"}'}
    assert found.seed == Seed(
        "HF_HOME", ("/home/sbx_user1051/hf", "{site}/hf"), command="cp -r /home/sbx_user1051/hf DIR"
    )


@pytest.mark.parametrize(
    ("value", "selection"),
    [("{exec}/x", "container"), ("{tmp}/x", "readonly_root:tmp=host"), ("{home}/x", "systemd")],
)
def test_where_there_is_no_such_folder_nothing_is_offered(value: str, selection: str) -> None:
    """A remedy with a folder that isn't there would be tried in vain."""
    assert resolve(Offer(Remedy(set={"X": value})), setting(selection), NOTHING) is None
    assert resolve(Offer(Remedy(set={"X": "1"})), setting(selection), NOTHING) == Remedy(set={"X": "1"})


def test_a_home_that_is_the_root_makes_no_double_slash() -> None:
    """POSIX leaves to the system what a path with two slashes means."""
    found = resolve(
        Offer(Remedy(set={"X": "{home}/.cache", "Y": "sqlite:///{tmp}/m.db"})), setting("container"), NOTHING
    )

    assert found is not None and found.set == {"X": "/.cache", "Y": "sqlite:////tmp/m.db"}


@pytest.mark.parametrize(
    ("when", "true_in"),
    [
        (Conditions(), {"lambda", "offline", "container"}),
        (Conditions(network=("open",)), {"lambda"}),
        (Conditions(network=("none", "drop")), {"offline", "container"}),
        (Conditions(unset=("HOME",)), {"lambda", "offline"}),
        (Conditions(set={"HOME": re.compile("^/$")}), {"container"}),
        (Conditions(set={"AWS_REGION": re.compile("")}), {"lambda"}),
        (Conditions(set={"AWS_REGION": re.compile("eu")}), set()),
        (Conditions(unset=("HOME", "AWS_REGION")), {"offline"}),
    ],
)
def test_a_condition_is_about_the_environment(when: Conditions, true_in: set[str]) -> None:
    """Its network and variables; the profile's own count where no evidence has them."""
    offer = Offer(Remedy(set={"X": "1"}), when)

    assert {name for name in ("lambda", "offline", "container") if resolve(offer, setting(name), NOTHING)} == true_in


def test_variables_of_the_process_count_before_the_profile_s() -> None:
    """What was set when it failed is what a remedy has to deal with."""
    unset, is_set = Conditions(unset=("HF_HOME",)), Conditions(set={"AWS_REGION": re.compile("eu")})
    evidence = variables(HF_HOME="/opt/hf", AWS_REGION="eu-1")

    assert not holds(unset, setting("lambda"), evidence) and holds(unset, setting("lambda"), variables(HOME="/x"))
    assert holds(is_set, setting("lambda"), evidence)


def test_facts_are_those_that_were_measured() -> None:
    """All that are asked for, none that must not be."""
    measured = Evidence(facts=(Fact(NOEXEC, "/tmp"), Fact(SECCOMP, "")))

    assert holds(Conditions(facts=(NOEXEC, SECCOMP)), setting("container"), measured)
    assert not holds(Conditions(facts=(NOEXEC,)), setting("container"), NOTHING)
    assert not holds(Conditions(without_facts=(SECCOMP,)), setting("container"), measured)
    assert holds(Conditions(without_facts=(SECCOMP,)), setting("container"), NOTHING)


def test_versions_are_the_library_s() -> None:
    """One that nobody knows fits; a pre-release counts as what it comes before."""
    offer = Offer(Remedy(set={"X": "1"}), versions=">=1.40.9,<2")

    def offered(version: str) -> bool:
        return resolve(offer, setting("lambda", litellm=version), NOTHING, "litellm") is not None

    assert offered("1.53.9") and offered("") and offered("1.54.0rc1") and offered("fork of today")
    assert not offered("1.40.8") and not offered("1.40.9rc1") and not offered("2.1")


@pytest.mark.parametrize(
    ("version", "specifier", "fits"),
    [("1.0", "", True), ("", ">=2", True), ("1.0", ">=2", False), ("2.0+cpu", "==2.0", True), ("2.1", "!=2.1", False)],
)
def test_a_version_fits_its_specifier(version: str, specifier: str, fits: bool) -> None:
    """As installers read it."""
    assert version_fits(version, specifier) is fits


def test_what_a_remedy_requires_must_be_known_to_be_installed() -> None:
    """Unlike the library's own version: a remedy can't rest on what may not be there."""
    when = Conditions(requires={"tiktoken": ">=0.6"})

    assert holds(when, setting("lambda", tiktoken="0.7.0"), NOTHING)
    assert not holds(when, setting("lambda", tiktoken="0.5.2"), NOTHING)
    assert not holds(when, setting("lambda"), NOTHING)
    assert not holds(Conditions(requires={"dill": ""}), setting("lambda"), NOTHING)
    assert holds(Conditions(requires={"dill": ""}), setting("lambda", dill="0.4"), NOTHING)


def test_what_is_so_already_is_no_remedy() -> None:
    """The failure happened with it."""
    offer = Offer(Remedy(set={"HF_HOME": "{tmp}/hf"}))

    assert resolve(offer, setting("lambda"), variables(HF_HOME="/tmp/hf")) is None
    assert resolve(offer, setting("lambda"), variables(HF_HOME="/opt/hf")) == Remedy(set={"HF_HOME": "/tmp/hf"})
    seeded = Offer(Remedy(set={"HF_HOME": "/tmp/hf"}, seed=Seed("HF_HOME")))
    assert resolve(seeded, setting("lambda"), variables(HF_HOME="/tmp/hf")) is not None


def test_an_upgrade_is_offered_to_versions_that_lack_it() -> None:
    """One that is installed already would be installed again; where nobody knows it's offered."""
    offer = Offer(Remedy(upgrade="litellm>=1.40.9"))

    assert resolve(offer, setting("lambda", litellm="1.40.8"), NOTHING) == Remedy(upgrade="litellm>=1.40.9")
    assert resolve(offer, setting("lambda"), NOTHING) is not None
    assert resolve(offer, setting("lambda", litellm="1.53.9"), NOTHING) is None


def test_advice_holds_wherever_its_conditions_do() -> None:
    """It has nothing that could be so already."""
    offer = Offer(Remedy("use Pipe and Process"), Conditions(network=("open",)))

    assert resolve(offer, setting("lambda"), NOTHING) == Remedy("use Pipe and Process")
    assert resolve(offer, setting("offline"), NOTHING) is None


@pytest.mark.parametrize("profile", ["lambda", "container", "systemd", "noexec_tmp", "openshift", "readonly_root"])
def test_the_kernel_agrees_about_the_folders(profile: str, tmp_path: Path) -> None:
    """What is said to be writable and executable is, in the environment itself."""
    import subprocess
    import sys

    where = setting(profile)
    writable, executable = writable_folder(where), executable_folder(where)
    script = "\n".join(
        f"printf '#!/bin/sh\\necho {folder}' > {folder}/$$.sh && chmod +x {folder}/$$.sh && {run} {folder}/$$.sh; rm {folder}/$$.sh"
        for folder, run in ((writable, "sh"), (executable, ""))
        if folder
    )
    command = [sys.executable, "-m", "pytest_envguard", "run", profile, "--", "sh", "-c", script]

    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)

    if done.returncode == 4:
        pytest.skip(done.stderr.strip().splitlines()[-1])
    assert done.stdout.split() == [folder for folder in (writable, executable) if folder], done.stderr
