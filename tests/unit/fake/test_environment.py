"""The fixture `fake_environment`, from within a test."""

from __future__ import annotations

import errno
import getpass
import importlib.util
import io
import os
import shutil
import stat
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from os import access, geteuid, mkdir, statvfs
from os.path import expanduser
from pathlib import Path
from typing import Any

import pytest
from pyfakefs import fake_filesystem, fake_os, fake_pathlib
from pyfakefs.fake_filesystem_unittest import Patcher
from pyfakefs.fake_open import FakeFileOpen

from pytest_envguard.errors import EnvguardError
from pytest_envguard.fake import FakeEnvironments, modules
from pytest_envguard.fake.layout import Identity
from pytest_envguard.fake.modules import FakeOs

Enter = FakeEnvironments


def number(function: Callable[[], object]) -> str:
    """Return the name of the errno that ``function`` fails with."""
    with pytest.raises(OSError) as caught:
        function()
    return errno.errorcode[caught.value.errno or 0]


def opened(path: str, mode: str = "r", by: Callable[..., Any] | None = None) -> str:
    """Return what can be read from ``path``, opened in ``mode``."""
    with (by or open)(path, mode, encoding="ascii") as file:
        return str(file.read()) if mode == "r" else ""


def test_the_layout_of_lambda(fake_environment: Enter, tmp_path: Path) -> None:
    """Its folders belong to root, the process is uid 993 in /var/task, and nothing real is there."""
    real = str(tmp_path)

    env = fake_environment("lambda")

    assert [str(path) for path in (env.task, env.home, env.tmp)] == ["/var/task", "None", "/tmp"]
    assert (os.getcwd(), str(Path.cwd())) == ("/var/task", "/var/task")
    for folder in ("/var/task", "/var/lang", "/var/runtime", "/opt"):
        status = os.stat(folder)
        assert (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) == (0, 0, 0o755)
    assert stat.filemode(os.stat("/tmp").st_mode) == "drwxrwxrwt"
    assert [os.path.exists(path) for path in ("/dev/shm", real, __file__, "/dev/null", "/dev/urandom")] == [
        False,
        False,
        False,
        True,
        True,
    ]
    assert (os.getuid(), os.geteuid(), os.getgid(), os.getegid()) == (993, 993, 990, 990)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no passwd entries")
def test_who_one_is_without_home(fake_environment: Enter) -> None:
    """HOME is unset, and the passwd entry's folder can't be made: what breaks caches on Lambda."""
    fake_environment("lambda")

    assert "HOME" not in os.environ and getpass.getuser() == "sbx_user1051"
    assert os.path.expanduser("~/.cache") == "/home/sbx_user1051/.cache"
    assert str(Path("~sbx_user1051").expanduser()) == str(Path.home()) == "/home/sbx_user1051"
    assert os.path.expanduser(b"~") == b"/home/sbx_user1051"
    assert os.path.expanduser("~nobody/x") == "~nobody/x"
    assert number(lambda: os.makedirs(os.path.expanduser("~/.cache"), exist_ok=True)) == "EROFS"
    import pwd

    assert pwd.getpwnam("sbx_user1051") == pwd.getpwuid(os.getuid())
    for unknown in (lambda: pwd.getpwnam("me"), lambda: pwd.getpwuid(1000)):
        with pytest.raises(KeyError, match=r"getpw\w+\(\): \w+ not found: "):
            unknown()


@pytest.mark.parametrize(
    ("word", "user", "home"),
    [("~", "me", "/home/me"), ("~", "", None), ("~me", "me", "/home/me"), ("~you", "me", None), ("~root", "", "/root")],
)
def test_whose_home_a_tilde_stands_for(monkeypatch: pytest.MonkeyPatch, word: str, user: str, home: str | None) -> None:
    """On Windows, too, where no passwd entry could be asked; HOME counts first."""
    identity = Identity(1, 1, user, "/home/me")
    monkeypatch.setenv("HOME", "/set")
    assert modules._home_of("~", identity) == "/set"
    monkeypatch.delenv("HOME")
    assert modules._home_of(word, identity) == home


