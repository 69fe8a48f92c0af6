"""Which rule explains a failure: what it says must be in the evidence, and tied to what went wrong."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_envguard.diagnosis.matching import Match, best, match, names_of
from pytest_envguard.diagnosis.rules import RUN, WRITES, Use
from pytest_envguard.model.diagnosis import Setting
from pytest_envguard.model.evidence import Evidence, Raised
from pytest_envguard.model.refusal import Refusal
from tests.unit.diagnosis.failures import (
    TEST,
    conditions,
    evidence,
    library,
    os_error,
    raised,
    refusal,
    rule,
    setting,
)

CACHE = "/v/site-packages/litellm/tokenizers/9b5a.tmp"
KEEPS = Use(WRITES, "files", "import", "{tmp}", (), "", loud=True, source="", verified=RUN, check="")
WRITE = refusal("open", CACHE, "EROFS", "tiktoken", "tiktoken/load.py:78")
EROFS = os_error("EROFS", CACHE, "tiktoken/load.py:78")
LITELLM = setting("lambda", "lambda", litellm="1.53.9", tiktoken="0.8.0")
MPL = refusal("mkdir", "/home/sbx_user1051", "EROFS", "matplotlib", "matplotlib/__init__.py:571", phase="import")


def found(
    failure: Evidence,
    refusals: tuple[Refusal, ...] = (),
    where: Setting = LITELLM,
    dimension: str = "root",
    **given: Any,
) -> Match | None:
    """Return what a rule with these conditions says of a failure."""
    one = rule("it", dimension, conditions(**given))
    return match(one, library("litellm", one), failure, refusals, where)


@pytest.mark.parametrize(
    ("given", "matches"),
    [
        ({"by": "tiktoken"}, True),
        ({"by": "litellm"}, False),
        ({"by": "project"}, False),
        ({"operation": ("mkdir", "open"), "by": "tiktoken"}, True),
        ({"operation": "mkdir"}, False),
        ({"target": "/litellm/.*tmp$"}, True),
        ({"target": "^/litellm"}, False),
        ({"by": "tiktoken", "error": ("EACCES", "EROFS")}, True),
        ({"by": "tiktoken", "error": "EACCES"}, False),
        ({"error": "EROFS"}, True),
        ({"error": "EACCES"}, False),
        ({"exception": "OSError"}, True),
        ({"exception": "PermissionError"}, False),
        ({"message": "Read-only"}, True),
        ({"message": "denied"}, False),
        ({"path": r"\.tmp$"}, True),
        ({"path": "^tmp"}, False),
        ({"through": "tiktoken"}, True),
        ({"through": "tiktoken.load"}, True),
        ({"through": "tiktoken.lo"}, False),
        ({"through": ("numba", "tiktoken.load")}, True),
        ({"by": "tiktoken", "overwrites": "TIKTOKEN_CACHE_DIR"}, True),
        ({"by": "tiktoken", "overwrites": "HF_HOME"}, False),
        ({"by": "tiktoken", "set": {"TIKTOKEN_CACHE_DIR": "litellm"}}, True),
        ({"by": "tiktoken", "set": {"TIKTOKEN_CACHE_DIR": "^/tmp"}}, False),
        ({"by": "tiktoken", "set": {"DATA_GYM_CACHE_DIR": ""}}, False),
        ({"by": "tiktoken", "unset": "DATA_GYM_CACHE_DIR"}, True),
        ({"by": "tiktoken", "unset": "TIKTOKEN_CACHE_DIR"}, False),
        ({"by": "tiktoken", "network": "open"}, True),
        ({"by": "tiktoken", "network": ("none", "drop")}, False),
        ({"by": "tiktoken", "requires": {"tiktoken": ">=0.5.2"}}, True),
        ({"by": "tiktoken", "requires": {"tiktoken": "<0.5.2"}}, False),
        ({"by": "tiktoken", "requires": {"numba": ""}}, False),
        ({"by": "tiktoken", "facts": "noexec"}, False),
        ({"by": "tiktoken", "without_facts": ("noexec",)}, True),
        ({"by": "tiktoken", "output": "down"}, True),
        ({"by": "tiktoken", "output": "up"}, False),
        ({"by": "tiktoken", "mentions": "litellm"}, True),
        ({"by": "tiktoken", "mentions": "tiktoken"}, False),
    ],
    ids=str,
)
def test_all_conditions_must_hold(given: dict[str, Any], matches: bool) -> None:
    """Each kind, met and not met by the same failure."""
    failure = evidence(
        EROFS,
        mentions=("litellm",),
        output="download",
        overwritten=[("TIKTOKEN_CACHE_DIR", "/v/litellm/tokenizers", "/tmp/tk", "litellm", "litellm/utils.py:1")],
        variables={"TIKTOKEN_CACHE_DIR": "/v/litellm/tokenizers"},
    )
    assert (found(failure, (WRITE,), **given) is not None) is matches


def test_one_refusal_and_one_exception_meet_all_that_is_about_it() -> None:
    """Two refusals that each have a half of it are no match, and neither are two exceptions."""
    other = refusal("mkdir", "/elsewhere/cache", "EROFS", "numba", "numba/a.py:1")
    failure = evidence(EROFS, os_error("EACCES", "/elsewhere"))
    assert found(failure, (WRITE, other), by="tiktoken", target="elsewhere") is None
    assert found(failure, error="EACCES", path="tmp$") is None
    assert found(failure, error="EACCES", path="elsewhere") is not None


def test_a_variable_that_somebody_else_has_set_is_not_the_librarys_doing() -> None:
    """`overwrites` is about the rule's own library."""
    failure = evidence(EROFS, overwritten=[("TIKTOKEN_CACHE_DIR", "/a", None, "", "conftest.py:1")])
    assert found(failure, (WRITE,), by="tiktoken", overwrites="TIKTOKEN_CACHE_DIR") is None


