"""Nothing that runs inside of an environment writes to, executes on or connects to the host.

Each attempt (see `attempts.py` and `attempts.c`) is judged twice: by what it was answered inside, and by the sentinels,
processes and listeners on the host, which must not have noticed it.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import pty
import selectors
import shutil
import socket
import stat
import subprocess
import sys
import sysconfig
import threading
import tty
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from pytest_envguard.planning.network import SOCKETS

from . import attempts
from .conftest import ANSWERED, HERE, STARTERS, Answer, Run, Starter

FILE_PROFILES = ("lambda", "container")
STATES = {
    "container": "none",
    "offline": "none",
    "offline-drop": "drop",
    "offline-refuse": "refuse",
    "offline-nxdomain": "nxdomain",
}
FILES = {
    **{f"C: {name}": right for name, right in attempts.CALLS.items()},
    **{f"sh: {name}": right for name, (_, right) in attempts.SHELL.items()},
    **{f"python: {name}": right for name, (_, right) in attempts.PYTHON.items()},
}
NETWORK = {f"network: {name}": right for name, (_, right) in attempts.NETWORK.items()}
WAYS = (*STARTERS, *ANSWERED)


def _asked(who: str, names: Iterable[str]) -> list[str]:
    """Return the attempts that mean something in this starter's environments."""
    return [name for name in names if not (who in ANSWERED and name in attempts.SHARED)]


FILE_CASES = [(who, profile, name) for who in WAYS for profile in FILE_PROFILES for name in _asked(who, FILES)]
NETWORK_CASES = [(who, profile, name) for who in WAYS for profile in STATES for name in _asked(who, NETWORK)]
SMALLEST_PID = 1000  # of a host process whose number no process inside has as well


# -- the host ----------------------------------------------------------------------------------------------------------


@dataclass
class Listeners:
    """Real listeners on the host: TCP on every address, UDP on loopback, AF_UNIX by an abstract name and by a path.

    Attributes:
        heard: All that was received, by the kind of listener; b"" for a connection that said nothing.
    """

    name: str
    heard: list[tuple[str, bytes]] = field(default_factory=list)
    sockets: dict[str, socket.socket] = field(default_factory=dict)

    def start(self, path: Path) -> None:
        """Listen, in a thread that lives as long as the test session."""
        self.sockets["tcp"] = socket.create_server(("", 0))
        self.sockets["udp"] = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sockets["udp"].bind(("127.0.0.1", 0))
        for kind, address in (("abstract", "\0" + self.name), ("path", str(path))):
            self.sockets[kind] = socket.socket(socket.AF_UNIX)
            self.sockets[kind].bind(address)
            self.sockets[kind].listen()
        path.chmod(0o777)
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with selectors.DefaultSelector() as selector:
            for kind, listener in self.sockets.items():
                selector.register(listener, selectors.EVENT_READ, kind)
            while True:
                for key, _ in selector.select():
                    self.heard.append((key.data, self._receive(key.data)))

    def _receive(self, kind: str) -> bytes:
        if kind == "udp":
            return self.sockets[kind].recv(4096)
        client, _ = self.sockets[kind].accept()
        with client:
            client.settimeout(5)
            try:
                return client.recv(4096)
            except OSError:
                return b""

    def port(self, kind: str) -> int:
        """Return where it listens."""
        return int(self.sockets[kind].getsockname()[1])


