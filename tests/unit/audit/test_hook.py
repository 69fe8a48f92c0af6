"""What the audit hook refuses and what it lets through, where there is no kernel to compare with."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pytest

Child = Callable[..., Any]
linux = pytest.mark.skipif(sys.platform != "linux", reason="shown with what Linux has")


def test_the_rules_can_be_replaced_and_switched_off(child: Child) -> None:
    """One hook, whose rules change; None refuses nothing."""
    found = child("""
def new():
    return tried(lambda: os.mkdir("ro/new"))

begin()
found = [new()]
enforce(None)
found += [new(), tried(lambda: os.rmdir("ro/new"))]
begin()
begin()
found += [new(), len(told)]
""")
    assert found == ["EROFS", None, None, "EROFS", 2]


def test_what_the_environment_allows_goes_on(child: Child) -> None:
    """Reading below the read-only mount, writing elsewhere, devices, temporary files and new modules."""
    found = child("""
import tempfile, threading
begin(network="none")
open("rw/new", "w").close()
os.rename("rw/new", "rw/other")
shutil.copy("ro/file", "rw/copy")
open(os.devnull, "w").write("x")
tempfile.TemporaryFile(dir="rw").close()
threads = [threading.Thread(target=lambda n=n: [open(f"rw/{n}", "w").close() for _ in range(50)]) for n in range(8)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
import colorsys, sqlite3
found = [open("ro/file").read(), sorted(os.listdir("rw"))[-3:], told]
""")
    assert found == ["text", ["copy", "file", "other"], []]


@linux
def test_the_mount_decides_and_not_the_file(child: Child) -> None:
    """A device or pipe below a read-only mount stays writable, also through a link that leads nowhere by name."""
    found = child("""
os.mkfifo("ro/pipe")
reader = os.open("ro/pipe", os.O_RDONLY | os.O_NONBLOCK)
one, other = os.pipe()
install({"mounts": [["/", True, True, None]]})
found = [tried(lambda: open("ro/pipe", "w").close()), tried(lambda: open("/dev/null", "w").close()),
         tried(lambda: open(f"/proc/self/fd/{other}", "w").close()), tried(lambda: open("rw/new", "w").close())]
""")
    assert found == [None, None, None, "EROFS"]


def test_reading_by_an_opening_that_could_write(child: Child) -> None:
    """O_CREAT on a file that is there, to read, changes nothing."""
    found = child("""
begin()
found = [tried(lambda: os.close(os.open("ro/file", os.O_RDONLY | os.O_CREAT))),
         tried(lambda: os.open("ro/new", os.O_RDONLY | os.O_CREAT)),
         tried(lambda: os.open("ro/file", os.O_RDONLY | os.O_TRUNC))]
""")
    assert found == [None, "EROFS", "EROFS"]


def test_opening_to_read_costs_no_walk(child: Child) -> None:
    """Nearly all opening is to read; where nothing is absent, its flags are enough."""
    found = child("""
from pytest_envguard.audit import files
walked, locate = [], files.locate
files.locate = lambda path, *others, **further: walked.append(path) or locate(path, *others, **further)
begin()
open("ro/file").close()
os.close(os.open("ro/file", os.O_RDONLY))
before = len(walked)
tried(lambda: open("ro/file", "a"))
found = [before, walked]
""")
    assert found == [0, ["ro/file"]]


def test_what_c_opens_for_python_by_name(child: Child) -> None:
    """`fopen` is announced with a mode and no flags: the key log of `ssl`."""
    found = child("""
import ssl
context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
begin()
found = tried(lambda: setattr(context, "keylog_filename", "ro/keys"))
""")
    assert found == "EROFS"


def test_events_of_other_systems(child: Child) -> None:
    """macOS's os.chflags and os.lchmod and Windows's os.spawn*, as they are announced there."""
    found = child("""
os.chmod("ro/file", 0o755)
os.chmod("rw/file", 0o755)
begin()
found = [tried(lambda event=event: sys.audit(*event)) for event in (
    ("os.chflags", "ro/file", 1), ("os.lchmod", "ro/file", 0o600), ("os.spawn", 0, "ro/file", [], {}),
    ("os.chflags", "rw/file", 1), ("os.lchmod", "rw/file", 0o600), ("os.spawn", 0, "rw/file", [], {}))]
""")
    assert found == ["EROFS", "EROFS", "EACCES", None, None, None]


def test_absent_paths(child: Child) -> None:
    """What doesn't exist in the environment can't be opened, listed, entered, changed or executed, nor through a link."""
    found = child("""
os.symlink("rw", "link")
os.chmod("rw/file", 0o755)
import sqlite3
begin(absent=[os.path.abspath("rw")])
found = [tried(attempt) for attempt in (
    lambda: open("rw/file"), lambda: open("link/file"), lambda: open(b"rw/new", "w"), lambda: os.listdir("rw"),
    lambda: os.scandir("link"), lambda: os.chdir("rw"), lambda: os.unlink("rw/file"), lambda: os.rmdir("rw"),
    lambda: os.rename("rw/file", "new"), lambda: os.rename("ro", "rw/new"), lambda: os.chmod("rw/file", 0o600),
    lambda: os.mkdir("rw/new"), lambda: os.execv("rw/file", ["x"]), lambda: subprocess.run(["rw/file"]),
    lambda: os.posix_spawn("rw/file", ["x"], {}))]
found += [tried(lambda: sqlite3.connect("rw/new")), tried(lambda: open("link/../ro/file").read())]
""")
    assert found == ["ENOENT"] * 15 + ["OperationalError: unable to open database file", "ENOENT"]


@linux
def test_a_library_of_an_absent_folder(child: Child) -> None:
    """The loader's words for what it doesn't find."""
    found = child("""
import ctypes
begin(absent=[os.path.abspath("rw")])
found = tried(lambda: ctypes.CDLL("rw/file"))
""")
    assert found == "OSError: rw/file: cannot open shared object file: No such file or directory"


@pytest.mark.parametrize(
    ("mode", "answer", "name"),
    [
        ("none", "ENETUNREACH", "EAI_AGAIN"),
        ("nxdomain", "ENETUNREACH", "EAI_NONAME"),
        ("refuse", "ECONNREFUSED", "EAI_AGAIN"),
    ],
)
def test_networks(child: Child, mode: str, answer: str, name: str) -> None:
    """Addresses outside and names get the answer of the network; loopback goes on."""
    found = child(f"""
import threading
server = socket.create_server(("127.0.0.1", 0))
begin(network={mode!r})
port = server.getsockname()[1]
found = [tried(lambda: socket.create_connection(("192.0.2.1", 9), 3)),
         tried(lambda: socket.create_connection(("localhost", port), 3).close()),
         tried(lambda: socket.socket().connect(("0.0.0.0", port))) if sys.platform == "linux" else None]
try:
    socket.getaddrinfo("example.invalid", 80)
except socket.gaierror as error:
    found.append(error.errno == socket.{name})
found.append([told[-1][2], type(tried(lambda: socket.gethostbyaddr("127.0.0.1"))).__name__])
""")
    assert found == [answer, None, None, True, [name, "tuple"]]


@linux
def test_words_of_a_name_that_nobody_has(child: Child) -> None:
    """Those of the C library; a reverse look-up has its own class and words."""
    found = child("""
begin(network="nxdomain")
found = []
for attempt in (lambda: socket.getaddrinfo("example.invalid", 0), lambda: socket.gethostbyaddr("192.0.2.1")):
    try:
        attempt()
    except OSError as error:
        found.append([type(error).__name__, list(error.args)])
""")
    assert found == [["gaierror", [-2, "Name or service not known"]], ["herror", [1, "Unknown host"]]]


def test_a_network_that_drops_everything(child: Child) -> None:
    """A time-out ends the waiting, with Python's words and no errno; names wait ten seconds."""
    found = child("""
from pytest_envguard.audit import network
waited = []
network.time.sleep = waited.append
begin(network="drop")
found = [tried(lambda: socket.create_connection(("192.0.2.1", 9), 1.5)), told[-1],
         tried(lambda: socket.getaddrinfo("example.invalid", 0)) and told[-1][2], waited]
""")
    assert found == [
        "TimeoutError: timed out",
        ["socket.connect", "192.0.2.1:9", "ETIMEDOUT"],
        "EAI_AGAIN",
        [1.5, 10.0],
    ]


@linux
def test_what_leads_out_on_this_machine(child: Child) -> None:
    """A name server on loopback and a daemon behind a socket are outside; other sockets, and other ports, aren't."""
    found = child("""
servers = []
for name in ("daemon", "other"):
    servers.append(socket.socket(socket.AF_UNIX))
    servers[-1].bind(name)
    servers[-1].listen()
begin(network="none", nameservers=["127.0.0.53"], daemons=[os.path.abspath("daemon")])
def unix(path):
    return tried(lambda: socket.socket(socket.AF_UNIX).connect(path))
def udp(*address):
    return tried(lambda: socket.socket(type=socket.SOCK_DGRAM).sendto(b"x", address))
found = [unix("daemon"), unix("other"), unix("missing"), udp("127.0.0.53", 53), udp("127.0.0.53", 54),
         udp("127.0.0.1", 53)]
""")
    assert found == ["ECONNREFUSED", None, "ENOENT", "ENETUNREACH", 1, 1]


def test_names_that_come_with_a_connection(child: Child) -> None:
    """What was looked up all the same gets the answer of a look-up; a name of this machine's file leads where it says."""
    found = child("""
from pytest_envguard.audit import network
known = dict(network._known_names(), here="127.0.0.1", there="192.0.2.1")
network._known_names = lambda: known
begin(network="none")
client = socket.socket()
found = [tried(lambda host=host: sys.audit("socket.connect", client, (host, 9))) for host in ("here", "There")]
tried(lambda: sys.audit("socket.connect", client, ("elsewhere.example", 9)))
tried(lambda: sys.audit("socket.getaddrinfo", "there", 9, 0, 0, 0))
found.append([name for _, _, name in told])
""")
    assert found == [None, "ENETUNREACH", ["ENETUNREACH", "EAI_AGAIN"]]


def test_an_open_network_is_left_alone(child: Child) -> None:
    """Without a network in the rules nothing of it is refused."""
    found = child("""
begin(network=None)
client = socket.socket(type=socket.SOCK_DGRAM)
tried(lambda: client.connect(("192.0.2.1", 9)))
tried(lambda: sys.audit("socket.connect", client, ("192.0.2.1", 9)))
tried(lambda: sys.audit("socket.getaddrinfo", "example.invalid", 80, 0, 0, 0))
found = told
""")
    assert found == []


def test_a_callback_that_is_refused_itself(child: Child) -> None:
    """It gets its error, is told of it, and the process goes on."""
    found = child("""
def told_by(*words):
    told.append(words[0])
    if len(told) < 3:
        try:
            open("ro/log", "a")
        except OSError:
            pass
begin()
rules = {"mounts": [["/", False, False, None], [os.path.abspath("ro"), True, False, None]]}
install(rules, told_by)
found = [tried(lambda: os.mkdir("ro/new")), told]
""")
    assert found == ["EROFS", ["os.mkdir", "open", "open"]]


def test_a_forked_child_is_refused_too(child: Child) -> None:
    """The hook goes with a fork, unlike with a program."""
    if sys.platform == "win32":
        pytest.skip("there is no fork")
    found = child("""
begin()
pid = os.fork()
if pid == 0:
    os._exit(tried(lambda: os.mkdir("ro/new")) == "EROFS")
found = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
""")
    assert found == 1


def test_tracebacks_hide_the_hook(child: Child) -> None:
    """pytest leaves out frames of modules that say so."""
    found = child("""
begin()
try:
    os.mkdir("ro/new")
except OSError as error:
    frames, trace = [], error.__traceback__
    while trace:
        frames.append(bool(trace.tb_frame.f_globals.get("__tracebackhide__")))
        trace = trace.tb_next
found = frames
""")
    assert found == [False, True]


@linux
def test_links_are_refused_last(child: Child) -> None:
    """Whatever else is wrong is said first; hard links, and links that are there, still work."""
    found = child("""
os.symlink("rw/file", "link")
begin(symlinks=False)
os.link("rw/file", "rw/hard")
found = [tried(lambda target=target, path=path: os.symlink(target, path)) for target, path in (
    ("a", "rw/new"), ("a", b"rw/new"), ("a", "rw/file"), ("a", "rw/no/new"), ("a", "rw/file/new"), ("a", "rw/new/"),
    ("", "rw/new"), ("a", "ro/new"), ("a", "ro/file"), ("a", "."))]
found += [open("link").read(), os.readlink("link"), sorted(os.listdir("rw")), told[0]]
""")
    assert found == [
        "EPERM",
        "EPERM",
        "EEXIST",
        "ENOENT",
        "ENOTDIR",
        "ENOENT",
        "ENOENT",
        "EROFS",
        "EEXIST",
        "EEXIST",
        "text",
        "rw/file",
        ["file", "hard"],
        ["os.symlink", "rw/new", "EPERM"],
    ]


@linux
def test_links_are_refused_where_nothing_else_is(child: Child) -> None:
    """An environment of nothing else has its check, and one that allows them has none."""
    found = child("""
install({"symlinks": False})
found = [tried(lambda: os.symlink("a", "rw/new"))]
enforce({"symlinks": True})
found += [tried(lambda: os.symlink("a", "rw/new"))]
""")
    assert found == ["EPERM", None]


@linux
def test_large_mappings_are_refused(child: Child) -> None:
    """By their length, or where that's left out by the file's from the offset on; what the system refuses it says itself."""
    found = child("""
import mmap
with open("rw/big", "wb") as file:
    file.truncate(1 << 21)
begin(mmap_limit=1 << 20)
with open("rw/big", "r+b") as file:
    def mapped(*words, **further):
        return tried(lambda: len(mmap.mmap(*words, **further)))

    found = [mapped(-1, 1 << 20), mapped(-1, (1 << 20) + 1), mapped(file.fileno(), 0), mapped(file.fileno(), 1 << 20),
             mapped(file.fileno(), 0, offset=1 << 20), mapped(12345, 0), told]
""")
    assert found == [1 << 20, "ENOMEM", "ENOMEM", 1 << 20, 1 << 20, "EBADF", [["mmap.__new__", "", "ENOMEM"]] * 2]