@pytest.mark.parametrize(
    ("written", "matches"),
    [
        ([], True),
        ([("X_CACHE", "/v", None, "lib", "lib/a.py:1")], True),
        ([("X_CACHE", "/v", "/user", "lib", "lib/a.py:1")], False),
        ([("X_CACHE", "/v", None, "", "test_a.py:1")], False),
        ([("X_CACHE", "/v", "/w", "lib", "lib/a.py:1"), ("X_CACHE", "/w", None, "other", "other/a.py:1")], True),
    ],
)
def test_a_variable_that_a_library_made_itself_is_not_set_by_the_user(written: Any, matches: bool) -> None:
    """`unset` is about what the user, the environment or the project says."""
    variables = {"X_CACHE": "/v"} if written else {}
    failure = evidence(EROFS, overwritten=written, variables=variables)
    assert (found(failure, (WRITE,), by="tiktoken", unset="X_CACHE") is not None) is matches


def test_whether_a_variable_with_a_secret_name_is_set_nobody_knows() -> None:
    """So that what rests on it isn't certain."""
    hit = found(evidence(EROFS), (WRITE,), by="tiktoken", unset="X_API_KEY")
    assert hit is not None
    assert not hit.certain


def test_a_network_that_is_switched_off_by_a_variable_is_not_missed() -> None:
    """The host did without it as well; unless the environment sets the variable, or somebody asked all the same."""
    gone = raised("LocalEntryNotFoundError", "cannot find the requested files", "huggingface_hub/a.py:1")
    given: dict[str, Any] = {"where": setting("container"), "dimension": "network", "message": "cannot find"}
    assert found(evidence(gone), (), **given) is not None
    assert found(evidence(gone, variables={"HF_HUB_OFFLINE": "1"}), (), **given) is None
    assert found(evidence(gone, variables={"HF_HUB_OFFLINE": "0"}), (), **given) is not None
    asked = refusal("look up", "huggingface.co", "EAI_AGAIN", "httpcore", "httpcore/a.py:1")
    assert found(evidence(gone, variables={"HF_HUB_OFFLINE": "1"}), (asked,), **given) is not None


