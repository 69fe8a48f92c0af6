"""Python's standard library: its answers in environments where something is missing, each with a failure that looks alike."""

from __future__ import annotations

from typing import Any

import pytest

from tests.knowledge.conftest import KnowledgeRun, causes, explained, not_explained, of_another_user, refused, rules
from tests.knowledge.profiles import SETTINGS

SHM = """
import multiprocessing, multiprocessing.pool, multiprocessing.synchronize, os
from concurrent.futures import ProcessPoolExecutor
from multiprocessing.shared_memory import SharedMemory

import pytest


@pytest.mark.parametrize("make", [
    multiprocessing.Lock, multiprocessing.Queue, multiprocessing.SimpleQueue, multiprocessing.Event,
    multiprocessing.Pool, multiprocessing.pool.ThreadPool, ProcessPoolExecutor,
], ids=lambda make: getattr(make, "__name__", "x"))
def test_lock(make):
    make()


def test_small():
    with open("/dev/shm/full", "wb") as file:
        try:
            file.write(bytes(2 << 20))
        except OSError:
            pass
    try:
        multiprocessing.Lock()
    finally:
        os.unlink("/dev/shm/full")


@pytest.mark.parametrize("make", [multiprocessing.Array, multiprocessing.RawArray, multiprocessing.Value])
def test_array(make):
    make("i", 1)


def test_shared_memory():
    block = SharedMemory(create=True, size=10)
    block.close()
    block.unlink()


def test_needs_nothing():
    here, there = multiprocessing.Pipe()
    process = multiprocessing.Process(target=there.send, args=(1,))
    process.start()
    assert here.recv() == 1
    process.join()
    with multiprocessing.Manager() as manager:
        assert list(manager.list([1])) == [1]


def test_block_that_nobody_made():
    SharedMemory(name="nobody")


def test_missing_below_a_lock():
    condition = multiprocessing.Condition()
    with condition:
        condition.wait_for(lambda: open("missing"))
"""

