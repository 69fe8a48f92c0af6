"""Guesses where no rule fits: those that follow from what was refused, and none that would hide what a test is about."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from pytest_envguard.diagnosis.generic import guesses
from pytest_envguard.diagnosis.mechanical import mechanical
from pytest_envguard.model.diagnosis import Diagnosis, Remedy, Setting
from pytest_envguard.model.evidence import NOEXEC, Evidence, Fact, Frame, Overwritten, Raised
from pytest_envguard.model.refusal import Refusal
from pytest_envguard.profiles.catalogue import load_catalogue

CATALOGUE = load_catalogue(None, (3, 12))
OSERROR = ("OSError", "Exception")


def setting(selection: str) -> Setting:
    """Return an environment as a run has it, in which ``fancy`` 1.0 is installed."""
    profile = CATALOGUE.one(selection)
    return Setting(selection, selection, profile.values, lambda name: "1.0" if name == "fancy" else "")


def frames(*libraries: str) -> tuple[Frame, ...]:
    """Return a traceback through libraries, the innermost first, that begins in a test of the project."""
    calls = [Frame(f"{name}.files", f"{name}/files.py:7", "keep") for name in libraries]
    return (*calls, Frame("test_it", "test_it.py:3", "test_it"))


def os_error(error: str, path: str, *libraries: str, **evidence: object) -> Evidence:
    """Return what an OSError with a path leaves behind."""
    number = {"EROFS": 30, "EACCES": 13, "ENOENT": 2, "ENOSPC": 28, "EMFILE": 24}[error]
    raised = Raised("OSError", OSERROR, f"[Errno {number}] no: '{path}'", error, path, frames(*libraries))
    return Evidence((raised,), **evidence)  # type: ignore[arg-type]


def said(kind: str, message: str, *libraries: str, **evidence: object) -> Evidence:
    """Return what an exception without an errno leaves behind."""
    return Evidence((Raised(kind, (kind, "Exception"), message, frames=frames(*libraries)),), **evidence)  # type: ignore[arg-type]


def guessed(
    selection: str,
    evidence: Evidence,
    refusals: Sequence[Refusal] = (),
    looked_up: Sequence[str] = (),
    library: str = "fancy",
) -> list[Remedy]:
    """Return the guesses of a failure that has no more than a mechanical diagnosis."""
    where = setting(selection)
    diagnosis = mechanical(evidence, refusals, where)

    def look_up(place: str) -> Sequence[str]:
        return looked_up if place.startswith(f"{library}/") else ()

    return list(guesses(diagnosis, evidence, refusals, where, look_up))


def titles(remedies: Sequence[Remedy]) -> list[str]:
    """Return the remedies in a few words; all of them are marked as guesses."""
    assert all(remedy.guess for remedy in remedies)
    return [remedy.title for remedy in remedies]


# -- the home folder ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("selection", "error", "path", "variables"),
    [
        ("lambda", "EROFS", "/home/sbx_user1051", ()),
        ("container", "EROFS", "/.cache", ()),
        ("openshift", "EACCES", "/.cache/fancy", ()),
        ("readonly_root", "EROFS", "/home/me/.cache/fancy/a", (("HOME", "/home/me"),)),
        ("systemd", "EROFS", "~/.cache/fancy", ()),
        ("systemd", "EACCES", "/srv/app/~/.cache/fancy", ()),
    ],
)
def test_what_can_t_be_written_in_the_home_gets_another_home(
    selection: str, error: str, path: str, variables: tuple[tuple[str, str], ...]
) -> None:
    """Wherever that is: in passwd, in HOME, or a folder called `~` where there's none."""
    found = titles(guessed(selection, os_error(error, path, "fancy", variables=variables)))

    assert found[0] == "HOME=/tmp"
    assert "XDG_CACHE_HOME=/tmp/.cache" in " ".join(found[1:])