def test_who_is_at_work_is_blamed_and_not_who_called_it() -> None:
    """If both keep files: a rule that only knows who called it isn't about what went wrong."""
    outer = rule("given", "root", conditions(exception="OSError", error="EROFS", through="hub"))
    told = rule("told", "root", conditions(exception="OSError", error="EROFS", through="hub", set={"HUB": "."}))
    both = rule("both", "root", conditions(exception="OSError", error="EROFS", through=("hub", "tiktoken")))
    keeper = library("tiktoken")._replace(uses=(KEEPS,))
    failure = evidence(os_error("EROFS", "/x", "tiktoken/load.py:7", "hub/a.py:1"), variables={"HUB": "/x"})
    assert best([library("hub", outer)], failure, [], LITELLM) is not None
    assert best([library("hub", outer), keeper], failure, [], LITELLM) is None
    for one in (told, both):
        assert best([library("hub", one), keeper], failure, [], LITELLM) is not None


def test_a_full_disk_without_a_path_is_not_certain_where_two_are_small() -> None:
    """It may be /tmp or /dev/shm."""
    full = evidence(os_error("ENOSPC", ""))
    for where, certain in (("container:tmp_size=64M", False), ("lambda", True)):
        hit = found(full, (), setting(where), "tmp_size", error="ENOSPC")
        assert hit is not None
        assert hit.certain is certain


def test_a_library_that_says_itself_what_is_wrong_did_not_fail_of_what_another_was_refused() -> None:
    """Though that was the last thing that was refused."""
    swallowed = refusal("open", "/dev/shm/sem.x", "ENOENT", "joblib", "joblib/a.py:1")
    where = setting("lambda", "lambda", nltk="3.10", joblib="1.6")
    one = rule("locks", "shm", conditions(operation="open", target="^/dev/shm/"))
    says = raised("ValueError", "Could not find a default download directory", "nltk/downloader.py:9")
    assert match(one, library("python", one), evidence(says), [swallowed], where) is None
    own = raised("ValueError", "wrong")
    assert match(one, library("python", one), evidence(own), [swallowed], where) is not None


@pytest.mark.parametrize(
    ("versions", "installed", "matches"),
    [
        (">=1.40.9", "1.53.9", True),
        ("<1.40.9", "1.53.9", False),
        (">=1.40.9", "", True),
        (">=2", "2.0.0rc1", False),
        (">=2.0.0rc1", "2.0.0rc1", True),
        (">=1", "2.0.dev1", True),
        (">=1", "a fork", True),
    ],
)
def test_the_installed_version_decides(versions: str, installed: str, matches: bool) -> None:
    """Pre-releases count as what they are; of a version that nobody knows all rules hold."""
    one = rule("it", "root", conditions(by="tiktoken"), versions=versions)
    where = setting("lambda", "lambda", litellm=installed)
    assert (match(one, library("litellm", one), evidence(EROFS), [WRITE], where) is not None) is matches


def test_an_environment_that_does_not_change_the_dimension_has_no_match() -> None:
    """A read-only folder on a network that is cut is somebody else's fault."""
    assert found(evidence(EROFS), (WRITE,), setting("offline"), by="tiktoken") is None
    assert found(evidence(EROFS), (WRITE,), setting("container"), by="tiktoken") is not None


def test_any_alternative_is_enough() -> None:
    """And the one that is certain, with the most conditions, counts."""
    one = rule("it", "root", conditions(by="numba"), conditions(error="EROFS"), conditions(error="EROFS", path="tmp"))
    hit = match(one, library("litellm", one), evidence(EROFS), [WRITE], LITELLM)
    assert hit is not None
    assert hit.conditions == 2


# -- what was swallowed ------------------------------------------------------------------------------------------------


UNREACHABLE = os_error("ENETUNREACH", "", "socket.py:10")