FILES = """
import asyncio, ctypes, dbm.dumb, errno, getpass, grp, logging, mmap, multiprocessing, os, pathlib, pwd, py_compile
import resource, shutil, socket, sqlite3, subprocess, sys, tempfile, threading

import pytest

HERE = pathlib.Path(__file__).parent


# -- temporary files

@pytest.mark.parametrize("make", [tempfile.gettempdir, tempfile.mkdtemp, tempfile.TemporaryFile], ids=lambda one: one.__name__)
def test_temporary(make):
    make()


def test_manager():
    with multiprocessing.Manager():
        pass


def test_full_file():
    with open("/tmp/full", "wb") as file:
        try:
            file.write(bytes(2 << 20))
            file.flush()
        finally:
            os.unlink("/tmp/full")


def test_full_database():
    folder = tempfile.mkdtemp(dir="/tmp")
    try:
        base = sqlite3.connect(f"{folder}/x.db")
        base.execute("create table t (a)")
        base.execute("insert into t values (?)", (os.urandom(2 << 20),))
        base.commit()
    finally:
        base.close()
        shutil.rmtree(folder)


# -- user and home

def test_getuser():
    getpass.getuser()


def test_getpwuid():
    pwd.getpwuid(os.getuid())


def test_program_user():
    subprocess.run(["id", "-un"], check=True, capture_output=True)


def test_program_other_user():
    subprocess.run(["id", "nobody-of-that-name"], check=True, capture_output=True)


def test_owner():
    with tempfile.NamedTemporaryFile() as file:
        pathlib.Path(file.name).owner()


def test_entry_of_another_uid():
    try:
        pwd.getpwuid(123456789)
    except KeyError as error:
        raise KeyError("no such customer: " + str(error).replace("getpwuid(): ", "")) from None


def test_getgrgid():
    grp.getgrgid(os.getgid())


@pytest.mark.parametrize("ask", [pathlib.Path.home, pathlib.Path("~/x").expanduser], ids=["home", "expanduser"])
def test_home(ask):
    ask()


def test_home_of_nobody():
    raise RuntimeError("Could not determine the home page")


def test_home_variable():
    os.environ["HOME"]


def test_user_variable():
    os.environ["USER"]


def test_key_called_home():
    {}["HOME"]


def test_key_called_user():
    {}["USER"]


def test_folder_in_home():
    os.makedirs(os.path.expanduser("~/.config/app"))


def test_file_in_home():
    with open(os.path.expanduser("~/.app.ini"), "w"):
        pass


def test_missing():
    open("missing")


# -- files beside the code

def _open():
    with open("x.txt", "w"):
        pass


def _mkdir():
    (HERE / "folder").mkdir()


def _database():
    sqlite3.connect("x.db").execute("create table t (a)")


def _old_database():
    base = sqlite3.connect(HERE / "old.db")
    base.execute("create table t (a)")


def _dbm():
    dbm.dumb.open("x", "c").close()


def _log():
    logging.FileHandler(HERE / "app.log").close()


def _unlink():
    (HERE / "old.txt").unlink()


def _copy():
    shutil.copy(__file__, HERE / "copy.py")


def _socket():
    with socket.socket(socket.AF_UNIX) as one:
        one.bind("app.sock")


@pytest.mark.parametrize("write", [_open, _mkdir, _database, _old_database, _dbm, _log, _unlink, _copy, _socket], ids=lambda one: one.__name__[1:])
def test_beside_the_code(write):
    if os.access(HERE, os.W_OK):
        pytest.skip("other environments have the same folder")
    write()


def test_compile():
    py_compile.compile(str(HERE / "module.py"), doraise=True)


# -- execution

def _library():
    # One that ctypes has loaded: there is no compiler everywhere.
    lines = pathlib.Path("/proc/self/maps").read_text().splitlines()
    paths = [line.split()[-1] for line in lines if "/_ctypes." in line or "/libffi" in line]
    found = next((path for path in paths if not path.startswith("/tmp/")), None)
    return pathlib.Path(found) if found else pytest.skip("ctypes is a part of the interpreter")


def test_library():
    ctypes.CDLL(shutil.copy(_library(), tempfile.mkdtemp()))


def test_library_in_a_child():
    path = shutil.copy(_library(), tempfile.mkdtemp())
    subprocess.run([sys.executable, "-c", f"import ctypes; ctypes.CDLL({path!r})"], check=True)


def test_memory_limit():
    path = max(pathlib.Path(os.path.dirname(os.__file__), "lib-dynload").glob("_[a-z]*.so"), default=_library())
    limits = resource.getrlimit(resource.RLIMIT_AS)
    size = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
    try:
        resource.setrlimit(resource.RLIMIT_AS, (size + 8192, limits[1]))
        ctypes.CDLL(str(path))
    finally:
        resource.setrlimit(resource.RLIMIT_AS, limits)


def _program(mode):
    path = pathlib.Path(tempfile.mkdtemp(), "tool")
    path.write_text("#!/bin/sh\\nexit 0\\n")
    path.chmod(mode)
    return path


def test_program():
    subprocess.run([_program(0o755)], check=True)


def test_program_of_a_shell():
    subprocess.run(str(_program(0o755)), shell=True, check=True)


def test_program_without_permission():
    path = HERE / "tool"
    assert not path.stat().st_mode & 0o111
    subprocess.run([path], check=True)


def test_mapping():
    path = pathlib.Path(tempfile.mkdtemp(), "code")
    path.write_bytes(bytes(4096))
    with path.open("rb") as file:
        mmap.mmap(file.fileno(), 4096, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ | mmap.PROT_EXEC)


# -- permissions and limits

def _raw_socket():
    socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)


def _chown():
    os.chown(tempfile.mkdtemp(), 0, 0)


@pytest.mark.parametrize("call", [lambda: os.setuid(0), lambda: os.nice(-5), lambda: os.chroot("/tmp"), _chown, _raw_socket], ids=["setuid", "nice", "chroot", "chown", "raw"])
def test_privileged(call):
    if os.geteuid() == 0:
        pytest.skip("it would be done")
    call()


def test_low_port():
    with socket.create_server(("127.0.0.1", 81)):
        pass


def test_low_port_of_asyncio():
    async def serve():
        (await asyncio.start_server(print, "127.0.0.1", 82)).close()
    asyncio.run(serve())


def test_open_files():
    files = []
    try:
        for _ in range(2000):
            files.append(open(os.devnull))
    finally:
        for file in files:
            file.close()


def test_threads():
    done = threading.Event()
    threads = []
    try:
        for _ in range(900):
            threads.append(threading.Thread(target=done.wait))
            threads[-1].start()
    finally:
        done.set()
        for thread in threads[:-1]:
            thread.join()


def test_processes():
    done = threading.Event()
    threads = []
    try:
        with pytest.raises(RuntimeError):
            for _ in range(900):
                thread = threading.Thread(target=done.wait)
                thread.start()
                threads.append(thread)
        # Others of this uid may end meanwhile, and leave room for some.
        processes = [subprocess.Popen(["sleep", "2"]) for _ in range(900)]
    finally:
        done.set()
        for thread in threads:
            thread.join()


def test_would_block():
    one, other = socket.socketpair()
    with one, other:
        one.setblocking(False)
        one.recv(1)

"""