@pytest.mark.parametrize(
    ("path", "second"),
    [
        ("/.config/fancy/x", ["XDG_CONFIG_HOME=/tmp/.config"]),
        ("/.local/share/fancy", ["XDG_DATA_HOME=/tmp/.local/share"]),
        ("/.local/state/fancy", ["XDG_STATE_HOME=/tmp/.local/state"]),
        ("/.fancy", []),
        ("/.cached", []),
    ],
)
def test_the_xdg_variable_of_a_folder_moves_it_alone(path: str, second: list[str]) -> None:
    """What isn't in one of their folders isn't moved by them."""
    assert titles(guessed("container", os_error("EROFS", path, "fancy"))) == ["HOME=/tmp", *second]


def test_in_a_home_of_the_root_folder_only_what_is_hidden_belongs_to_it() -> None:
    """`/wandb` there is a relative path's, or the program's own choice."""
    assert all(not remedy.can_be_tried for remedy in guessed("container", os_error("EROFS", "/wandb", "fancy")))


@pytest.mark.parametrize(
    ("kind", "message", "first"),
    [
        ("RuntimeError", "Could not determine home directory.", "HOME=/tmp"),
        ("ValueError", "could not find a default download directory", "HOME=/tmp"),
        ("KeyError", "'getpwuid(): uid not found: 61184'", "LOGNAME=app USER=app"),
        ("KeyError", "'HOME'", "HOME=/tmp"),
    ],
)
def test_who_asks_for_a_home_or_a_user_gets_one(kind: str, message: str, first: str) -> None:
    """The one that was asked for comes first, the other one is a guess as well."""
    found = titles(guessed("systemd", said(kind, message, "fancy")))

    assert found[0] == first
    assert {"HOME=/tmp", "LOGNAME=app USER=app"} <= set(found)


def test_where_a_home_is_there_already_it_isn_t_offered() -> None:
    """The failure happened with it."""
    evidence = said("RuntimeError", "Could not determine home directory.", "fancy", variables=(("HOME", "/tmp"),))

    assert "HOME=/tmp" not in titles(guessed("systemd", evidence))


@pytest.mark.parametrize(
    ("name", "title"),
    [("USER", "USER=app"), ("TMPDIR", "TMPDIR=/tmp"), ("XDG_DATA_HOME", "XDG_DATA_HOME=/tmp/.local/share")],
)
def test_a_variable_that_is_removed_and_asked_for_is_set(name: str, title: str) -> None:
    """With a value that is usual."""
    assert titles(guessed("lambda", said("KeyError", f"'{name}'"))) == [title]


def test_a_variable_without_a_usual_value_isn_t_made_up() -> None:
    """DISPLAY would be that of a screen which isn't there."""
    assert guessed("lambda", said("KeyError", "'DISPLAY'")) == []


# -- variables of the library ------------------------------------------------------------------------------------------


def test_a_variable_that_the_library_looks_up_comes_first() -> None:
    """It moves what this library keeps, and nothing else."""
    found = guessed("container", os_error("EROFS", "/.cache/fancy", "fancy"), looked_up=["FANCY_CACHE_DIR"])

    assert titles(found)[:2] == ["FANCY_CACHE_DIR=/tmp/fancy", "HOME=/tmp"]
    assert found[0].says == "fancy looks up FANCY_CACHE_DIR"


def test_a_variable_helps_where_a_library_writes_into_its_own_folder() -> None:
    """Nothing else does: the folder is read-only by design."""
    path = "/venv/lib/python3.12/site-packages/fancy/cache"

    assert titles(guessed("lambda", os_error("EROFS", path, "fancy"), looked_up=["FANCY_DIR"])) == [
        "FANCY_DIR=/tmp/fancy"
    ]
    assert guessed("lambda", os_error("EROFS", path, "fancy")) == []


