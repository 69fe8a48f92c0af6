"""What is said of a failure that no rule knows: who, what, where, the errno, and what of the environment fits."""

from __future__ import annotations

import pytest

from pytest_envguard.diagnosis.mechanical import mechanical, told_loss
from pytest_envguard.model.diagnosis import Diagnosis
from pytest_envguard.model.evidence import Evidence, Raised
from pytest_envguard.model.refusal import Refusal
from tests.unit.diagnosis.failures import TEST, evidence, os_error, raised, refusal, setting

LAMBDA = setting("lambda", "lambda", tiktoken="0.8.0")
CONTAINER = setting("container", "container", requests="2.34.2", urllib3="2.8.0")


def test_a_librarys_refusal_is_told_with_version_line_path_and_errno() -> None:
    """And with the environment's reason, and that no rule knows it."""
    write = refusal("open", "/home/sbx_user1051/x/9b5a.tmp", "EROFS", "tiktoken", "tiktoken/load.py:78")
    failure = evidence(os_error("EROFS", write.target, "tiktoken/load.py:78"))
    assert mechanical(failure, [write], LAMBDA) == Diagnosis(
        text="tiktoken 0.8.0 (tiktoken/load.py:78) tried to write /home/sbx_user1051/x/9b5a.tmp: EROFS, the file system is "
        "read-only; the root is read-only in lambda; no rule matched",
        library="tiktoken",
        version="0.8.0",
        dimension="root",
        place="tiktoken/load.py:78",
        target="/home/sbx_user1051/x/9b5a.tmp",
        error="EROFS",
    )


@pytest.mark.parametrize(
    ("refused", "failure", "profile", "dimension", "words"),
    [
        (
            refusal("open", "/p/rel.txt", "EROFS"),
            os_error("EROFS", "rel.txt"),
            "lambda",
            "root",
            "the project (test_a.py:3) tried to write /p/rel.txt: EROFS",
        ),
        (
            refusal("mkdir", "/.cache", "EACCES"),
            os_error("EACCES", "/.cache"),
            "openshift",
            "root",
            "tried to make the folder /.cache: EACCES, permission denied; it doesn't belong to the user 1000680000",
        ),
        (
            refusal("open", "/dev/shm/sem.IitH4g", "ENOENT"),
            os_error("ENOENT", "", "multiprocessing/synchronize.py:57"),
            "lambda",
            "shm",
            "tried to open /dev/shm/sem.*: ENOENT, it isn't there; there is no /dev/shm in lambda",
        ),
        (
            refusal("open", "/dev/shm/sem.IitH4g", "EROFS"),
            os_error("EROFS", "", "multiprocessing/synchronize.py:57"),
            "readonly_root",
            "shm",
            "/dev/shm is read-only in readonly_root",
        ),
        (
            refusal("map executable", "/tmp/x/libf.so", "EPERM"),
            raised("OSError", "/tmp/x/libf.so: failed to map segment from shared object", "ctypes/__init__.py:376"),
            "container",
            "tmp_exec",
            "tried to load /tmp/x/libf.so: EPERM, not permitted; /tmp is mounted noexec in container",
        ),
        (
            refusal("exec", "/tmp/x.sh", "EACCES"),
            os_error("EACCES", "/tmp/x.sh", "subprocess.py:1"),
            "container",
            "tmp_exec",
            "tried to run /tmp/x.sh: EACCES, permission denied; /tmp is mounted noexec",
        ),
        (
            refusal("exec", "/opt/tool", "EACCES"),
            os_error("EACCES", "/opt/tool", "subprocess.py:1"),
            "container",
            "root",
            "tried to run /opt/tool: EACCES, permission denied; it doesn't belong to the user 1000",
        ),
        (
            refusal("connect", "1.1.1.1:80", "ENETUNREACH"),
            os_error("ENETUNREACH", "", "socket.py:1"),
            "container",
            "network",
            "tried to connect to 1.1.1.1:80: ENETUNREACH, the network is unreachable; container has no network",
        ),
        (
            refusal("look up", "b'example.com'", "ENETUNREACH"),
            raised("socket.gaierror", "[Errno -3] Temporary failure in name resolution"),
            "offline",
            "network",
            "tried to look up example.com: ENETUNREACH",
        ),
        (
            refusal("open", "/p/copied", "EROFS", process="cp /etc/hostname copied"),
            raised(
                "subprocess.CalledProcessError",
                "Command '['cp', '/etc/hostname', 'copied']' returned non-zero exit status 1.",
            ),
            "lambda",
            "root",
            "the process `cp /etc/hostname copied` tried to write /p/copied",
        ),
        (
            refusal("fallocate", "/tmp/big", "ENOSPC"),
            os_error("ENOSPC", ""),
            "lambda",
            "tmp_size",
            "tried to reserve space in /tmp/big: ENOSPC, no space left; /tmp has 512 MiB in lambda",
        ),
        (
            refusal("symlink", "/p/x", "ELOOP"),
            os_error("ELOOP", "/p/x"),
            "lambda",
            "",
            "tried to make the link /p/x: ELOOP, too many levels of symbolic links; no rule matched",
        ),
        (
            refusal("open", "/p/x", "4711"),
            raised("ValueError", "can't open /p/x"),
            "lambda",
            "",
            "tried to open /p/x: 4711; no rule matched",
        ),
        (
            refusal("removexattr", "/p/x", "EROFS"),
            os_error("EROFS", "/p/x"),
            "lambda",
            "root",
            "tried removexattr of /p/x: EROFS",
        ),
    ],
    ids=lambda one: one.operation if isinstance(one, Refusal) else None,
)
def test_a_refusal_fits_a_dimension_by_its_errno_and_path(
    refused: Refusal, failure: Raised, profile: str, dimension: str, words: str
) -> None:
    """As the kernel refuses it; what the project did itself is the project's."""
    found = mechanical(evidence(failure), [refused], setting(profile))
    assert words in found.text
    assert found.text.endswith("; no rule matched")
    assert (found.dimension, found.certain, found.rule, found.library) == (dimension, bool(dimension), "", "")