@pytest.mark.parametrize(
    "failure",
    [
        evidence(UNREACHABLE, mentions=("matplotlib",)),
        evidence(os_error("EROFS", "/app/out.txt"), mentions=("matplotlib",)),
        evidence(raised("ConnectionError", "Failed: [Errno 101] Network is unreachable", "matplotlib/x.py:1")),
        evidence(
            raised("socket.gaierror", "[Errno -3] Temporary failure in name resolution"), mentions=("matplotlib",)
        ),
        evidence(raised("KeyError", "'getpwuid(): uid not found: 993'"), mentions=("matplotlib",)),
        evidence(raised("RuntimeError", "Could not determine home directory."), mentions=("matplotlib",)),
        evidence(raised("AssertionError", "assert 1 == 2")),
        evidence(raised("ValueError", "wrong")),
        evidence(
            raised("ConnectionError", "no way", "requests/adapters.py:1"),
            UNREACHABLE,
            output="mkdir -p failed for path /home/sbx_user1051/.config/matplotlib: [Errno 30] Read-only file system",
        ),
    ],
    ids=lambda failure: failure.raised[0].kind,
)
def test_what_was_swallowed_at_import_is_not_blamed_for_another_failure(failure: Evidence) -> None:
    """Matplotlib goes on without its folder; the test fails of the network, of another file, of anything."""
    one = rule("config", "root", conditions(by="matplotlib", error="EROFS"))
    assert match(one, library("matplotlib", one), failure, [MPL], LITELLM) is None


def test_what_may_have_come_of_it_is_likely() -> None:
    """An AssertionError has no errno: a library that the failing line names may have lost what it compares."""
    one = rule("config", "root", conditions(by="matplotlib", error="EROFS"))
    failure = evidence(raised("AssertionError", "assert not True"), mentions=("matplotlib",))
    hit = match(one, library("matplotlib", one), failure, [MPL], LITELLM)
    assert hit is not None
    assert not hit.certain


def test_the_last_refusal_of_the_failing_phase_is_likely() -> None:
    """If nothing else explains the failure; what was refused long before isn't it."""
    failure = evidence(raised("ValueError", "empty"))
    before = WRITE._replace(target="/x/first", place="tiktoken/load.py:1")
    last = WRITE._replace(target="/x/last", place="tiktoken/load.py:2")
    hit = found(failure, (before, last), by="tiktoken")
    assert hit is not None
    assert (hit.target, hit.certain) == ("/x/last", False)
    assert found(failure, (before, last), target="first") is None
    assert found(failure, (MPL,), by="matplotlib") is None
    assert found(failure, (last._replace(phase="teardown"),), by="tiktoken") is None


def test_an_assertion_is_never_certain() -> None:
    """What it compares may be anything, whatever a rule finds in its text."""
    hit = found(evidence(raised("AssertionError", "assert 'no cache' == ''")), message="no cache")
    assert hit is not None
    assert not hit.certain


# -- tied to the failure -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("refused", "failure"),
    [
        (WRITE, evidence(EROFS)),
        (refusal("open", "/p/rel.txt", "EROFS"), evidence(os_error("EROFS", "rel.txt"))),
        (refusal("mkdir", "/p/a", "EROFS"), evidence(os_error("EROFS", "./a"))),
        # No errno: the text names the file.
        (WRITE, evidence(raised("sqlite3.OperationalError", f"can't open {CACHE}"))),
        # Rust tells the errno and no path.
        (WRITE, evidence(raised("chromadb.InternalError", "Read-only file system (os error 30)"))),
        # C tells nothing, and failed in the line that was refused.
        (
            refusal("open", "/p/app.db", "EROFS"),
            evidence(raised("sqlite3.OperationalError", "unable to open database file")),
        ),
        # A vague error with the true one as its cause.
        (WRITE, evidence(raised("OSError", "Can't load the configuration of 'x'", "transformers/a.py:1"), EROFS)),
        # What could not be made is missing later.
        (
            refusal("mkdir", "/home/u/.cache", "EROFS", "x"),
            evidence(os_error("ENOENT", "/home/u/.cache/m/f", "x/a.py:1")),
        ),
        # What the test ran printed it.
        (
            refusal("open", "/p/report.json", "EROFS", "x", "x/a.py:9"),
            evidence(raised("click.Exit", "2"), output="can't write /p/report.json"),
        ),
    ],
    ids=lambda one: one.target if isinstance(one, Refusal) else one.raised[0].kind,
)
def test_a_refusal_with_the_failures_error_and_path_is_certain(refused: Refusal, failure: Evidence) -> None:
    """The same errno and path, or the path in its text, or the very line."""
    hit = found(failure, (MPL, refused), error="EROFS", target=refused.target)
    assert hit is not None
    assert hit.certain
    assert hit.refusal == refused


HOME = "/home/sbx_user1051"
HUB = refusal("mkdir", HOME, "EROFS", "huggingface_hub", "huggingface_hub/file_download.py:9")


