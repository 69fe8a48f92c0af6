"""Every blind spot that is listed is one; with the day that one of these fails, its sentence goes."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_envguard.audit.blind_spots import BLIND_SPOTS

Child = Callable[..., Any]
_shown: set[str] = set()


def shows(beginning: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Say which sentence a test shows."""
    (sentence,) = [sentence for sentence in BLIND_SPOTS if sentence.startswith(beginning)]
    _shown.add(sentence)

    def same(test: Callable[..., None]) -> Callable[..., None]:
        return test

    return same


linux = pytest.mark.skipif(sys.platform != "linux", reason="shown with what Linux has")


def test_every_blind_spot_is_shown() -> None:
    """No sentence is there that no test of this file demonstrates."""
    assert _shown == set(BLIND_SPOTS)


@linux
@shows("Child processes")
def test_children(child: Child) -> None:
    """The shell writes where Python can't."""
    found = child("""
begin()
found = [tried(lambda: open("ro/new", "w")), subprocess.run(["sh", "-c", "echo x > ro/new"]).returncode]
""")
    assert found == ["EROFS", 0]


@linux
@shows("C, C++ and Rust")
def test_c(child: Child) -> None:
    """The C library makes a folder where Python can't, although Python asks it to."""
    found = child("""
import ctypes
begin()
found = [tried(lambda: os.mkdir("ro/new")), ctypes.CDLL(None).mkdir(b"ro/new", 0o755)]
""")
    assert found == ["EROFS", 0]


@shows("Subinterpreters")
def test_subinterpreters(child: Child) -> None:
    """A hook belongs to its interpreter."""
    found = child("""
try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters
begin()
new = interpreters.create()
interpreters.run_string(new, "open('ro/new', 'w').close()")
interpreters.destroy(new)
found = [tried(lambda: open("ro/other", "w")), os.path.exists("ro/new")]
""")
    assert found == ["EROFS", True]


@shows("SQLite")
def test_sqlite(child: Child) -> None:
    """A row is written to a database on a read-only mount; a new database isn't made."""
    found = child("""
import sqlite3
sqlite3.connect("ro/old").execute("create table t(x)")
begin()
with sqlite3.connect("ro/old") as database:
    database.execute("insert into t values (1)")
found = [database.execute("select * from t").fetchall(), tried(lambda: sqlite3.connect("ro/new"))]
""")
    assert found == [[[1]], "OperationalError: unable to open database file"]


@linux
@shows("os.mkfifo and os.mknod")
def test_pipes(child: Child) -> None:
    """Both make something on a read-only mount."""
    found = child("""
begin()
os.mkfifo("ro/pipe")
os.mknod("ro/node")
found = sorted(os.listdir("ro"))
""")
    assert found == ["file", "node", "pipe"]


@shows("Files that were opened for writing before")
def test_open_files(child: Child) -> None:
    """What is open stays open."""
    found = child("""
before = open("ro/file", "w")
begin()
before.write("more")
before.close()
found = open("ro/file").read()
""")
    assert found == "more"


@shows("Questions")
def test_questions(child: Child) -> None:
    """Each tells of this machine; opening and listing what is absent doesn't work."""
    found = child("""
begin(absent=[os.path.abspath("rw")])
found = [os.access("ro", os.W_OK), os.path.exists("rw/file"), os.stat("rw").st_nlink > 0,
         shutil.disk_usage("rw").total > 0, tried(lambda: open("rw/file")), tried(lambda: os.listdir("rw"))]
if hasattr(os, "statvfs"):
    found[0] = found[0] and not os.statvfs("ro").f_flag & (os.ST_RDONLY | getattr(os, "ST_NOEXEC", 0))
""")
    assert found == [True, True, True, True, "ENOENT", "ENOENT"]


@linux
@shows("Identity")
def test_identity(child: Child) -> None:
    """The ids of the environment aren't shown, and nothing is closed to them."""
    found = child("""
begin(ids=[12345, 12346])
found = [os.getuid() == 12345, os.getgid() == 12346, tried(lambda: os.chmod("rw/file", 0o600))]
""")
    assert found == [False, False, None]


@shows("Host name")
def test_host_name(child: Child) -> None:
    """The environment's isn't shown."""
    assert child("begin(hostname='elsewhere')\nfound = socket.gethostname() == 'elsewhere'") is False


@shows("Sizes")
def test_sizes(child: Child) -> None:
    """More than the mount holds fits."""
    found = child("""
install({"mounts": [["/", False, False, 10]]})
found = open("rw/file", "wb").write(bytes(1000))
""")
    assert found == 1000