def test_variables_of_the_libraries_around_count_too() -> None:
    """The one that was called may keep to what its caller looked up."""
    evidence = os_error("EROFS", "/data", "fancy", "outer")

    found = guessed("lambda", evidence, looked_up=["OUTER_CACHE_DIR"], library="outer")

    assert titles(found)[0] == "OUTER_CACHE_DIR=/tmp/fancy"


def test_a_variable_that_two_libraries_look_up_is_one_guess() -> None:
    """It doesn't take the place of another."""
    evidence, where = os_error("EROFS", "/data", "fancy", "outer"), setting("lambda")
    looked_up = {
        "fancy/files.py:7": ["A_DIR", "B_DIR", "C_DIR"],
        "outer/files.py:7": ["A_DIR", "B_DIR", "C_DIR", "D_DIR"],
    }

    found = guesses(mechanical(evidence, (), where), evidence, (), where, lambda place: looked_up.get(place, []))

    assert titles(found)[:4] == [f"{letter}_DIR=/tmp/fancy" for letter in "ABCD"]


def test_of_many_variables_the_likely_ones_are_tried() -> None:
    """What is called a cache before what is called a path to include."""
    looked_up = ["FANCY_INCLUDE_PATH", "FANCY_ROOT", "FANCY_LOG_DIR", "FANCY_CACHE_DIR", "FANCY_HOME", "FANCY_X_PATH"]

    found = titles(guessed("lambda", os_error("EROFS", "data", "fancy"), looked_up=looked_up))

    assert found[:4] == [
        "FANCY_CACHE_DIR=/tmp/fancy",
        "FANCY_HOME=/tmp/fancy",
        "FANCY_ROOT=/tmp/fancy",
        "FANCY_X_PATH=/tmp/fancy",
    ]
    assert len([title for title in found if title.startswith("FANCY")]) == 4


def test_a_variable_that_something_overwrites_is_no_guess() -> None:
    """What a user sets there is gone before it's read."""
    overwritten = Overwritten("FANCY_CACHE_DIR", "/site/x", None, "outer", "outer/a.py:1")
    evidence = os_error("EROFS", "/x/y", "fancy", overwritten=(overwritten,))

    assert all(not remedy.set for remedy in guessed("lambda", evidence, looked_up=["FANCY_CACHE_DIR"]))


# -- other places ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("selection", ["lambda", "readonly_root"])
def test_a_write_in_the_working_folder_is_a_matter_of_the_program(selection: str) -> None:
    """No variable moves it."""
    (remedy,) = guessed(selection, os_error("EROFS", "out/result.txt"))

    assert not remedy.can_be_tried
    assert remedy.says == (
        "give the program an absolute path below /tmp instead of out/result.txt, which lies in the working folder"
    )


def test_a_fixed_path_is_a_matter_of_the_program() -> None:
    """So is one elsewhere on the system."""
    (remedy,) = guessed("lambda", os_error("EROFS", "/var/cache/x"))

    assert remedy.title == "let the program write below /tmp instead of /var/cache/x"


def test_what_somebody_may_not_open_may_be_to_read() -> None:
    """EACCES doesn't tell; only what can't be reading is taken for a write."""
    evidence = os_error("EACCES", "/root/secret")

    assert guessed("openshift", evidence, [Refusal("open", "/root/secret", "EACCES", "", "test_it.py:3")]) == []
    assert guessed("openshift", evidence, [Refusal("mkdir", "/root/secret", "EACCES", "", "test_it.py:3")]) != []


def test_tempfile_gets_a_folder_that_is_left() -> None:
    """It looks in /tmp and the working folder only; where nothing is left nothing is offered."""
    text = "[Errno 2] No usable temporary directory found in ['/tmp', '/var/tmp', '/usr/tmp', '/app']"
    evidence = Evidence((Raised("FileNotFoundError", ("FileNotFoundError", "OSError"), text, "ENOENT"),))
    diagnosis = Diagnosis("", dimension="tmp", error="ENOENT")

    with_shm, without = setting("readonly_root:tmp=host:shm=private"), setting("readonly_root:tmp=host")
    assert titles(guesses(diagnosis, evidence, (), with_shm)) == ["TMPDIR=/dev/shm"]
    assert guesses(diagnosis, evidence, (), without) == ()