def test_of_a_folder_that_everybody_is_refused_the_one_in_the_traceback_is_blamed() -> None:
    """Without a home every library tries to make it, and most go on without."""
    failure = evidence(
        os_error("EROFS", HOME, "huggingface_hub/file_download.py:9", "transformers/a.py:1"), mentions=("matplotlib",)
    )
    everybody = (MPL, HUB, refusal("mkdir", HOME, "EROFS", "numba", "numba/a.py:1"))
    for author, blamed in (("matplotlib", False), ("numba", False), ("huggingface_hub", True)):
        hit = found(failure, everybody, by=author)
        assert (hit is not None and hit.certain) is blamed, author


def test_a_folder_that_was_refused_is_blamed_for_what_lies_in_it_by_who_took_part_alone() -> None:
    """Matplotlib was refused the home folder at import; another library's file in there is another matter."""
    other = os_error("EROFS", f"{HOME}/.cache/x", "tiktoken/load.py:78")
    assert found(evidence(other), (MPL,), by="matplotlib") is None
    missing = os_error("ENOENT", f"{HOME}/.cache/x", "tiktoken/load.py:78")
    assert found(evidence(missing), (MPL,), by="matplotlib") is None
    vague = raised(
        "OSError", f"There was a problem when trying to write in {HOME}/.cache/hub", "huggingface_hub/a.py:1"
    )
    hit = found(evidence(vague), (MPL, HUB), by="huggingface_hub")
    assert hit is not None
    assert hit.certain
    assert found(evidence(vague), (MPL, HUB), by="matplotlib") is None


def test_a_name_inside_of_another_name_is_another_file() -> None:
    """Neither "/p/out" in "/p/out.txt", nor "example.com" in "my-example.com", nor "/usr" in every path."""
    text = "can't write /p/out.txt, /usr/lib/x, /q/p/out-2: my-example.com"
    for target in ("/p/out", "/usr", "example.com", "/p", "/out-2"):
        away = refusal("open", target, "EROFS", "x", "x/a.py:1")
        hit = found(evidence(raised("ValueError", text)), (away, HUB), target=f"^{target}$")
        assert hit is None, target


def test_an_exception_without_a_path_means_the_last_refusal_of_its_kind() -> None:
    """Not one at import, nor an earlier one, unless its line is in the traceback."""
    failure = evidence(os_error("EROFS", "", "multiprocessing/synchronize.py:57"))
    first, last = (refusal("open", f"/x/{name}", "EROFS", "x", f"x/{name}.py:1") for name in ("first", "last"))
    assert found(failure, (MPL, first, last), by="matplotlib") is None
    assert found(failure, (MPL, first, last), target="first") is None
    hit = found(failure, (MPL, first, last), target="last")
    assert hit is not None
    assert hit.certain
    at_the_line = refusal("open", "/dev/shm/sem.abc", "EROFS")
    hit = found(failure, (at_the_line, last), target="/dev/shm")
    assert hit is not None
    assert hit.certain


def test_an_import_that_fails_means_what_was_refused_while_importing() -> None:
    """The outermost call is a module's, not a test's."""
    failed = Raised("OSError", ("OSError",), "[Errno 30] Read-only file system", "EROFS", "", ())
    hit = found(evidence(failed), (MPL,), by="matplotlib")
    assert hit is not None
    assert hit.certain


SEMAPHORE = refusal("open", "/dev/shm/sem.IitH4g", "ENOENT")
MISSING = os_error("ENOENT", "", "/usr/lib/python3.11/multiprocessing/synchronize.py:57", kind="FileNotFoundError")


def test_a_semaphore_without_shared_memory_has_no_path() -> None:
    """`FileNotFoundError` alone: what it means is in the refusal."""
    hit = found(evidence(MISSING), (SEMAPHORE,), dimension="shm", target="^/dev/shm/", error="ENOENT")
    assert hit is not None
    assert hit.certain
    assert hit.target == "/dev/shm/sem.IitH4g"
    own = os_error("ENOENT", "/p/missing.txt", kind="FileNotFoundError")
    assert found(evidence(own), (SEMAPHORE,), dimension="shm", target="^/dev/shm/") is None