def own_address() -> str:
    """Return the address the host would send from, loopback if it has no other. Sends nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        try:
            client.connect(("192.0.2.1", 9))
        except OSError:
            return "127.0.0.1"
        return str(client.getsockname()[0])


def sentinels(folder: Path) -> Path:
    """Make the files that no attempt may change; everybody may write them, so that only the environment protects."""
    (folder / "empty").mkdir(parents=True)
    for name in ("file", "other"):
        (folder / name).write_text("sentinel\n")
    (folder / "code.py").write_text("import os\nx = [1,2]\n")
    for path in (folder, *folder.iterdir()):
        path.chmod(0o777 if path.is_dir() else 0o666)
    with contextlib.suppress(OSError):  # a file system without extended attributes
        os.setxattr(folder / "file", "user.sentinel", b"here")
    return folder


def state(folder: Path) -> dict[str, tuple[object, ...]]:
    """Return everything about ``folder`` and what is in it that an attempt could change."""
    found: dict[str, tuple[object, ...]] = {}
    for path in sorted([folder, *folder.rglob("*")]):
        status = path.lstat()
        content = path.read_bytes() if stat.S_ISREG(status.st_mode) else b""
        names = tuple(os.listxattr(path, follow_symlinks=False))
        found[str(path.relative_to(folder))] = (
            status.st_mode,
            (status.st_uid, status.st_gid),
            status.st_nlink,
            status.st_mtime_ns,
            status.st_ctime_ns,  # moves with every change of the inode, even one that is undone
            content,
            names,
        )
    return found


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path | None:
    """The system calls, compiled; None without a compiler."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if not compiler:
        return None
    made = tmp_path_factory.mktemp("program") / "attempts"
    done = subprocess.run(
        [compiler, "-O1", "-o", made, HERE / "attempts.c"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return made


@pytest.fixture(scope="session")
def host_segment() -> Iterator[None]:
    """A shared memory segment of the host (System V), whose key is the test's process id."""
    library = ctypes.CDLL(None, use_errno=True)
    number = library.shmget(os.getpid(), ctypes.c_size_t(4096), 0o1000 | 0o666)
    yield
    if number >= 0:
        library.shmctl(number, 0, None)


# -- one run of everything ---------------------------------------------------------------------------------------------


@dataclass
class Ground:
    """Where one environment's attempts are made.

    Attributes:
        folders: Attempt to kind of folder to path.
        before: Path to the state of its sentinels before the attempts.
    """

    folders: dict[str, dict[str, str]]
    before: dict[str, dict[str, tuple[object, ...]]] = field(default_factory=dict)


@dataclass
class Battery:
    """All attempts of one starter, made.

    Attributes:
        grounds: Profile to where its attempts were made.
        runs: Profile to how its run ended.
        answers: Profile to attempt to kind of folder to answer.
        covered: Folder in the host's /tmp, which the environments cover.
        token: Name that no file, node or socket of the host has but the test's own.
    """

    listeners: Listeners
    grounds: dict[str, Ground]
    runs: dict[str, Answer]
    answers: dict[str, dict[str, dict[str, str]]]
    covered: Path
    token: str


@dataclass
class Host:
    """What the attempts of one starter are told about the host."""

    starter: Starter
    listeners: Listeners
    covered: Path
    calls: Path | None
    setuid: Path | None
    token: str

    def told(self, profile: str, folders: dict[str, dict[str, str]]) -> dict[str, Any]:
        """Return what `attempts` reads."""
        return {
            "folders": folders,
            "answered": self.starter.answered,
            "project": str(self.starter.project),
            "files": profile in FILE_PROFILES,
            "network": profile in STATES,
            "namespaces": {kind: os.readlink(f"/proc/self/ns/{kind}") for kind in ("mnt", "pid", "net")},
            "host": os.getpid(),
            "devices": [os.stat(path).st_dev for path in (self.starter.project, "/var/tmp", "/")],
            "covered": str(self.covered),
            "token": self.token,
            "calls": str(self.calls) if self.calls else "",
            "setuid": str(self.setuid) if self.setuid else "/nonexistent",
            "tcp": self.listeners.port("tcp"),
            "udp": self.listeners.port("udp"),
            "address": own_address(),
            "ruff": _executable("ruff"),
            "uv": _executable("uv"),
        }


def _executable(name: str) -> str:
    return shutil.which(name, path=os.pathsep.join([sysconfig.get_path("scripts"), os.environ.get("PATH", "")])) or ""


def _ground(who: str, profile: str, below: dict[str, Path]) -> Ground:
    folders: dict[str, dict[str, str]] = {}
    for number, name in enumerate(_asked(who, FILES) if profile in FILE_PROFILES else ()):
        # Programs and libraries make the same system calls in both kinds of folder: once is enough for them.
        kinds = below if name.startswith("C: ") else ("project",)
        folders[name] = {kind: str(sentinels(below[kind] / profile / f"{number}")) for kind in kinds}
    for name in _asked(who, NETWORK) if profile in STATES else ():
        folders[name] = {"": str(below["project"])}
    return Ground(folders)


def _measure(ground: Ground) -> None:
    for name, folders in ground.folders.items():
        if name in FILES:
            ground.before |= {path: state(Path(path)) for path in folders.values()}


def _programs(starter: Starter, program: Path | None) -> tuple[Path | None, Path | None]:
    if not program:
        return None, None
    calls = Path(shutil.copy(program, starter.project / "calls"))
    setuid = Path(shutil.copy(program, starter.project / "setuid"))
    starter.give(calls)
    setuid.chmod(0o4755)
    return calls, setuid


def _fight(starter: Starter, folder_of: Callable[[str, str], Path], program: Path | None) -> Battery:
    token = f"envguard-{starter.name}-{os.getpid()}"
    below = {"project": starter.project, "outside": folder_of("/var/tmp", starter.name)}
    covered = sentinels(folder_of("/tmp", starter.name) / "covered")
    listeners = Listeners(token)
    listeners.start(starter.project / "socket")
    profiles = dict.fromkeys((*FILE_PROFILES, *STATES))
    grounds = {profile: _ground(starter.name, profile, below) for profile in profiles}
    for folder in below.values():
        starter.give(folder)
    host = Host(starter, listeners, covered, *_programs(starter, program), token)
    for ground in grounds.values():
        _measure(ground)
    script = (str(HERE / "attempts.py"),)
    runs = [Run(profile, script, host.told(profile, grounds[profile].folders)) for profile in profiles]
    done = dict(zip(profiles, starter.run(runs), strict=True))
    answers = {profile: answer.json()["answers"] for profile, answer in done.items()}
    return Battery(listeners, grounds, done, answers, covered, token)


@pytest.fixture(scope="session")
def battery(
    starters: Callable[..., Starter],
    folder_of: Callable[[str, str], Path],
    program: Path | None,
    host_segment: None,
) -> Callable[[str], Battery]:
    """Return a function from a starter's name to its attempts, which are made once, in all environments at a time."""
    known: dict[str, Battery] = {}

    def get(name: str) -> Battery:
        if name not in known:
            # Below /tmp: the project is then what is bound back into the environment's own /tmp.
            known[name] = _fight(starters(name, "/tmp"), folder_of, program)
        return known[name]

    return get


# -- the tests ---------------------------------------------------------------------------------------------------------


def _judge(name: str, answers: dict[str, str], right: tuple[str, ...]) -> None:
    for kind, answer in answers.items():
        if answer.startswith("skip: "):
            pytest.skip(answer.removeprefix("skip: "))
        alike = answer in right or any(answer.startswith(f"{one}:") for one in right if one.startswith("exit "))
        assert alike or attempts.READ_BACK in right, f"{name} in {kind or 'the environment'}: {answer}, not {right}"


@pytest.mark.parametrize(("who", "profile", "name"), FILE_CASES)
def test_no_attempt_changes_the_host(who: str, profile: str, name: str, battery: Callable[[str], Battery]) -> None:
    """An attempt inside is answered as a read-only deployment would, and the sentinels on the host are as before."""
    if name in attempts.BY_NUMBER and os.getpid() < SMALLEST_PID:
        pytest.skip("the test's own process id may be one inside as well")
    made = battery(who)
    ground = made.grounds[profile]
    for folder in ground.folders[name].values():
        assert state(Path(folder)) == ground.before[folder]
    _judge(name, made.answers[profile][name], FILES[name])


@pytest.mark.parametrize(("who", "profile", "name"), NETWORK_CASES)
def test_no_attempt_leaves_the_network(who: str, profile: str, name: str, battery: Callable[[str], Battery]) -> None:
    """An attempt to connect is answered as the network that the profile names would, and no listener heard of it."""
    made = battery(who)
    short = name.removeprefix("network: ").split()[0]
    assert not [heard for heard in made.listeners.heard if short.encode() in heard[1]]
    right = NETWORK[name]
    if right[-1:] == attempts.SENT or right[:1] == attempts.SENT:
        right = (*right, *attempts.SENT_ANSWERS[STATES[profile]])
    if attempts.FOREIGN[0] in right:
        right = (*right, *attempts.FOREIGN_ANSWERS[STATES[profile]])
    _judge(name, made.answers[profile][name], right)


@pytest.mark.parametrize("who", WAYS)
def test_no_listener_of_the_host_heard_anything(who: str, battery: Callable[[str], Battery]) -> None:
    """Nobody inside of an environment without a network reached a listener on the host, by whatever call."""
    assert [heard for heard in battery(who).listeners.heard if heard[0] != "path"] == []


@pytest.mark.parametrize("who", STARTERS)
def test_the_hosts_tmp_and_shared_memory_are_untouched(who: str, battery: Callable[[str], Battery]) -> None:
    """Files made inside in /tmp and /dev/shm are not on the host, even under a path that exists there."""
    made = battery(who)
    assert sorted(path.name for path in made.covered.iterdir()) == ["code.py", "empty", "file", "other"]
    assert (made.covered / "file").read_text() == "sentinel\n"
    assert not Path("/dev/shm", made.token).exists()
    assert not Path("/dev", made.token).exists()


@pytest.mark.parametrize("profile", FILE_PROFILES)
@pytest.mark.parametrize("who", STARTERS)
def test_what_is_put_back_below_tmp_is_said(who: str, profile: str, battery: Callable[[str], Battery]) -> None:
    """The project lies below the covered /tmp, and the plan says that it was put back read-only."""
    project = battery(who).grounds[profile].folders["C: open_create"]["project"].split(f"/{profile}/")[0]
    (note,) = (note for note in battery(who).runs[profile].notes if project in note and "put back" in note)
    assert note.endswith("read-only")


INHERITED = """
import errno, json, os, sys
told = json.loads(sys.argv[-1])
def answer(*arguments, **options):
    try:
        os.write(os.open(*arguments, 0o644, **options), b"reached")
    except OSError as error:
        return errno.errorcode[error.errno]
    return "ok"
print(json.dumps({
    "descriptor": answer("new", os.O_CREAT | os.O_WRONLY, dir_fd=told["passed"][0]) if told["passed"] else "",
    "stdin": answer("/proc/self/fd/0", os.O_WRONLY),
}))
"""


@pytest.mark.parametrize("profile", FILE_PROFILES)
def test_an_inherited_folder_is_no_way_out(
    profile: str, starter: Starter, folder_of: Callable[[str, str], Path]
) -> None:
    """A folder that whoever starts the environment has open can't be used inside to write on the host."""
    folder = sentinels(folder_of("/var/tmp", starter.name) / "held")
    before = state(folder)
    run = Run(profile, ("-c", INHERITED), stdin="/dev/null", descriptors=(str(folder),))
    (answer,) = starter.run([run])
    assert state(folder) == before
    assert answer.json()["descriptor"] in ("EBADF", "EROFS")


@pytest.mark.parametrize("profile", FILE_PROFILES)
def test_standard_input_from_a_file_is_no_way_out(
    profile: str, starter: Starter, folder_of: Callable[[str, str], Path]
) -> None:
    """A file that is the environment's standard input can't be opened anew to write it (``envguard run … < file``)."""
    folder = sentinels(folder_of("/var/tmp", starter.name) / "held")
    before = state(folder)
    (answer,) = starter.run([Run(profile, ("-c", INHERITED), stdin=str(folder / "file"))])
    assert state(folder) == before, answer.json()["stdin"]  # inside it may succeed, on a copy of the input


TYPE_AHEAD = """
import errno, fcntl, json, termios
try:
    fcntl.ioctl(0, termios.TIOCSTI, b"x")
except OSError as error:
    print(json.dumps(errno.errorcode[error.errno]))
else:
    print(json.dumps("ok"))
"""


def test_no_key_is_pressed_on_the_hosts_terminal(starter: Starter) -> None:
    """A program inside can't type into the terminal (TIOCSTI) what the host's shell would then execute."""
    master, slave = pty.openpty()
    try:
        os.chown(os.ttyname(slave), starter.uid, -1)
        tty.setraw(slave)
        os.set_blocking(slave, False)
        run = Run("lambda", ("-c", TYPE_AHEAD), stdin=os.ttyname(slave))
        (answer,) = starter.finish(starter.begin([run], leader=True))
        with pytest.raises(BlockingIOError):
            os.read(slave, 10)
        assert answer.json() in ("EIO", "EPERM")
    finally:
        os.close(master)
        os.close(slave)


CONNECT = """
import errno, json, socket, sys
told = json.loads(sys.argv[-1])
answers = []
for family, address in ((socket.AF_UNIX, told["path"]), (socket.AF_INET, ("127.0.0.1", told["tcp"])),
                        (socket.AF_UNIX, chr(0) + told["abstract"])):
    with socket.socket(family) as client:
        code = client.connect_ex(address)
        if not code:
            client.sendall(b"by design")
        answers.append(errno.errorcode.get(code, "ok"))
print(json.dumps(answers))
"""


@pytest.fixture
def listeners(starter: Starter, folder_of: Callable[[str, str], Path]) -> tuple[Listeners, dict[str, Any]]:
    """Listeners of the test's own, and what a program inside is told of them."""
    path = folder_of("/var/tmp", starter.name) / "socket"
    listening = Listeners(f"{path.parent.name}-{starter.name}")
    listening.start(path)
    return listening, {"path": str(path), "tcp": listening.port("tcp"), "abstract": listening.name}


@pytest.mark.parametrize("profile", ["container", "offline"])
def test_a_socket_in_the_file_system_is_reachable_by_design(
    profile: str, starter: Starter, listeners: tuple[Listeners, dict[str, Any]]
) -> None:
    """Without a network, a listener of the host is reached by the path of its socket (as by a volume) and not else."""
    (answer,) = starter.run([Run(profile, ("-c", CONNECT), listeners[1])])
    assert answer.json() == ["ok", "ECONNREFUSED", "ECONNREFUSED"]


def test_an_open_network_is_the_hosts_by_design(starter: Starter, listeners: tuple[Listeners, dict[str, Any]]) -> None:
    """Where the profile leaves the network open, loopback and abstract sockets are the host's own."""
    (answer,) = starter.run([Run("lambda", ("-c", CONNECT), listeners[1])])
    assert answer.json() == ["ok", "ok", "ok"]


def test_daemons_of_the_host_are_hidden(starter: Starter) -> None:
    """Without a network, the sockets of the host's name services, buses and container engines lead nowhere."""
    present = [path for path in SOCKETS if Path(path).is_socket() and os.access(path, os.W_OK)]
    if not present:
        pytest.skip(f"this host has none of {', '.join(SOCKETS)}")
    source = (
        "import errno, json, socket, sys\n"
        "paths = json.loads(sys.argv[-1])['paths']\n"
        "print(json.dumps([errno.errorcode.get(socket.socket(socket.AF_UNIX).connect_ex(path)) for path in paths]))"
    )
    (answer,) = starter.run([Run("offline", ("-c", source), {"paths": present})])
    assert set(answer.json()) <= {"ECONNREFUSED", "EACCES", "ENOENT"}


def test_the_battery_is_large_enough() -> None:
    """There are at least forty attempts in each of C, and Python, shell and network together."""
    assert len(attempts.CALLS) >= 40
    assert len(attempts.PYTHON) + len(attempts.SHELL) + len(attempts.NETWORK) >= 40
    assert sys.platform == "linux"