@pytest.mark.parametrize(
    ("failure", "profile", "dimension", "words"),
    [
        (os_error("EMFILE", ""), "lambda", "open_files", "no more than 1024 files may be open in lambda"),
        (os_error("ENOSPC", ""), "lambda", "tmp_size", "/tmp has 512 MiB in lambda"),
        (os_error("ENOENT", "", "multiprocessing/heap.py:1"), "lambda", "shm", "there is no /dev/shm in lambda"),
        (os_error("ENOSYS", "", "multiprocessing/heap.py:1"), "lambda", "shm", "in Python's multiprocessing.heap with OSError"),
        (
            os_error("ENOENT", "/psm_1fc1", "multiprocessing/shared_memory.py:1"), "lambda", "shm", "there is no /dev/shm"
        ),
        (os_error("EAGAIN", "", "subprocess.py:1"), "lambda", "processes", "no more than 742 processes"),
        (raised("RuntimeError", "can't start new thread"), "lambda", "processes", "no more than 742 processes"),
        (raised("KeyError", "'getpwuid(): uid not found: 1000'", "getpass.py:1"), "container", "user", "the user 1000 has no name"),
        (raised("RuntimeError", "Could not determine home directory.", "pathlib.py:9"), "lambda", "home", "HOME is not set in lambda"),
        (raised("KeyError", "'HOME'", "os.py:1"), "lambda", "home", "asked for the variable HOME, which isn't set in lambda"),
        (raised("KeyError", "'USER'"), "lambda", "env", "(test_a.py:3) asked for the variable USER, which isn't set in lambda"),
        (raised("KeyError", "'XDG_CACHE_HOME'"), "lambda", "env", "XDG_CACHE_HOME"),
        (raised("ConnectionError", "[Errno 101] Network is unreachable"), "offline", "network", "offline has no network"),
        (
            raised("requests.exceptions.ConnectionError", "Failed to resolve 'a.b' ([Errno -3] Temporary failure in name resolution)"),
            "offline",
            "network",
            "offline has no network",
        ),
        (os_error("ECONNREFUSED", ""), "offline-refuse", "network", "the network refuses connections"),
        (os_error("EHOSTUNREACH", ""), "offline", "network", "offline has no network"),
        (os_error("EACCES", "/srv/x"), "openshift", "root", "it doesn't belong to the user 1000680000"),
    ],
    ids=lambda one: f"{one.kind}-{one.message}" if isinstance(one, Raised) else None,
)  # fmt: skip
def test_an_exception_alone_fits_a_dimension(failure: Raised, profile: str, dimension: str, words: str) -> None:
    """By its errno, or by what it says: nothing was refused that the kernel could tell of."""
    found = mechanical(evidence(failure), [], setting(profile))
    assert words in found.text
    assert found.dimension == dimension
    assert found.certain