def child(process: str, target: str) -> Refusal:
    """Return what a program that the test ran was refused."""
    return refusal("open", target, "EROFS", process=process)


def exited(command: str) -> Raised:
    """Return what `subprocess.run(check=True)` raises."""
    return raised(
        "subprocess.CalledProcessError", f"Command {command} returned non-zero exit status 2.", "subprocess.py:571"
    )


def test_a_programs_exit_status_comes_of_what_it_was_refused() -> None:
    """Its own command's, and not what another program got over before; without one of its own the last program's."""
    earlier, own = child("sh -c true > /p/log", "/p/log"), child("sh -c echo hello > out.txt", "/p/out.txt")
    failure = evidence(exited("['sh', '-c', 'echo hello > out.txt']"))
    hit = found(failure, (own, earlier), error="EROFS", target="out.txt")
    assert hit is not None
    assert hit.certain
    assert found(failure, (own, earlier), error="EROFS", target="log") is None
    grandchild = child("cc1 hello.c", "/p/hello.o")
    hit = found(evidence(exited("['make']")), (earlier, grandchild), target="hello.o")
    assert hit is not None
    assert hit.certain
    assert found(evidence(exited("['make']"), UNREACHABLE), (grandchild,), target="hello.o") is None


def test_a_program_is_not_the_project() -> None:
    """`by = "project"` is about Python code of the project's."""
    own = child("cp a b", "/p/b")
    failure = evidence(exited("['cp', 'a', 'b']"))
    assert found(failure, (own,), by="project") is None
    assert found(failure, (own,), operation="open") is not None


def test_an_assertion_about_an_exit_status_is_tied_by_its_command() -> None:
    """The command in the message and the program that was refused are the same."""
    text = (
        "assert 1 == 0\n +  where 1 = CompletedProcess(args=['cp', '/etc/hostname', 'copied'], returncode=1).returncode"
    )
    hit = found(
        evidence(raised("AssertionError", text)), (child("cp /etc/hostname copied", "/p/copied"),), target="copied"
    )
    assert hit is not None
    assert hit.certain


def test_an_exception_that_a_rule_knows_by_its_text_needs_no_tie_to_the_refusal() -> None:
    """Its text and the refusal are both met; the class alone could be raised for another reason."""
    vague = evidence(raised("ValueError", "could not load model from any source"))
    away = refusal("mkdir", "/x/cache", "EROFS", "tiktoken", "tiktoken/a.py:1", phase="setup")
    last = refusal("open", "/y/other", "EROFS", "numba", "numba/a.py:1")
    hit = found(vague, (away, last), by="tiktoken", message="any source")
    assert hit is not None
    assert (hit.certain, hit.refusal) == (True, away)
    assert found(vague, (away, last), by="tiktoken", exception="ValueError") is None


# -- the network, and what takes long ----------------------------------------------------------------------------------

LOOK_UP = refusal("look up", "example.com", "ENETUNREACH", "urllib3", "urllib3/util/connection.py:60")
NO_NAME = "Failed to resolve 'example.com' ([Errno -3] Temporary failure in name resolution)"


@pytest.mark.parametrize(
    "failure",
    [
        raised(
            "socket.gaierror", "[Errno -3] Temporary failure in name resolution", "socket.py:962", error="EAI_AGAIN"
        ),
        raised(
            "requests.exceptions.ConnectionError",
            f"HTTPSConnectionPool(host='example.com'): {NO_NAME}",
            "requests/a.py:1",
        ),
        raised("pycurl.error", "(6, 'Could not resolve host: example.com')"),
        raised("openai.APIConnectionError", "Connection error: example.com"),
    ],
    ids=lambda failure: failure.kind,
)
def test_a_name_that_nobody_answers_is_the_look_up_that_was_refused(failure: Raised) -> None:
    """The kernel refuses a packet to a name server (ENETUNREACH), Python tells that there is no name (EAI_AGAIN)."""
    hit = found(evidence(failure), (LOOK_UP,), setting("offline"), "network", operation="look up")
    assert hit is not None
    assert hit.certain
    assert found(evidence(EROFS), (LOOK_UP,), setting("offline"), "network", operation="look up") is None