@linux
@shows("os.open with dir_fd, and open with an opener")
def test_dir_fd(child: Child) -> None:
    """The same name is made in the read-only folder, and refused in the one that may be written."""
    found = child("""
closed, opened = os.open("ro", os.O_RDONLY), os.open("rw", os.O_RDONLY)
begin()
found = [tried(lambda: os.close(os.open("new", os.O_CREAT | os.O_WRONLY, dir_fd=closed)))]
os.chdir("ro")
found += [tried(lambda: os.open("other", os.O_CREAT | os.O_WRONLY, dir_fd=opened))]
found += [tried(lambda: open("other", "w", opener=lambda name, flags: os.open("/dev/null", flags)))]
""")
    assert found == [None, "EROFS", "EROFS"]


@linux
@shows("follow_symlinks=False")
def test_links(child: Child) -> None:
    """A link on a read-only mount to a file elsewhere gets a new time, and one elsewhere doesn't."""
    found = child("""
os.symlink("../rw/file", "ro/link")
os.symlink("../ro/file", "rw/link")
begin()
found = [tried(lambda: os.utime("ro/link", follow_symlinks=False)),
         tried(lambda: os.utime("rw/link", follow_symlinks=False))]
""")
    assert found == [None, "EROFS"]


@linux
@shows("os.chmod and os.chown of an open file's number")
def test_numbers(child: Child) -> None:
    """The kernel's refusal would have the number for a file name."""
    found = child("""
number = os.open("ro", os.O_RDONLY)
begin()
found = []
for attempt in (lambda: os.chmod(number, 0o700), lambda: os.chown(number, -1, -1)):
    try:
        attempt()
    except OSError as error:
        found.append([error.errno == errno.EROFS, error.filename])
""")
    assert found == [[True, None], [True, None]]


@linux
@shows("mmap with PROT_EXEC")
def test_mmap(child: Child) -> None:
    """The mapping is made."""
    found = child("""
import mmap
begin()
with open("ro/file", "rb") as file:
    found = len(mmap.mmap(file.fileno(), 4, mmap.MAP_PRIVATE, mmap.PROT_READ | mmap.PROT_EXEC))
""")
    assert found == 4


@linux
@shows("Libraries that the loader finds by their name alone")
def test_libraries(child: Child, tmp_path: Path) -> None:
    """The loader finds it along LD_LIBRARY_PATH; by its path it's refused."""
    import _ctypes

    file = getattr(_ctypes, "__file__", None)
    if file is None:
        pytest.skip("this interpreter has no extension module to copy")
    shutil.copy(file, tmp_path / "at/ro/libodd.so")
    found = child(
        """
import ctypes
begin()
found = [tried(lambda: bool(ctypes.CDLL("libodd.so"))), tried(lambda: bool(ctypes.CDLL("ro/libodd.so")))]
""",
        LD_LIBRARY_PATH=str(tmp_path / "at/ro"),
    )
    assert found == [True, "OSError: ro/libodd.so: failed to map segment from shared object"]


@linux
@shows("Programs started by a name without a folder")
def test_programs_by_name(child: Child) -> None:
    """The first one runs, as the hook can't lead to the second; and a name in the working folder runs, too."""
    found = child("""
for folder, code in (("ro", 3), ("rw", 5)):
    pathlib.Path(folder, "odd").write_text(f"#!/bin/sh\\nexit {code}\\n")
    os.chmod(f"{folder}/odd", 0o755)
begin()
found = [subprocess.run(["odd"], env={"PATH": "ro:rw"}, close_fds=False).returncode,
         tried(lambda: subprocess.run(["odd"], env={"PATH": "ro"}).returncode)]
os.environ["PATH"] = os.path.abspath("rw")
os.chdir("ro")
found += [os.waitstatus_to_exitcode(os.waitpid(os.posix_spawn("odd", ["odd"], {}), 0)[1]),
          tried(lambda: os.posix_spawn("./odd", ["odd"], {}))]
""")
    assert found == [3, "EACCES", 3, "EACCES"]


@shows("On Windows, subprocess.Popen without executable=")
def test_popen_on_windows(child: Child) -> None:
    """The event, as Windows raises it, has the words of the command and no program."""
    found = child("""
program = os.path.abspath("ro/file")
os.chmod(program, 0o755)
begin()
found = [tried(lambda: sys.audit("subprocess.Popen", None, program, None, None)),
         tried(lambda: sys.audit("subprocess.Popen", program, program, None, None))]
""")
    assert found == [None, "EACCES"]