NETWORK = """
import asyncio, socket, urllib.request


def test_name():
    socket.create_connection(("api.example.com", 80), timeout=5)


def test_url():
    urllib.request.urlopen("http://api.example.com/", timeout=5)


def test_address():
    socket.create_connection(("192.0.2.7", 443), timeout=5)


def test_own_address():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.connect(("10.255.255.255", 1))
        one.getsockname()


def test_nobody_listens():
    socket.create_connection(("127.0.0.1", 9), timeout=5)
"""


@pytest.fixture(scope="module")
def shm(knowledge_run: KnowledgeRun) -> dict[str, Any]:
    """What needs /dev/shm."""
    environments = "--envguard=lambda,no_shm,container,small"
    return knowledge_run([], SHM, environments, files=SETTINGS)


@pytest.fixture(scope="module")
def files(knowledge_run: KnowledgeRun) -> dict[str, Any]:
    """Files, programs, users, permissions and limits."""
    files = {**SETTINGS, "old.db": "", "old.txt": "", "module.py": "x = 1\n", "tool": "#!/bin/sh\n"}
    environments = "--envguard=lambda,container,noexec_tmp,openshift,sealed,lambda:tmp_size=1M,nameless"
    return knowledge_run([], FILES, environments, files=files)


@pytest.fixture(scope="module")
def network(knowledge_run: KnowledgeRun) -> dict[str, Any]:
    """What needs a network."""
    return knowledge_run([], NETWORK, "--envguard=offline,offline-refuse", files=SETTINGS)


# -- /dev/shm ----------------------------------------------------------------------------------------------------------

LOCKS = ["Lock", "Queue", "SimpleQueue", "Event", "Pool", "ThreadPool", "ProcessPoolExecutor"]


@pytest.mark.parametrize("environment", ["lambda", "no_shm"])
@pytest.mark.parametrize("kind", LOCKS)
def test_locks_need_dev_shm(shm: dict[str, Any], environment: str, kind: str) -> None:
    """Queues, pools and even a pool of threads have locks; what is raised names no path."""
    explained(shm, environment, f"test_lock[{kind}]", "python/locks-without-shm")


def test_pipes_need_no_dev_shm(shm: dict[str, Any]) -> None:
    """That is what the remedy says."""
    assert shm["outcomes"]["lambda"]["test_needs_nothing"] == "passed"


def test_missing_file_below_a_lock(shm: dict[str, Any]) -> None:
    """A file that isn't there, asked for by code that a condition calls."""
    not_explained(shm, "container", "test_missing_below_a_lock", "python/locks-without-shm")
    not_explained(shm, "container", "test_missing_below_a_lock", "python/arrays-without-shm")