TIMEOUT = raised("Failed", "Timeout (>10.0s) from pytest-timeout.", "httpx/a.py:1")


def test_a_hang_is_not_offline() -> None:
    """Only where what is sent vanishes; elsewhere names and connections fail at once."""
    assert found(evidence(TIMEOUT), (), setting("offline"), "network", message="Timeout") is None
    assert found(evidence(TIMEOUT), (), setting("offline-drop"), "network", message="Timeout") is not None
    assert found(evidence(TIMEOUT), (LOOK_UP,), setting("offline"), "network", by="urllib3") is None


def test_who_asks_again_and_again_may_take_too_long() -> None:
    """A library in the traceback that was refused is likely, no more."""
    slow = raised("Failed", "Timeout (>10.0s) from pytest-timeout.", "litellm/a.py:1", "urllib3/util/retry.py:1")
    hit = found(evidence(slow), (LOOK_UP,), setting("offline"), "network", by="urllib3")
    assert hit is not None
    assert not hit.certain


# -- mapping -----------------------------------------------------------------------------------------------------------

UNMAPPED = raised("ImportError", "/tmp/x/ext.so: failed to map segment from shared object")
MAP = refusal("map executable", "/tmp/x/ext.so", "EPERM")


@pytest.mark.parametrize(
    ("facts", "refusals", "matches"),
    [
        ([], (), False),
        ([("address space", "1000")], (), False),
        ([("noexec", "/elsewhere")], (), False),
        ([("noexec", "/tmp/x")], (), True),
        ([("noexec", "/tmp")], (), True),
        ([], (MAP,), True),
        ([], (MAP._replace(target="/tmp/y/other.so"),), False),
    ],
)
def test_failed_to_map_needs_the_folder_to_be_noexec(
    facts: list[Any], refusals: tuple[Refusal, ...], matches: bool
) -> None:
    """A memory limit and a system call filter have the same text."""
    failure = evidence(UNMAPPED, facts=facts)
    hit = found(failure, refusals, setting("container"), "tmp_exec", message="failed to map segment")
    assert (hit is not None) is matches


def test_a_measured_folder_is_the_one_of_the_path() -> None:
    """A rule that asks for the fact gets it for the file that failed."""
    denied = os_error("EACCES", "/tmp/tool", "subprocess.py:1", kind="PermissionError")
    given: dict[str, Any] = {"facts": "noexec", "error": "EACCES"}
    assert (
        found(evidence(denied, facts=[("noexec", "/tmp")]), (), setting("container"), "tmp_exec", **given) is not None
    )
    assert found(evidence(denied, facts=[("noexec", "/opt")]), (), setting("container"), "tmp_exec", **given) is None


# -- silent ------------------------------------------------------------------------------------------------------------


def test_of_a_test_that_passes_the_refusal_is_all_there_is() -> None:
    """Without an exception what was refused counts, and conditions on an exception don't hold."""
    assert found(Evidence(), (MPL,), by="matplotlib") is not None
    assert found(Evidence(), (MPL,), by="matplotlib", exception="OSError") is None
    assert found(Evidence(), (), by="matplotlib") is None


# -- the best ----------------------------------------------------------------------------------------------------------


def test_the_best_is_certain_then_outermost_then_closest() -> None:
    """Then what has more conditions, then the library whose code is innermost, then the first."""
    failure = evidence(os_error("EROFS", CACHE, "tiktoken/load.py:78", "litellm/utils.py:5"), UNREACHABLE)
    inner = library("inner", rule("inner", "network", conditions(error="ENETUNREACH", message="unreachable")))
    litellm = library("litellm", rule("far", "root", conditions(by="tiktoken")))
    tiktoken = library("tiktoken", rule("near", "root", conditions(by="tiktoken")))
    precise = library("precise", rule("precise", "root", conditions(by="tiktoken", error="EROFS")))
    everything = [inner, litellm, tiktoken, precise]
    won = []
    while everything:
        hit = best(everything, failure, [WRITE], setting("container"))
        assert hit is not None
        won.append(hit.rule.name)
        everything = [one for one in everything if one is not hit.library]
    assert won == ["precise", "near", "far", "inner"]
    assert best([], failure, [WRITE], LITELLM) is None