@shows("socket.connect_ex")
def test_connect_ex(child: Child) -> None:
    """It raises."""
    found = child("begin(network='none')\nfound = tried(lambda: socket.socket().connect_ex(('192.0.2.1', 9)) and 0)")
    assert found == "ENETUNREACH"


@linux
@shows("Names given to connect")
def test_names_in_connect(child: Child) -> None:
    """Of a name that can't be one, the C library says so, and the hook has heard of nothing."""
    found = child("""
begin(network="none")
found = [tried(lambda: socket.socket().connect(("no name", 9))).split()[0], told]
""")
    assert found == ["gaierror:", []]


@shows("Flags of socket.getaddrinfo")
def test_flags(child: Child) -> None:
    """The event has no flags, so that nobody would be asked, and the answer is that of asking."""
    found = child("""
begin(network="none")
found = [tried(lambda: socket.getaddrinfo("example.invalid", 80, flags=socket.AI_NUMERICHOST)),
         tried(lambda: socket.getnameinfo(("192.0.2.1", 80), socket.NI_NUMERICHOST | socket.NI_NUMERICSERV)),
         [name for _, _, name in told]]
""")
    assert found[2] == ["EAI_AGAIN", "EAI_AGAIN"]


@shows("In a network that drops everything, a connection without a time-out")
def test_dropping_without_a_timeout(child: Child) -> None:
    """ETIMEDOUT comes after the hook's patience (which is shortened here, not ten seconds of a test's)."""
    found = child("""
from pytest_envguard.audit import network
waited = []
network.time.sleep = waited.append
begin(network="drop")
found = [tried(lambda: socket.socket().connect(("192.0.2.1", 9))), waited]
""")
    assert found == ["ETIMEDOUT", [10.0]]


@linux
@shows("In a network that drops everything, a non-blocking socket")
def test_dropping_without_blocking(child: Child) -> None:
    """It's writable at once, without an error."""
    found = child("""
begin(network="drop")
client = socket.socket()
client.setblocking(False)
found = [tried(lambda: client.connect(("192.0.2.1", 9))), len(select.select([], [client], [], 0)[1]),
         client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)]
""")
    assert found == ["EINPROGRESS", 1, 0]


@shows("In a network that drops or refuses everything, UDP")
@pytest.mark.parametrize("mode", ["drop", "refuse"])
def test_udp(child: Child, mode: str) -> None:
    """It's refused instead of lost."""
    found = child(f"""
begin(network={mode!r})
client = socket.socket(type=socket.SOCK_DGRAM)
found = [tried(lambda: client.sendto(b"x", ("192.0.2.1", 9))), tried(lambda: client.connect(("192.0.2.1", 9)))]
""")
    assert found == ["EPERM", "EPERM"]


@shows("Sockets that are connected before")
def test_connected_sockets(child: Child) -> None:
    """Sending on them isn't announced: a nameserver on loopback, which is outside, still gets it."""
    found = child("""
server = socket.socket(type=socket.SOCK_DGRAM)
server.bind(("127.0.0.1", 0))
client = socket.socket(type=socket.SOCK_DGRAM)
client.connect(server.getsockname())
begin(network="none")
client.send(b"x")
found = [server.recv(10).decode(), told]
""")
    assert found == ["x", []]


@shows("Listening")
def test_listening(child: Child) -> None:
    """Binding to an address is the same with the hook and without."""
    found = child("""
def bind(host):
    with socket.socket() as server:
        return tried(lambda: server.bind((host, 0)))

before = [bind("0.0.0.0"), bind("192.0.2.1")]
begin(network="none")
found = [before == [bind("0.0.0.0"), bind("192.0.2.1")], before[0], told]
""")
    assert found == [True, None, []]


@linux
@shows("mmap_limit")
def test_large_mappings(child: Child) -> None:
    """The C library maps what Python can't, and a small mapping grows."""
    found = child("""
import ctypes, mmap
begin(mmap_limit=1 << 20)
libc = ctypes.CDLL(None)
libc.mmap.restype = ctypes.c_void_p
small = mmap.mmap(-1, 4096)
small.resize(2 << 20)
address = libc.mmap(None, ctypes.c_size_t(2 << 20), 0, 0x22, -1, ctypes.c_long(0))
found = [tried(lambda: mmap.mmap(-1, 2 << 20)), address not in (None, 2**64 - 1), len(small)]
""")
    assert found == ["ENOMEM", True, 2 << 20]