def test_shared_memory_needs_dev_shm(shm: dict[str, Any]) -> None:
    """Its error names a file that is nowhere: "/psm_…"."""
    explained(shm, "lambda", "test_shared_memory", "python/shared-memory-without-shm")


def test_block_that_nobody_made(shm: dict[str, Any]) -> None:
    """A block that isn't there, in a /dev/shm that is."""
    not_explained(shm, "container", "test_block_that_nobody_made", "python/shared-memory-without-shm")


@pytest.mark.parametrize("kind", ["Array", "RawArray", "Value"])
def test_arrays_need_dev_shm(shm: dict[str, Any], kind: str) -> None:
    """They ask how much room is there, whatever the C library."""
    explained(shm, "lambda", f"test_array[{kind}]", "python/arrays-without-shm")


def test_small_dev_shm(shm: dict[str, Any]) -> None:
    """A full /dev/shm isn't a full /tmp."""
    explained(shm, "small", "test_small", "python/shm-full")


# -- temporary files ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ask", ["gettempdir", "mkdtemp", "TemporaryFile"])
def test_no_temporary_folder(files: dict[str, Any], ask: str) -> None:
    """All of /tmp, /var/tmp and the working folder are read-only."""
    explained(files, "sealed", f"test_temporary[{ask}]", "python/no-temporary-folder")


def test_no_temporary_folder_for_a_child(files: dict[str, Any]) -> None:
    """The process of a Manager ends, and what comes back is EOFError."""
    assert files["messages"]["sealed"]["test_manager"] == "EOFError"
    explained(files, "sealed", "test_manager", "python/no-temporary-folder")


def test_missing_file_of_the_project(files: dict[str, Any]) -> None:
    """A file that isn't there in any environment."""
    assert rules(files, "sealed", "test_missing") == rules(files, "nameless", "test_missing") == []


@pytest.mark.parametrize("test", ["test_full_file", "test_full_database"])
def test_full_temporary_folder(files: dict[str, Any], test: str) -> None:
    """SQLite has words of its own for it."""
    explained(files, "lambda:tmp_size=1M", test, "python/temporary-folder-full")


# -- user and home -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("environment", ["container", "nameless"])
def test_user_without_entry(files: dict[str, Any], environment: str) -> None:
    """The remedy of getpass."""
    explained(files, environment, "test_getuser", "python/getuser-without-entry")
    (cause,) = causes(files, environment, "test_getuser")
    assert [remedy["set"] for remedy in cause["remedies"]] == [{"USER": "app"}]


@pytest.mark.parametrize("test", ["test_getpwuid", "test_owner"])
def test_user_of_a_uid_without_entry(files: dict[str, Any], test: str) -> None:
    """No variable helps who asks for a number."""
    explained(files, "nameless", test, "python/uid-without-entry")


def test_program_that_looks_its_user_up(files: dict[str, Any]) -> None:
    """What it prints tells it: the exit status could mean anything."""
    explained(files, "container", "test_program_user", "python/program-without-entry")


@pytest.mark.parametrize("environment", ["container", "nameless"])
def test_program_that_asks_for_somebody_else(files: dict[str, Any], environment: str) -> None:
    """Nobody has that name anywhere."""
    not_explained(files, environment, "test_program_other_user", "python/program-without-entry")


def test_entry_of_another_uid(files: dict[str, Any]) -> None:
    """A KeyError of the project's own that says nearly the same."""
    not_explained(files, "nameless", "test_entry_of_another_uid", "python/uid-without-entry")


def test_group_without_entry(files: dict[str, Any]) -> None:
    """Lambda's group has none either."""
    explained(files, "nameless", "test_getgrgid", "python/gid-without-entry")


@pytest.mark.parametrize("ask", ["home", "expanduser"])
def test_no_home_folder(files: dict[str, Any], ask: str) -> None:
    """Neither HOME nor an entry."""
    explained(files, "nameless", f"test_home[{ask}]", "python/no-home-folder")
    assert files["outcomes"]["lambda"][f"test_home[{ask}]"] == "passed"