def test_nobody_knows_a_home(fake_environment: Enter) -> None:
    """With neither HOME nor a passwd entry, `~` stays and `Path.home` fails."""
    fake_environment("systemd")

    assert os.path.expanduser("~/x") == "~/x"
    with pytest.raises(RuntimeError, match="Could not determine home directory"):
        Path.home()
    with pytest.raises(RuntimeError):
        Path("~/x").expanduser()


def test_a_home_that_a_test_sets_counts(fake_environment: Enter, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a function does that sets HOME=/tmp before it imports a library."""
    fake_environment("lambda")
    monkeypatch.setenv("HOME", "/tmp")

    assert os.path.expanduser("~/x") == "/tmp/x"
    assert Path.home() == Path("/tmp") == Path("~").expanduser()


@pytest.fixture
def unchanged() -> Iterator[None]:
    """Nothing of the test is left in the variables of this process."""
    before = {**os.environ, "PYTEST_CURRENT_TEST": ""}
    yield
    assert {**os.environ, "PYTEST_CURRENT_TEST": ""} == before


def test_variables_that_are_set_inside_are_undone(
    unchanged: None, fake_environment: Enter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`monkeypatch` finds no HOME there, and must not leave none behind."""
    fake_environment("lambda")
    monkeypatch.setenv("HOME", "/tmp")
    monkeypatch.setenv("TZ", "Europe/Zurich")


def test_variables_that_were_set_before_are_undone(
    unchanged: None, fake_environment: Enter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A test sets one, enters, and ends: the environment brings it back before monkeypatch takes it away."""
    monkeypatch.setenv("XDG_CACHE_HOME", "/proc/x")
    fake_environment("lambda")


def test_variables(fake_environment: Enter, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment's are set, those that aren't there are removed, all others stay."""
    monkeypatch.setenv("XDG_CACHE_HOME", "/proc/x")
    monkeypatch.setenv("TMPDIR", "/x")
    monkeypatch.setenv("MINE", "x")

    fake_environment("lambda", env={"STAGE": "test"})

    assert [os.environ.get(name) for name in ("XDG_CACHE_HOME", "TMPDIR", "MINE", "STAGE")] == [None, None, "x", "test"]
    assert os.environ["LAMBDA_TASK_ROOT"] == os.environ["PWD"] == "/var/task"
    assert os.environ["TZ"] == ":UTC"
    if sys.platform != "win32":
        assert time.localtime().tm_gmtoff == 0


@pytest.mark.parametrize("uid", [0, 993])
def test_what_a_read_only_mount_answers(fake_environment: Enter, uid: int) -> None:
    """The kernel's order of checks; as root, permissions are no reason any more, and EROFS stays one."""
    env = fake_environment("lambda", uid=uid)
    env.write("app.py", "x = 1")
    env.write("secret/key", "")
    with env.writable():
        os.chmod("secret", 0o700)
    refused = "EROFS" if uid == 0 else "EACCES"

    assert opened("app.py") == "x = 1"
    assert number(lambda: opened("app.py", "w")) == "EROFS"
    assert number(lambda: opened("app.py", "a")) == refused
    assert number(lambda: opened("app.py", "r+", by=io.open)) == refused
    assert number(lambda: opened("new", "x")) == "EROFS"
    assert number(lambda: opened("app.py", "x")) == "EEXIST"
    assert number(lambda: os.mkdir("new")) == "EROFS"
    assert number(lambda: os.mkdir("/opt")) == "EEXIST"
    assert number(lambda: os.mkdir("no/new")) == "ENOENT"
    assert number(lambda: os.mkdir("secret/new")) == refused
    assert number(lambda: os.unlink("missing")) == "EROFS"
    assert number(lambda: os.rmdir("/tmp")) == "EROFS"
    assert number(lambda: os.rename("app.py", "/tmp/app.py")) == "EXDEV"
    assert number(lambda: os.rename("app.py", "new.py")) == "EROFS"
    assert number(lambda: os.link("app.py", "/tmp/app.py")) == "EXDEV"
    assert number(lambda: os.link("app.py", "new.py")) == "EROFS"
    assert number(lambda: os.chmod("app.py", 0o600)) == "EROFS"
    assert number(lambda: os.utime("app.py")) == "EROFS"
    assert number(lambda: os.lchmod("app.py", 0o600)) == "EROFS"  # macOS has it; pyfakefs everywhere
    assert number(lambda: os.truncate("app.py", 0)) == refused
    assert number(lambda: Path("app.py").touch()) == refused
    assert number(lambda: Path("/opt/x").write_text("", encoding="ascii")) == "EROFS"
    os.makedirs("/opt", exist_ok=True)
    Path("/opt").mkdir(parents=True, exist_ok=True)
    assert [os.access("app.py", mode) for mode in (os.F_OK, os.R_OK, os.W_OK)] == [True, True, False]


def test_functions_that_were_imported_by_name(fake_environment: Enter) -> None:
    """`from os import …` is replaced too, for what pyfakefs doesn't know as well."""
    fake_environment("lambda")

    assert number(lambda: mkdir("/opt/x")) == "EROFS"
    assert not access("/opt", os.W_OK)
    assert statvfs("/opt").f_flag & 1
    assert geteuid() == 993
    assert expanduser("~") == "/home/sbx_user1051"


def test_shutil_across_the_areas(fake_environment: Enter) -> None:
    """Copying out works; moving out copies and then can't remove; moving in can't copy."""
    env = fake_environment("lambda")
    env.write("data/a", "1")

    shutil.copytree("data", "/tmp/data")
    assert number(lambda: shutil.move("data/a", "/tmp/a")) == "EROFS"
    assert (os.path.exists("/tmp/a"), os.path.exists("data/a")) == (True, True)
    assert number(lambda: shutil.move("/tmp/a", "/opt/a")) == "EROFS"
    assert os.path.exists("/tmp/a")
    assert number(lambda: shutil.rmtree("data")) == "EROFS"
    shutil.rmtree("/tmp/data")


def test_the_size_of_tmp(fake_environment: Enter) -> None:
    """ENOSPC beyond it, in what `statvfs` and `disk_usage` say as well; removing makes room."""
    env = fake_environment("lambda", tmp_size="1M")
    assert env.name == "lambda:tmp_size=1M"
    assert shutil.disk_usage("/tmp") == (1 << 20, 0, 1 << 20)

    (env.tmp / "half").write_bytes(bytes(1 << 19))
    status = os.statvfs("/tmp/half")
    assert (status.f_blocks * status.f_frsize, status.f_bavail * status.f_frsize) == (1 << 20, 1 << 19)
    assert number(lambda: (env.tmp / "more").write_bytes(bytes((1 << 19) + 1))) == "ENOSPC"
    os.unlink("/tmp/half")
    (env.tmp / "more").write_bytes(bytes(1 << 20))
    assert shutil.disk_usage("/tmp").free == 0
    assert shutil.disk_usage("/var").free > 1 << 20


def test_a_noexec_mount_says_so(fake_environment: Enter) -> None:
    """`os.access` denies execution, whatever the mode; only files are meant."""
    env = fake_environment("container")
    (env.tmp / "tool").touch()
    (env.tmp / "tool").chmod(0o755)

    assert not os.access("/tmp/tool", os.X_OK)
    assert os.access("/tmp", os.X_OK)
    assert os.statvfs("/tmp").f_flag & 8


def test_temporary_files(fake_environment: Enter) -> None:
    """`tempfile` finds the environment's /tmp, and they belong to the process."""
    fake_environment("lambda")

    assert tempfile.gettempdir() == "/tmp"
    with tempfile.NamedTemporaryFile() as file:
        assert os.stat(file.name).st_uid == 993
    with tempfile.TemporaryDirectory() as folder:
        assert folder.startswith("/tmp/")


def test_setting_up(fake_environment: Enter) -> None:
    """`write` and `writable` make files of root's wherever they are to be; afterwards everything is as before."""
    env = fake_environment("lambda")

    assert env.write("pkg/app.py", "a") == Path("/var/task/pkg/app.py")
    assert env.write("pkg/app.py", b"b", mode=0o600) == Path("/var/task/pkg/app.py")
    with env.writable():
        os.mkdir("/opt/bin")
        with env.writable():
            Path("/opt/bin/tool").write_text("x", encoding="ascii")
        Path("/opt/bin/other").touch()

    assert number(lambda: opened("pkg/app.py")) == "EACCES"
    assert {os.stat(path).st_uid for path in ("pkg", "pkg/app.py", "/opt/bin", "/opt/bin/tool")} == {0}
    assert sorted(os.listdir("/opt/bin")) == ["other", "tool"]
    assert number(lambda: opened("/opt/bin/new", "w")) == "EROFS"
    assert os.getuid() == 993


def test_setting_up_ends_with_an_error_too(fake_environment: Enter) -> None:
    """An exception within `writable` leaves nothing unlocked."""
    env = fake_environment("lambda")
    with pytest.raises(ZeroDivisionError), env.writable():
        1 / 0  # noqa: B018
    assert (os.getuid(), number(lambda: os.mkdir("/opt/x"))) == (993, "EROFS")


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """A real folder with a file, a script, a private file, an empty folder and a link."""
    folder = tmp_path / "models"
    (folder / "empty").mkdir(parents=True)
    for name, mode in {"config.json": 0o644, "run.sh": 0o755, "private": 0o600}.items():
        (folder / name).write_text(name)
        (folder / name).chmod(mode)
    (folder / "link").symlink_to("config.json")
    return folder


def test_real_folders(models: Path, fake_environment: Enter) -> None:
    """They are shown with their modes as root's, and read when asked for."""
    env = fake_environment("lambda")

    assert env.add(models, "/opt/models") == Path("/opt/models")
    env.fs.pause()
    (models / "config.json").write_text("changed later")
    env.fs.resume()

    assert sorted(os.listdir("/opt/models")) == ["config.json", "empty", "link", "private", "run.sh"]
    assert opened("/opt/models/link") == "changed later"
    assert [os.access(f"/opt/models/{name}", os.X_OK) for name in ("run.sh", "config.json")] == [True, False]
    assert {os.stat(f"/opt/models/{name}").st_uid for name in ("", "run.sh", "empty")} == {0}
    assert number(lambda: opened("/opt/models/private")) == "EACCES"
    assert number(lambda: opened("/opt/models/new", "w")) == "EROFS"


def test_real_files_under_their_own_name_and_into_what_is_there(models: Path, fake_environment: Enter) -> None:
    """The working folder is where they go by themselves; a folder that is there takes more in."""
    env = fake_environment("lambda")
    env.write("app.py")

    assert env.add(models / "config.json") == Path("/var/task/config.json")
    env.add(str(models / "empty"), "models")
    env.add(str(models), "models/")

    assert sorted(os.listdir("/var/task")) == ["app.py", "config.json", "models"]
    assert {"empty", "run.sh"} <= set(os.listdir("/var/task/models"))


def test_real_files_are_never_written(models: Path, fake_environment: Enter) -> None:
    """Where the layout is writable, only the fake changes."""
    env = fake_environment("lambda")
    env.add(models, "/tmp/models")
    with env.writable():
        Path("/tmp/models/config.json").write_text("fake", encoding="ascii")
        shutil.rmtree("/tmp/models/empty")
    env.fs.pause()
    assert (models / "config.json").read_text() == "config.json"
    assert (models / "empty").exists()
    env.fs.resume()


def test_real_files_take_their_part_of_the_size(tmp_path: Path, fake_environment: Enter) -> None:
    """What doesn't fit into /tmp can't be shown there."""
    (tmp_path / "big").write_bytes(bytes(1 << 20))
    env = fake_environment("lambda", tmp_size="1M")
    env.add(tmp_path / "big", "/tmp/big")
    assert shutil.disk_usage("/tmp").free == 0
    with pytest.raises(EnvguardError, match=r"cannot be shown at /tmp/second: .*No space left"):
        env.add(tmp_path / "big", "/tmp/second")


def test_real_files_that_are_not_there(fake_environment: Enter) -> None:
    """What was to be shown where is said, and why it can't."""
    env = fake_environment("lambda")
    with pytest.raises(
        EnvguardError, match=r"`fake_environment`: no-such cannot be shown at /opt/x: .*No such file.*/no-such"
    ):
        env.add("no-such", "/opt/x")
    env.write("app.py")
    with pytest.raises(EnvguardError, match=r"cannot be shown at /var/task/app\.py: .*File exists"):
        env.add(Path(__file__), "app.py")


@pytest.mark.parametrize(
    ("selection", "changes", "message"),
    [
        ("lamda", {}, "`fake_environment`: no profile is named `lamda`\nhint: did you mean `lambda`?"),
        (
            "lambda",
            {"tmp_sise": 1},
            "`fake_environment`: no dimension is named `tmp_sise`\nhint: did you mean `tmp_size`?",
        ),
        ("lambda", {"tmp_size": "1X"}, "`fake_environment`: `tmp_size`: expected a size such as"),
        (
            "lambda",
            {"memory": "1G"},
            "`fake_environment`: a fake file system can't show `memory`\nhint: it shows root,",
        ),
        ("lambda:memory=1G:cpus=1", {}, "can't show `cpus`, `memory`"),
        ("offline", {}, "`offline` changes only what a fake file system can't show: network"),
    ],
)
def test_mistakes(fake_environment: Enter, selection: str, changes: dict[str, object], message: str) -> None:
    """Each is one error that says what to do, and the real file system stays."""
    with pytest.raises(EnvguardError) as caught:
        fake_environment(selection, **changes)
    assert message in str(caught.value)
    assert os.path.exists(__file__)


def test_one_environment_in_a_test(fake_environment: Enter) -> None:
    """A second call is refused; the first environment stays."""
    fake_environment("lambda")
    with pytest.raises(EnvguardError, match="`fake_environment`: `lambda` is active in this test already"):
        fake_environment("container")
    assert os.getcwd() == "/var/task"


def test_not_within_another_fake_file_system(fs: fake_filesystem.FakeFilesystem, fake_environment: Enter) -> None:
    """pyfakefs's own fixture has replaced the same modules; it stays as it was."""
    fs.create_file("/mine")
    with pytest.raises(EnvguardError, match="a fake file system is active already, probably pyfakefs's own fixture"):
        fake_environment("lambda")
    assert os.path.exists("/mine")
    os.mkdir("/new")


def test_everything_is_put_back(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Files, variables, working folder, ids, the folder of temporary files, the time zone and what was patched."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)

    def state() -> list[object]:
        patched = [FakeFileOpen.call, fake_filesystem.FakePathModule.expanduser, fake_pathlib.FakePath.touch]
        who = [os.getuid(), fake_filesystem.get_uid(), os.path.expanduser("~")] if os.name == "posix" else []
        variables = {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"}
        return [variables, os.getcwd(), time.localtime(0), open, os.mkdir, tempfile.gettempdir(), *who, *patched]

    before = state()
    with FakeEnvironments(request, monkeypatch) as enter:
        enter("lambda", timezone="Asia/Tokyo")
        (Path("/tmp") / "x").touch()
        assert state() != before
    assert state() == before
    assert Patcher.PATCHER is None


def test_a_layout_that_cannot_be_built_leaves_nothing(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error on the way puts everything back at once."""
    with FakeEnvironments(request, monkeypatch) as enter, pytest.raises(OSError):
        enter("container", writable=["/dev/null/x"])
    assert Patcher.PATCHER is None and os.path.exists(__file__)


def test_a_fake_file_system_of_the_tests_own(fake_environment: Enter) -> None:
    """What a test makes by hand with pyfakefs follows pyfakefs's rules."""
    fake_environment("lambda")
    other = fake_filesystem.FakeFilesystem(path_separator="/")
    own = fake_os.FakeOsModule(other)
    own.mkdir("/x")
    FakeFileOpen(other)("/x/file", "w").close()
    assert own.listdir("/x") == ["file"]


def test_named_pipes_are_said_to_be_missing(fake_environment: Enter) -> None:
    """pyfakefs would make a real one, outside of its file system."""
    fake_environment("lambda")
    with pytest.raises(NotImplementedError, match="no named pipes: /tmp/pipe"):
        os.mkfifo("/tmp/pipe")
    assert number(lambda: os.mkfifo("/opt/pipe")) == "EROFS"


def test_the_names_of_pyfakefs_that_are_built_on() -> None:
    """Where pyfakefs moves one of them, this says which."""
    assert {"call", "filesystem", "raw_io"} <= {*vars(FakeFileOpen), *vars(FakeFileOpen(None))}  # type: ignore[arg-type]
    assert {"touch", "home", "expanduser", "filesystem"} <= set(vars(fake_pathlib.FakePath))
    assert {"path", "filesystem", "dir"} <= set(dir(FakeOs(fake_filesystem.FakeFilesystem(path_separator="/"))))
    assert {"PATCHER", "SKIPMODULES"} <= set(vars(Patcher))
    assert callable(fake_os.handle_original_call)
    filesystem = fake_filesystem.FakeFilesystem(path_separator="/")
    assert set(filesystem.add_mount_point("/x", 10)) == {"idev", "total_size", "used_size"}
    if sys.version_info < (3, 11):
        assert isinstance(fake_pathlib._fake_accessor, fake_pathlib._FakeAccessor)


def test_pyfakefs_is_asked_for_by_name_only_when_needed() -> None:
    """The package can be imported without it: only entering an environment imports what builds on pyfakefs."""
    source = importlib.util.find_spec("pytest_envguard.fake.environment")
    assert source is not None and source.origin is not None
    lines = Path(source.origin).read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if line.startswith(("import pyfakefs", "from pyfakefs"))] == []


def test_a_link_to_the_root(fake_environment: Enter) -> None:
    """It leads to a folder that lies in no other."""
    fake_environment("lambda")
    os.symlink("/", "/tmp/root")

    assert os.access("/tmp/root", os.R_OK) and not os.access("/tmp/root/", os.W_OK)
    assert number(lambda: os.chmod("/tmp/root", 0o777)) == "EROFS"
    assert number(lambda: os.mkdir("/tmp/root/x")) == "EROFS"
    assert number(lambda: opened("/tmp/root", "w")) == "EISDIR"
    os.unlink("/tmp/root")


def test_a_real_link_is_what_it_leads_to(models: Path, fake_environment: Enter) -> None:
    """Named by itself it's shown as the file; within a folder it stays a link."""
    env = fake_environment("lambda")
    env.add(models / "link", "alone")
    assert not os.path.islink("alone") and opened("alone") == "config.json"


def test_threads(fake_environment: Enter) -> None:
    """Several threads can open and change files of their own."""
    env = fake_environment("lambda")

    def work(number: int) -> str:
        path = env.tmp / str(number)
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
        os.chmod(path, 0o640)
        return stat.filemode(os.stat(path).st_mode)

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(work, range(100))) == {"-rw-r-----"}