# -- execution, shared memory, limits ----------------------------------------------------------------------------------


def cannot_load(*facts: Fact) -> Evidence:
    """Return what an extension leaves behind that can't be mapped."""
    return said("ImportError", "/tmp/x/a.so: failed to map segment from shared object", "fancy", facts=facts)


def test_what_can_t_be_loaded_from_tmp_goes_where_it_can() -> None:
    """The library's own variable before TMPDIR."""
    found = guessed("noexec_tmp", cannot_load(Fact(NOEXEC, "/tmp")), looked_up=["FANCY_CACHE_DIR"])

    assert titles(found) == ["FANCY_CACHE_DIR=/var/tmp/fancy", "TMPDIR=/var/tmp"]


def test_where_no_folder_allows_execution_it_says_so() -> None:
    """A variable would be tried in vain."""
    (remedy,) = guessed("container", cannot_load(Fact(NOEXEC, "/tmp")), looked_up=["FANCY_CACHE_DIR"])

    assert not remedy.can_be_tried
    assert "container has no folder that can be both written to and executed from" in remedy.says


def test_the_same_text_without_noexec_is_another_cause() -> None:
    """A limit of memory, or a filter of system calls."""
    assert guessed("container", cannot_load()) == []


def test_without_shared_memory_there_are_threads() -> None:
    """No variable brings /dev/shm back."""
    frame = Frame("multiprocessing.synchronize", "/usr/lib/python3.12/multiprocessing/synchronize.py:57", "__init__")
    raised = Raised(
        "FileNotFoundError", ("FileNotFoundError", "OSError"), "[Errno 2] No such file", "ENOENT", "", (frame,)
    )

    (remedy,) = guessed("lambda", Evidence((raised,)))

    assert not remedy.can_be_tried and "threads" in remedy.says and "Pipe" in remedy.says


@pytest.mark.parametrize(
    ("selection", "evidence", "words"),
    [
        ("lambda", os_error("ENOSPC", "/tmp/big"), ["512 MiB", "EphemeralStorage"]),
        ("readonly_root", os_error("ENOSPC", "/tmp/big"), ["512 MiB"]),
        ("container", os_error("ENOSPC", "/dev/shm/x"), ["/dev/shm larger", "64 MiB"]),
        ("lambda", os_error("EMFILE", "/tmp/x"), ["close files", "1024"]),
    ],
)
def test_a_limit_is_named(selection: str, evidence: Evidence, words: list[str]) -> None:
    """It's advice: only the deployment can raise it."""
    (remedy,) = guessed(selection, evidence)

    assert not remedy.can_be_tried
    assert all(word in remedy.says for word in words)
    assert "EphemeralStorage" in words or "EphemeralStorage" not in remedy.says


# -- the network -------------------------------------------------------------------------------------------------------


def unreachable(*libraries: str) -> Evidence:
    """Return what a connection leaves behind that finds no network."""
    raised = Raised("OSError", OSERROR, "[Errno 101] Network is unreachable", "ENETUNREACH", "", frames(*libraries))
    return Evidence((raised,))


def test_a_hub_s_library_is_told_to_stay_offline() -> None:
    """It only helps with a filled cache: which is the next guess, with the switches."""
    found = guessed("offline", unreachable("huggingface_hub", "transformers"))

    assert titles(found) == [
        "HF_HUB_OFFLINE=1 TRANSFORMERS_OFFLINE=1",
        "HF_HUB_OFFLINE=1 TRANSFORMERS_OFFLINE=1 a filled HF_HOME",
    ]
    assert found[1].seed is not None and found[1].seed.sources == ("$HF_HOME", "~/.cache/huggingface")