def test_what_is_around_a_failure_explains_it_only_if_nothing_else_does() -> None:
    """A variable or a line of output is likely at most, and nothing beside an exception that says what it is."""
    vague = {"mentions": "joblib", "output": "serial mode"}
    printed: dict[str, Any] = {"mentions": ("joblib",), "output": "joblib will operate in serial mode"}
    hit = found(evidence(raised("AssertionError", "assert 9 < 3"), **printed), **vague)
    assert hit is not None
    assert not hit.certain
    assert found(evidence(UNREACHABLE, **printed), **vague) is None
    assert found(evidence(TIMEOUT, **printed), **vague) is None


def test_of_what_is_lost_silently_and_what_fails_the_failure_is_told() -> None:
    """A rule about a loss may match a failure, but not before one about failures."""
    silent = rule("silent", "root", conditions(by="tiktoken", error="EROFS", target="tmp"), silent=True)
    loud = rule("loud", "root", conditions(by="tiktoken"))
    hit = best([library("tiktoken", silent, loud)], evidence(EROFS), [WRITE], LITELLM)
    assert hit is not None
    assert hit.rule is loud


# -- what is said ------------------------------------------------------------------------------------------------------


def says(text: str, failure: Evidence | None = None, where: Setting = LITELLM) -> str:
    """Return what a rule with this text says."""
    failure = failure or evidence(EROFS)
    one = rule("it", "root", conditions(error="EROFS", by="tiktoken"), says=text)
    hit = match(one, library("litellm", one), failure, [WRITE], where)
    assert hit is not None
    return hit.text(where)


def test_what_it_says_is_filled() -> None:
    """All placeholders; paths as people write them."""
    text = "{library} {version}: {target} in {folder} at {place} ({error}, {environment}); {because}"
    assert says(text) == (
        "litellm 1.53.9: site-packages/litellm/tokenizers/9b5a.tmp in site-packages/litellm/tokenizers "
        "at tiktoken/load.py:78 (EROFS, lambda); the root is read-only in lambda"
    )


def test_variables_are_filled_but_for_secrets() -> None:
    """What is not set is said to be so; a secret isn't told."""
    failure = evidence(EROFS, variables={"HF_HOME": "/a{b}", "HF_TOKEN": "hf_123", "PROXY": "http://u:p@h"})
    assert says("{HF_HOME} {NLTK_DATA} {HF_TOKEN} {PROXY}", failure) == "/a{b} not set not set not set"


def test_what_nobody_knows_is_said_neutrally() -> None:
    """Never a KeyError; a version that isn't known leaves no gap."""
    assert says("litellm {version} sets {nonsense}", where=setting("lambda")) == "litellm sets unknown"
    one = rule("it", "home", conditions(exception="RuntimeError"), says="{target} {folder} {place} {error}")
    hit = match(one, library("litellm", one), evidence(Raised("RuntimeError", ("RuntimeError",), "no")), [], LITELLM)
    assert hit is not None
    assert hit.text(LITELLM) == "something a folder its code an error"


def test_without_a_refusal_the_exception_says_where() -> None:
    """The path it names, its errno, and the library's own line of the traceback."""
    failure = evidence(os_error("EROFS", "/x/y", "os.py:1", "litellm/a.py:2", "litellm/b.py:3"))
    one = rule("it", "root", conditions(error="EROFS", path="x"))
    hit = match(one, library("litellm", one), failure, [], LITELLM)
    assert hit is not None
    assert (hit.target, hit.error, hit.place) == ("/x/y", "EROFS", "litellm/a.py:2")


def test_candidates_are_all_that_took_part() -> None:
    """Code in the traceback, what was refused something, what the line names, who set variables, whose class was raised."""
    failure = evidence(
        raised("chromadb.errors.InternalError", "x", "chromadb/a.py:1", "/usr/lib/python3.11/os.py:1"),
        mentions=("numba",),
        overwritten=[("A", "b", None, "litellm", "litellm/a.py:1"), ("C", "d", None, "", "conftest.py:1")],
    )
    assert names_of(failure, [MPL]) == {"chromadb", "os", "numba", "litellm", "matplotlib", TEST.partition(".")[0]}
