"""Many failures, few causes: what has the same reason is told once, with all tests and environments."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

from pytest_envguard.diagnosis.causes import Failure, find_causes
from pytest_envguard.diagnosis.rules import Offer
from pytest_envguard.model.diagnosis import Cause, Remedy, Setting
from pytest_envguard.model.evidence import Evidence
from pytest_envguard.model.refusal import Refusal
from tests.unit.diagnosis.failures import (
    Known,
    conditions,
    evidence,
    library,
    os_error,
    raised,
    refusal,
    rule,
    setting,
)

LAMBDA, CONTAINER, OFFLINE = setting("lambda", "lambda", litellm="1.53.9"), setting("container"), setting("offline")
WRITE = refusal("open", "/v/litellm/tokenizers/9b5a", "EROFS", "tiktoken", "tiktoken/load.py:78")
EROFS = evidence(os_error("EROFS", WRITE.target, "tiktoken/load.py:78"))
UNREACHABLE = evidence(os_error("ENETUNREACH", "", "socket.py:1"))
CACHE = rule(
    "cache",
    "root",
    conditions(by="tiktoken", error="EROFS"),
    says="litellm {version} makes tiktoken write {target} in {environment}; {because}",
    offers=(
        Offer(Remedy(set={"CUSTOM_TIKTOKEN_CACHE_DIR": "{tmp}/tiktoken"}), when=conditions(network="open")),
        Offer(Remedy(says="fill it"), when=conditions(network=("none", "drop"))),
    ),
    measure="import litellm",
)
LITELLM = library("litellm", CACHE, modules=("litellm", "tiktoken"))


class Loss(NamedTuple):
    """As a summary has it."""

    environments: tuple[str, ...]
    refusal: Refusal
    nodeids: tuple[str, ...]


def causes(
    failures: list[Failure], losses: list[Loss] | None = None, *libraries: Any, settings: list[Setting] | None = None
) -> list[Cause]:
    """Return what is found, with litellm's rule if no libraries are named."""
    known = {one.name: one for one in settings or [LAMBDA, CONTAINER, OFFLINE]}
    return find_causes(failures, losses or [], Known(*(libraries or (LITELLM,))), known)  # type: ignore[arg-type]


def failure(
    environment: str, nodeid: str, left: Evidence | None = EROFS, refusals: tuple[Refusal, ...] = (WRITE,), **more: Any
) -> Failure:
    """Return a test that failed."""
    return Failure(environment, nodeid, left, refusals, **more)


def test_the_same_rule_is_one_cause_with_all_its_environments_in_words() -> None:
    """In all tests; its text names the environments together, and files of the first test."""
    other = WRITE._replace(target="/v/litellm/tokenizers/fb37")
    again = evidence(os_error("EROFS", other.target, "tiktoken/load.py:78"))
    (cause,) = causes(
        [
            failure("lambda", "a"),
            failure("lambda", "b", again, (other,)),
            failure("container", "a"),
            failure("container", "c"),
        ]
    )
    assert cause.diagnosis.text == (
        "litellm 1.53.9 makes tiktoken write /v/litellm/tokenizers/9b5a in lambda and container; "
        "the root is read-only in lambda and container"
    )
    assert cause.where == {"lambda": ("a", "b"), "container": ("a", "c")}
    assert cause.tests == ("a", "b", "c")
    diagnosis = cause.diagnosis
    assert (diagnosis.rule, diagnosis.library, diagnosis.version) == ("litellm/cache", "litellm", "1.53.9")
    assert (diagnosis.dimension, diagnosis.error, diagnosis.place) == ("root", "EROFS", "tiktoken/load.py:78")
    assert (diagnosis.certain, diagnosis.measure, cause.silent) == (True, "import litellm", False)


def test_remedies_of_all_environments_are_offered() -> None:
    """Each once; where an environment has nothing that can be tried, guesses are added."""
    (cause,) = causes([failure("lambda", "a"), failure("lambda", "b"), failure("container", "a")])
    titles = [(remedy.title, remedy.guess) for remedy in cause.diagnosis.remedies]
    assert titles[:2] == [("CUSTOM_TIKTOKEN_CACHE_DIR=/tmp/tiktoken", False), ("fill it", False)]
    assert len(titles) == len(set(titles))
    (cause,) = causes([failure("lambda", "a")])
    assert [remedy.title for remedy in cause.diagnosis.remedies] == ["CUSTOM_TIKTOKEN_CACHE_DIR=/tmp/tiktoken"]