def test_offline_switches_are_for_those_who_know_them() -> None:
    """A connection of the program itself isn't helped by a library's variable."""
    assert guessed("offline", unreachable("fancy")) == []
    assert guessed("offline", unreachable()) == []


def test_a_folder_that_a_library_looks_for_may_be_filled_before() -> None:
    """One that isn't called like a folder of data isn't."""
    found = guessed("offline", unreachable("fancy"), looked_up=["FANCY_DATA", "FANCY_LOG_DIR"])

    assert titles(found) == ["a filled FANCY_DATA"]


def test_where_the_network_is_open_it_isn_t_to_blame() -> None:
    """The machine that runs the tests may have none."""
    assert guessed("lambda", unreachable("huggingface_hub")) == []


# -- no guesses --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("selection", ["lambda", "container", "offline", "systemd", "noexec_tmp", "openshift"])
@pytest.mark.parametrize(
    "evidence",
    [
        said("AssertionError", "assert 1 == 2", "fancy"),
        said("AssertionError", "assert 'read-only file system' in ''", "fancy"),
        said("ValueError", "bad value", "fancy"),
        said("Failed", "DID NOT RAISE <class 'OSError'>"),
        said("KeyError", "'price'"),
        os_error("ENOENT", "/data/input.csv", "fancy"),
        Evidence(),
    ],
)
def test_what_has_nothing_to_do_with_the_environment_gets_no_guess(selection: str, evidence: Evidence) -> None:
    """Not even with a variable that its library looks up."""
    assert guessed(selection, evidence, looked_up=["FANCY_CACHE_DIR"]) == []


def test_an_assertion_after_somebody_else_s_lost_write_gets_no_guess() -> None:
    """A library that the test doesn't use swallowed it."""
    lost = Refusal("open", "/home/sbx_user1051/.cache/other", "EROFS", "other", "other/cache.py:9", phase="call")

    assert guessed("lambda", said("AssertionError", "assert 1 == 2", "fancy"), [lost]) == []


def test_an_assertion_after_its_own_library_s_lost_write_does() -> None:
    """It's the likely cause, if not a certain one."""
    lost = Refusal("open", "/home/sbx_user1051/.cache/fancy", "EROFS", "fancy", "fancy/files.py:7", phase="call")

    assert titles(guessed("lambda", said("AssertionError", "assert 1 == 2", "fancy"), [lost]))[0] == "HOME=/tmp"


def test_a_silent_loss_gets_variables_and_no_advice() -> None:
    """Nothing failed: nobody has to change a program for it."""
    where = setting("container")

    def diagnosis(path: str) -> Diagnosis:
        return Diagnosis("", "fancy", dimension="root", place="fancy/files.py:7", target=path, error="EROFS")

    assert titles(guesses(diagnosis("/.cache/fancy"), Evidence(), (), where))[0] == "HOME=/tmp"
    assert guesses(diagnosis("/var/cache/fancy"), Evidence(), (), where) == ()


def test_where_a_rule_advises_there_is_no_other_advice() -> None:
    """What can be tried is guessed nevertheless."""
    evidence = os_error("EROFS", "/.cache/fancy", "fancy")
    by_rule = Diagnosis("", "fancy", rule="fancy/x", dimension="root", target="/.cache/fancy", error="EROFS")

    assert titles(guesses(by_rule, evidence, (), setting("container")))[0] == "HOME=/tmp"
    assert guesses(by_rule._replace(target="/data"), evidence, (), setting("container")) == ()


def test_without_a_folder_to_write_in_nothing_is_guessed() -> None:
    """There's no place for a home or a cache."""
    evidence = os_error("EROFS", "/home/me/.cache/x", "fancy", variables=(("HOME", "/home/me"),))

    assert guessed("readonly_root:tmp=host", evidence, looked_up=["FANCY_CACHE_DIR"]) == []