@pytest.mark.parametrize(
    ("failure", "profile"),
    [
        (raised("AssertionError", "assert 1 == 2"), "lambda"),
        (raised("AssertionError", "assert 'HOMES' in 'disk_usages'"), "lambda"),
        (raised("AssertionError", "where False = <function isdir at 0x7f>('/dev/shm')"), "offline"),
        (os_error("ENOENT", "/p/missing.txt"), "lambda"),
        (os_error("EROFS", "/made/up"), "offline"),
        (os_error("ENETUNREACH", ""), "lambda"),
        (os_error("ECONNREFUSED", ""), "offline"),
        (raised("ConnectionRefusedError", "[Errno 111] Connection refused: ('127.0.0.1', 8080)"), "offline-refuse"),
        (raised("Failed", "Timeout (>10.0s) from pytest-timeout.", "socket.py:1"), "offline"),
        (raised("Failed", "Timeout (>10.0s) from pytest-timeout.", "threading.py:1"), "offline-drop"),
        (raised("ImportError", "/tmp/x.so: failed to map segment from shared object"), "container"),
        (raised("KeyError", "'HOME'"), "container"),
        (raised("KeyError", "'getpwuid(): uid not found: 4'"), "lambda"),
        (os_error("ENOENT", "", "shutil.py:1"), "lambda"),
        (os_error("EMFILE", ""), "offline"),
        (raised("MemoryError", ""), "lambda"),
    ],
    ids=lambda one: f"{one.kind}-{one.message}" if isinstance(one, Raised) else None,
)
def test_what_the_environment_does_not_bring_about_is_not_blamed_on_it(failure: Raised, profile: str) -> None:
    """It says that nothing is known, and is not certain."""
    found = mechanical(evidence(failure), [], setting(profile))
    assert (found.dimension, found.certain) == ("", False)
    assert f"nothing that was refused explains it: what differs in {profile} isn't known" in found.text
    assert found.text.endswith("; no rule matched")


def test_what_nobody_knows_names_the_library_that_the_line_calls() -> None:
    """With its version; it's where to look first."""
    failure = evidence(raised("AssertionError", "assert not True\n +  where"), mentions=("os", "matplotlib"))
    found = mechanical(failure, [], setting("lambda", "lambda", matplotlib="3.11.2"))
    assert found.text == (
        "the project (test_a.py:3) failed with AssertionError: assert not True, and nothing that was refused explains it: "
        "what differs in lambda isn't known; the failing line calls matplotlib 3.11.2; no rule matched"
    )
    assert (found.library, found.version, found.place) == ("matplotlib", "3.11.2", TEST)


def test_a_refusal_that_an_assertion_may_come_of_is_likely() -> None:
    """What a library of the failing line was refused at import."""
    mpl = refusal("mkdir", "/home/sbx_user1051", "EROFS", "matplotlib", "matplotlib/__init__.py:571", phase="import")
    found = mechanical(evidence(raised("AssertionError", "assert not True"), mentions=("matplotlib",)), [mpl], LAMBDA)
    assert found.text.startswith(
        "matplotlib (matplotlib/__init__.py:571) tried to make the folder /home/sbx_user1051: EROFS"
    )
    assert (found.library, found.dimension, found.certain) == ("matplotlib", "root", False)
    found = mechanical(evidence(os_error("ENETUNREACH", ""), mentions=("matplotlib",)), [mpl], CONTAINER)
    assert (found.library, found.dimension) == ("", "network")


def test_what_hangs_where_packets_vanish_is_likely_the_network() -> None:
    """In code that talks to others; never certain."""
    slow = raised("requests.exceptions.ConnectTimeout", "timed out", "socket.py:1", "urllib3/connection.py:198")
    found = mechanical(evidence(slow), [], setting("offline-drop"))
    assert (found.dimension, found.certain) == ("network", False)
    assert "what is sent to the network vanishes in offline-drop" in found.text


def test_failed_to_map_is_noexec_where_that_was_measured() -> None:
    """Else a memory limit or a system call filter may be the reason."""
    unmapped = raised("ImportError", "/tmp/x/a.so: failed to map segment from shared object")
    found = mechanical(evidence(unmapped, facts=[("noexec", "/tmp/x")]), [], CONTAINER)
    assert (found.dimension, found.certain) == ("tmp_exec", True)


@pytest.mark.parametrize(
    ("message", "profile", "dimension"),
    [
        ("where False = <function isdir at 0x7f>('/home/sbx_user1051')", "lambda", "home"),
        ("assert '~' != '~'\n where '~' = <function expanduser at 0x7f>('~')", "lambda", "home"),
        ("where 5 = usage(free=5).free\n where usage = <function disk_usage at 0x7f>('/tmp')", "lambda", "tmp_size"),
        ("where False = <function exists at 0x7f>('/dev/shm')", "lambda", "shm"),
        ("where ('UTC', 'UTC') = time.tzname", "lambda", "timezone"),
    ],
)
def test_what_an_assertion_compares_is_likely_where_the_environment_changes_it(
    message: str, profile: str, dimension: str
) -> None:
    """By the calls that pytest shows; a comparison proves nothing."""
    found = mechanical(evidence(raised("AssertionError", f"assert False\n {message}")), [], setting(profile))
    assert (found.dimension, found.certain) == (dimension, False)