def test_cells_of_a_version_matrix_are_one_environment_in_words() -> None:
    """All versions are named, and the profile once."""
    cells = [setting("lambda", f"lambda {version}", litellm=version) for version in ("1.53.9", "1.60.8")]
    (cause,) = causes([failure(one.name, "a") for one in cells], settings=cells)
    assert cause.diagnosis.text.startswith("litellm 1.53.9/1.60.8 makes tiktoken write ")
    assert cause.diagnosis.text.endswith(" in lambda; the root is read-only in lambda")
    assert list(cause.where) == ["lambda 1.53.9", "lambda 1.60.8"]


def test_the_cause_of_most_tests_comes_first_and_silent_ones_last() -> None:
    """Of equals the one that was seen first."""
    lost = Loss(("lambda",), refusal("mkdir", "/home/u", "EROFS", "mpl", "mpl/a.py:1"), ("a", "b", "c", "d"))
    silent = library("mpl", rule("config", "root", conditions(by="mpl"), silent=True))
    found = causes(
        [
            failure("lambda", "a"),
            failure("offline", "b", UNREACHABLE, ()),
            failure("offline", "c", UNREACHABLE, ()),
            failure("lambda", "d", evidence(os_error("EMFILE", "")), ()),
        ],
        [lost],
        LITELLM,
        silent,
    )
    assert [(cause.diagnosis.dimension, cause.silent) for cause in found] == [
        ("network", False),
        ("root", False),
        ("open_files", False),
        ("root", True),
    ]
    assert found[-1].where == {"lambda": ("a", "b", "c", "d")}


def test_without_a_rule_the_same_folder_line_and_errno_are_one_cause() -> None:
    """Whatever the file's name; another line or errno is another cause."""
    failures = []
    for number in range(3):
        target = f"/home/sbx_user1051/cache/{number}"
        write = refusal("open", target, "EROFS", "lib", "lib/a.py:1")
        failures.append(failure("lambda", f"a{number}", evidence(os_error("EROFS", target, "lib/a.py:1")), (write,)))
    elsewhere = refusal("open", "/home/sbx_user1051/cache/0", "EROFS", "lib", "lib/b.py:2")
    failures.append(failure("lambda", "b", evidence(os_error("EROFS", elsewhere.target, "lib/b.py:2")), (elsewhere,)))
    found = causes(failures)
    assert [len(cause.tests) for cause in found] == [3, 1]
    assert all(cause.diagnosis.rule == "" for cause in found)
    assert all(remedy.guess for cause in found for remedy in cause.diagnosis.remedies)


def test_the_same_line_is_one_cause_whatever_the_folder() -> None:
    """That of the user is another one in each environment."""
    failures = []
    for environment, home in (("lambda", "/home/sbx_user1051"), ("container", "/")):
        write = refusal("mkdir", f"{home}/.fancy", "EROFS", "lib", "lib/a.py:1")
        failures.append(failure(environment, "a", evidence(os_error("EROFS", write.target, "lib/a.py:1")), (write,)))
    (cause,) = causes(failures)
    assert set(cause.where) == {"lambda", "container"}


def test_what_nothing_is_known_of_is_told_apart_by_what_it_says() -> None:
    """It fails in a function that several tests call; numbers, addresses and paths don't count."""
    said = ["no user 12 in /etc/a", "no user 7 in /srv", "another matter"]
    failures = [failure("lambda", text, evidence(raised("ValueError", text)), ()) for text in said]
    assert [cause.tests for cause in causes(failures)] == [(said[0], said[1]), (said[2],)]


def test_what_lies_in_the_home_is_another_cause_of_the_same_rule() -> None:
    """Another home helps it and nothing else; the rule's own remedy goes first."""
    written = []
    for target in ("/home/sbx_user1051/.cache/litellm", "/srv/litellm"):
        write = refusal("open", target, "EROFS", "tiktoken", "tiktoken/load.py:78")
        failed = evidence(os_error("EROFS", target, "tiktoken/load.py:78"))
        written.append(failure("lambda", target, failed, (write,)))
    home, elsewhere = causes(written)
    assert [remedy.title for remedy in elsewhere.diagnosis.remedies] == ["CUSTOM_TIKTOKEN_CACHE_DIR=/tmp/tiktoken"]
    titles = [remedy.title for remedy in home.diagnosis.remedies]
    assert titles[:2] == ["CUSTOM_TIKTOKEN_CACHE_DIR=/tmp/tiktoken", "HOME=/tmp"]