def test_home_of_nobody(files: dict[str, Any]) -> None:
    """A RuntimeError of the project's own."""
    not_explained(files, "nameless", "test_home_of_nobody", "python/no-home-folder")


@pytest.mark.parametrize("environment", ["lambda", "nameless"])
def test_home_is_not_set(files: dict[str, Any], environment: str) -> None:
    """Lambda's user has an entry, and no HOME."""
    explained(files, environment, "test_home_variable", "python/home-not-set")


def test_user_is_not_set(files: dict[str, Any]) -> None:
    """A login sets it."""
    explained(files, "nameless", "test_user_variable", "python/user-not-set")


def test_key_called_home(files: dict[str, Any]) -> None:
    """A key of a dict that isn't os.environ."""
    not_explained(files, "lambda", "test_key_called_home", "python/home-not-set")
    not_explained(files, "lambda", "test_key_called_user", "python/user-not-set")


@pytest.mark.parametrize("environment", ["lambda", "container", "openshift"])
def test_file_in_the_home_folder(files: dict[str, Any], environment: str) -> None:
    """A home that isn't there, and one that is the root."""
    explained(files, environment, "test_folder_in_home", "python/project-writes-in-home")
    (cause,) = causes(files, environment, "test_folder_in_home")
    assert cause["remedies"][0]["set"] == {"HOME": "/tmp"}


def test_file_in_a_home_that_is_not_there(files: dict[str, Any]) -> None:
    """The folder is missing, so that nothing was refused."""
    explained(files, "lambda", "test_file_in_home", "python/home-is-not-there")


# -- files -------------------------------------------------------------------------------------------------------------

WAYS = ["open", "mkdir", "database", "old_database", "dbm", "log", "unlink", "copy", "socket"]


@pytest.mark.parametrize("environment", ["lambda", pytest.param("openshift", marks=of_another_user)])
@pytest.mark.parametrize("way", WAYS)
def test_file_beside_the_code(files: dict[str, Any], environment: str, way: str) -> None:
    """Whatever it's written by; the rule names the line of the project."""
    test = f"test_beside_the_code[{way}]"
    explained(files, environment, test, "python/project-writes-beside-its-code")
    assert "test_it.py:" in causes(files, environment, test)[0]["explanation"]


def test_compiling_beside_the_source(files: dict[str, Any]) -> None:
    """py_compile is loud where an import isn't."""
    explained(files, "lambda", "test_compile", "python/bytecode-on-read-only-root")


def test_bytecode_is_lost_without_a_word(knowledge_run: KnowledgeRun) -> None:
    """It's what nobody asked for, so that it isn't among the refusals; a variable of Python's moves it."""
    source = """
        import os, pathlib, subprocess, sys

        def test_lost():
            import module
            assert not list(pathlib.Path(module.__file__).parent.glob("__pycache__/module*"))

        def test_moved():
            environ = {**os.environ, "PYTHONPYCACHEPREFIX": "/tmp/pycache"}
            subprocess.run([sys.executable, "-c", "import module"], env=environ, check=True)
            assert list(pathlib.Path("/tmp/pycache").rglob("module*.pyc"))
    """
    files = {"module.py": "x = 1\n"}
    found = knowledge_run([], source, "--envguard=lambda", files=files, env={"PYTHONDONTWRITEBYTECODE": ""})
    assert found["outcomes"]["lambda"] == {"test_lost": "passed", "test_moved": "passed"}, found["output"]
    assert not refused(found, "lambda", "test_lost")


# -- execution ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("environment", ["container", "noexec_tmp"])
@pytest.mark.parametrize("test", ["test_library", "test_library_in_a_child"])
def test_library_in_a_noexec_folder(files: dict[str, Any], environment: str, test: str) -> None:
    """In a process of its own the exit status is all that comes back."""
    explained(files, environment, test, "python/library-on-noexec-mount")