def test_what_a_program_printed_is_likely_why_it_ended_with_a_status() -> None:
    """`dd` on a full /tmp: no call was refused, the errno is in its own words."""
    status = raised("subprocess.CalledProcessError", "Command '['dd']' returned non-zero exit status 1.")
    full = "dd: error writing '/tmp/big': No space left on device"
    found = mechanical(evidence(status, output=full), [], LAMBDA)
    assert (found.dimension, found.certain) == ("tmp_size", False)
    assert "/tmp has 512 MiB in lambda" in found.text
    found = mechanical(evidence(raised("ValueError", "bad"), output=full), [], LAMBDA)
    assert found.dimension == ""


def test_the_innermost_library_is_to_blame() -> None:
    """Not the standard library, which acts for others, nor the project's own packages, which have no version."""
    failure = os_error(
        "ENETUNREACH",
        "",
        "/usr/lib/python3.11/socket.py:851",
        "urllib3/connection.py:60",
        "requests/a.py:1",
        "ours/a.py:3",
    )
    found = mechanical(evidence(failure), [], CONTAINER)
    assert (found.library, found.version, found.place) == ("urllib3", "2.8.0", "urllib3/connection.py:60")
    assert found.text.startswith("urllib3 2.8.0 (urllib3/connection.py:60) failed in Python's socket with OSError")
    own = os_error("ENETUNREACH", "", "socket.py:851", "ours/a.py:3")
    found = mechanical(evidence(own), [], CONTAINER)
    assert (found.library, found.place) == ("", "ours/a.py:3")
    assert found.text.startswith("the project (ours/a.py:3) failed in Python's socket with")


@pytest.mark.parametrize(
    ("module", "known", "library", "version"),
    [
        ("PIL", {"pillow": "11.0"}, "pillow", "11.0"),
        ("huggingface_hub", {"huggingface-hub": "1.3"}, "huggingface-hub", "1.3"),
        ("odd", {"told-by-knowledge": "2"}, "told-by-knowledge", "2"),
        ("nobody", {}, "nobody", ""),
    ],
)
def test_a_module_is_named_by_its_distribution(module: str, known: dict[str, str], library: str, version: str) -> None:
    """By what knowledge says, else by its own name, where that's installed."""
    refused = refusal("open", "/x/y/z", "EROFS", module, f"{module}/a.py:1")
    where = setting("lambda")._replace(version=lambda name: known.get(name, ""))
    failure = evidence(os_error("EROFS", "/x/y/z", f"{module}/a.py:1"))
    found = mechanical(failure, [refused], where, lambda name: "told-by-knowledge" if name == "odd" else "")
    assert (found.library, found.version) == (library, version)


def test_the_text_of_an_exception_is_short() -> None:
    """Its first line, cut, with paths as people write them."""
    long = raised("ValueError", "\n/v/lib/python3.12/site-packages/x/y is " + "long " * 100 + "\nsecond")
    found = mechanical(evidence(long), [], LAMBDA)
    assert "ValueError: site-packages/x/y is long" in found.text
    assert len(found.text) < 400
    assert "second" not in found.text


def test_a_failure_without_anything_is_told_all_the_same() -> None:
    """A worker that died has left no traceback."""
    found = mechanical(Evidence(), [], LAMBDA)
    assert found.text.startswith("the test failed with no message")
    died = Raised("", (), "killed for memory: more than the 128 MiB of small")
    found = mechanical(evidence(died), [], setting("host:memory=128M"))
    assert found.dimension == "memory"


@pytest.mark.parametrize(
    ("refused", "kept"),
    [
        (refusal("mkdir", "/home/sbx_user1051", "EROFS", "matplotlib", "matplotlib/__init__.py:571"), True),
        (refusal("open", "/p/x", "EROFS"), False),
        (refusal("open", "/p/x", "EROFS", process="sh -c echo"), False),
        (refusal("connect", "127.0.0.1:80", "ENETUNREACH", "matplotlib", "matplotlib/a.py:1"), False),
    ],
)
def test_a_loss_is_worth_a_word_if_a_library_lost_something(refused: Refusal, kept: bool) -> None:
    """What the project itself was refused stands in the list of refusals."""
    assert (told_loss(refused, LAMBDA) is not None) is kept