def test_each_environment_has_remedies_of_its_own() -> None:
    """What one has, such as a network, another hasn't."""
    (cause,) = causes([failure("lambda", "a"), failure("container", "a")])
    offered = {name: [remedy.title for remedy in cause.offered(name)] for name in ("lambda", "container")}
    assert "CUSTOM_TIKTOKEN_CACHE_DIR=/tmp/tiktoken" in offered["lambda"]
    assert "CUSTOM_TIKTOKEN_CACHE_DIR=/tmp/tiktoken" not in offered["container"]
    assert "fill it" in offered["container"]
    assert cause._replace(remedies={}).offered("lambda") == cause.diagnosis.remedies


def test_a_library_is_named_for_what_it_called_of_the_standard_library() -> None:
    """Whose rule says why; the project is not named so."""
    home = rule("no-home", "home", conditions(message="home directory"), says="pathlib can't tell it; {because}")
    python = library("python", home, modules=("pathlib",))
    where = setting("lambda", "lambda", fancy="2.0")
    asked = raised("RuntimeError", "Could not determine home directory.", "pathlib.py:1", "fancy/paths.py:7")
    (cause,) = causes([failure("lambda", "a", evidence(asked), ())], None, python, settings=[where])
    assert (cause.diagnosis.library, cause.diagnosis.version, cause.diagnosis.rule) == (
        "fancy",
        "2.0",
        "python/no-home",
    )
    assert cause.diagnosis.text.startswith("fancy 2.0 (fancy/paths.py:7): pathlib can't tell it; ")
    own = raised("RuntimeError", "Could not determine home directory.", "pathlib.py:1")
    (cause,) = causes([failure("lambda", "a", evidence(own), ())], None, python, settings=[where])
    assert cause.diagnosis.library == "python"


SCRIPT = """
def test_a():
    assert os.environ.get("USER")

def test_b():
    assert os.getuid() == 0
"""