def test_folder_that_code_may_be_loaded_from(files: dict[str, Any]) -> None:
    """The remedy needs one: /dev/shm of a container is mounted noexec too."""
    (inside,) = causes(files, "container", "test_library")
    (only,) = causes(files, "noexec_tmp", "test_library")
    assert inside == only  # the same cause, in two environments
    folders = [remedy["set"].get("TMPDIR") for remedy in only["remedies"] if remedy["set"]]
    assert folders in (["/var/tmp"], ["/dev/shm"])


@pytest.mark.parametrize("environment", ["container", "noexec_tmp"])
def test_memory_limit_says_the_same(files: dict[str, Any], environment: str) -> None:
    """The library lies where code may be loaded from."""
    assert "failed to map segment from shared object" in files["messages"][environment]["test_memory_limit"]
    not_explained(files, environment, "test_memory_limit", "python/library-on-noexec-mount")


@pytest.mark.parametrize("environment", ["container", "noexec_tmp"])
@pytest.mark.parametrize("test", ["test_program", "test_program_of_a_shell"])
def test_program_in_a_noexec_folder(files: dict[str, Any], environment: str, test: str) -> None:
    """A script is a program as well."""
    explained(files, environment, test, "python/program-on-noexec-mount")
    not_explained(files, environment, test, "python/extension-left-out")


def test_program_without_permission(files: dict[str, Any]) -> None:
    """The same errno, of a file that nobody may run."""
    not_explained(files, "noexec_tmp", "test_program_without_permission", "python/program-on-noexec-mount")


def test_mapping_in_a_noexec_folder(files: dict[str, Any]) -> None:
    """EPERM that has nothing to do with capabilities."""
    explained(files, "container", "test_mapping", "python/library-on-noexec-mount")


# -- permissions and limits --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "call",
    [
        pytest.param("setuid", marks=of_another_user),  # there is none: EINVAL
        "nice",
        "chroot",
        pytest.param("chown", marks=of_another_user),
        "raw",
    ],
)
def test_privileged_calls(files: dict[str, Any], call: str) -> None:
    """Nothing of it is a file's fault."""
    explained(files, "lambda", f"test_privileged[{call}]", "python/privileged-call")


@pytest.mark.parametrize("test", ["test_low_port", "test_low_port_of_asyncio"])
def test_low_port(files: dict[str, Any], test: str) -> None:
    """EACCES without a file."""
    explained(files, "lambda", test, "python/low-port")


def test_too_many_open_files(files: dict[str, Any]) -> None:
    """1,024 of them."""
    explained(files, "lambda", "test_open_files", "python/too-many-open-files")


@pytest.mark.parametrize("test", ["test_threads", "test_processes"])
def test_too_many_threads(files: dict[str, Any], test: str) -> None:
    """742 on Lambda, processes counted."""
    explained(files, "lambda", test, "python/too-many-threads")


def test_socket_that_would_block(files: dict[str, Any]) -> None:
    """The same errno as of a process that can't be started."""
    not_explained(files, "lambda", "test_would_block", "python/too-many-threads")


# -- network -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("environment", ["offline", "offline-refuse"])
@pytest.mark.parametrize("test", ["test_name", "test_url", "test_address"])
def test_host_of_the_project(network: dict[str, Any], environment: str, test: str) -> None:
    """By name and by address."""
    explained(network, environment, test, "python/project-contacts-a-host")


def test_own_address_without_a_route(network: dict[str, Any]) -> None:
    """Nothing would be sent, but a route is asked for."""
    explained(network, "offline", "test_own_address", "python/own-address-by-a-route")


@pytest.mark.parametrize("environment", ["offline", "offline-refuse"])
def test_nobody_listens_on_loopback(network: dict[str, Any], environment: str) -> None:
    """Loopback works everywhere: that nobody listens is the project's own matter."""
    not_explained(network, environment, "test_nobody_listens", "python/project-contacts-a-host")