@pytest.mark.parametrize(
    ("line", "dimension", "remedies"), [(3, "env", ["USER=app"]), (6, "uid", [])], ids=["variable", "uid"]
)
def test_what_the_failing_code_asks_for_is_likely(
    line: int, dimension: str, remedies: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing was refused, and the assertion tells nothing."""
    monkeypatch.delenv("USER", raising=False)  # the value here would be offered
    vague = raised("AssertionError", "assert False")
    there = vague._replace(frames=(vague.frames[-1]._replace(place=f"tests/test_it.py:{line}"),))
    source = {"tests/test_it.py": SCRIPT}
    (cause,) = find_causes(
        [failure("lambda", "a", evidence(there), ())],
        [],
        Known(),  # type: ignore[arg-type]
        {"lambda": LAMBDA},
        source=lambda file: source.get(file, ""),
    )
    assert (cause.diagnosis.dimension, cause.diagnosis.certain) == (dimension, False)
    assert [remedy.title for remedy in cause.diagnosis.remedies] == remedies


def test_programs_are_told_apart() -> None:
    """Two that were refused in the same folder are two causes: they have no line that would tell."""
    both = []
    for command in ("cp a b", "tar cf b"):
        away = refusal("open", "/p/b", "EROFS", process=command)
        ended = raised("subprocess.CalledProcessError", f"Command {command.split()} returned non-zero exit status 1.")
        both.append(failure("lambda", command, evidence(ended), (away,)))
    assert [cause.tests for cause in causes(both)] == [("cp a b",), ("tar cf b",)]


def test_certain_and_likely_are_never_one_cause() -> None:
    """What is tied to one test says nothing about another one that merely looks like it."""
    vague = evidence(raised("AssertionError", "assert 1 == 2"), mentions=("tiktoken",))
    found = causes([failure("lambda", "a"), failure("lambda", "b", vague)])
    assert [(cause.diagnosis.certain, cause.tests) for cause in found] == [(True, ("a",)), (False, ("b",))]


def test_what_is_certain_without_a_rule_goes_before_a_rule_that_is_only_likely() -> None:
    """A missing HOME explains a KeyError better than a refusal somewhere."""
    asked = evidence(raised("KeyError", "'HOME'"), mentions=("tiktoken",))
    (cause,) = causes([failure("lambda", "a", asked)])
    assert (cause.diagnosis.rule, cause.diagnosis.dimension) == ("", "home")


@pytest.mark.parametrize(
    ("message", "dimension"),
    [
        ("KeyError: 'HOME'", "home"),
        ("OSError: [Errno 24] Too many open files", "open_files"),
        ("killed for memory: more than the 128 MiB of lambda", ""),
        ("the worker was ended by SIGSEGV: a native extension touched memory that isn't there", ""),
        ("assert 1 == 2", ""),
        ("", ""),
    ],
)
def test_what_left_no_evidence_is_judged_by_its_message(message: str, dimension: str) -> None:
    """A worker that died sent nothing but a sentence."""
    (cause,) = causes([failure("lambda", "a", None, (), message=message)])
    assert cause.diagnosis.dimension == dimension
    assert (message.partition(": ")[2] or message or "no message").strip("'") in cause.diagnosis.text


def test_evidence_without_an_exception_is_a_failure_all_the_same() -> None:
    """Conditions on exceptions aren't skipped because the exception is unknown."""
    (cause,) = causes([failure("lambda", "a", Evidence(), (WRITE,), message="ValueError: x")])
    assert not cause.diagnosis.certain


def test_what_nobody_compared_and_nothing_ties_to_the_environment_is_left_out() -> None:
    """It may fail anywhere; a failure with a reason in the environment is told."""
    vague = evidence(raised("ValueError", "x"))
    assert causes([failure("lambda", "a", vague, (), compared=False)]) == []
    assert len(causes([failure("lambda", "a", vague, ())])) == 1
    assert len(causes([failure("lambda", "a", compared=False)])) == 1
    likely = evidence(raised("AssertionError", "assert 1 == 2"), mentions=("tiktoken",))
    assert causes([failure("lambda", "a", likely, compared=False)]) == []


def test_an_environment_that_nobody_knows_is_left_out() -> None:
    """As the one that a test asks for itself."""
    assert causes([failure("elsewhere", "a")], [Loss(("elsewhere",), WRITE, ("a",))]) == []


# -- what is lost ------------------------------------------------------------------------------------------------------

MPL = refusal(
    "mkdir", "/home/sbx_user1051/.config", "EROFS", "matplotlib", "matplotlib/__init__.py:571", phase="import"
)
CONFIG = rule(
    "config",
    "root",
    conditions(by="matplotlib"),
    says="matplotlib falls back to a temporary folder; {because}",
    silent=True,
    measure="import matplotlib",
    offers=(Offer(Remedy(set={"MPLCONFIGDIR": "{tmp}/mpl"})),),
)


def test_a_silent_rule_tells_what_was_lost() -> None:
    """In all environments, with its remedies and what its cost can be measured with."""
    losses = [Loss(("lambda",), MPL, ("a.py", "b")), Loss(("container",), MPL._replace(target="/.config"), ("a.py",))]
    (cause,) = causes([], losses, library("matplotlib", CONFIG))
    assert cause.silent
    assert cause.diagnosis.text == (
        "matplotlib falls back to a temporary folder; the root is read-only in lambda and container"
    )
    assert cause.where == {"lambda": ("a.py", "b"), "container": ("a.py",)}
    assert cause.diagnosis.measure == "import matplotlib"
    assert [remedy.title for remedy in cause.diagnosis.remedies] == ["MPLCONFIGDIR=/tmp/mpl"]


def test_a_rule_about_failures_says_too_much_of_a_loss() -> None:
    """It was refused, and nothing came of it."""
    home = WRITE._replace(target="/home/sbx_user1051/.cache/x")
    found = causes([], [Loss(("lambda",), home, ("a",))])
    assert [(cause.diagnosis.rule, cause.silent) for cause in found] == [("", True)]


def test_a_loss_without_a_rule_is_told_if_something_may_help() -> None:
    """The project's own refusals stand in their list; of a library's there may be a guess."""
    assert causes([], [Loss(("lambda",), refusal("open", "/p/x", "EROFS"), ("a",))]) == []
    (cause,) = causes([], [Loss(("lambda",), MPL, ("a",))])
    assert (cause.silent, cause.diagnosis.rule) == (True, "")
    assert cause.diagnosis.remedies


def test_what_makes_a_test_fail_is_not_told_again_as_a_loss() -> None:
    """The tests that pass in spite of it are not news."""
    failing = evidence(os_error("EROFS", MPL.target, "matplotlib/__init__.py:571"))
    found = causes(
        [failure("lambda", "a", failing, (MPL,))], [Loss(("lambda",), MPL, ("b",))], library("matplotlib", CONFIG)
    )
    assert [(cause.diagnosis.rule, cause.silent) for cause in found] == [("matplotlib/config", False)]


def test_the_same_evidence_is_judged_once() -> None:
    """Tests of one fixture fail alike; rules are asked once."""
    known = Known(LITELLM)
    find_causes([failure("lambda", f"t{number}") for number in range(50)], [], known, {"lambda": LAMBDA})  # type: ignore[arg-type]
    assert len(known.asked) == 1
