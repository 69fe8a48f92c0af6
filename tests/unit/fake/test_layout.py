"""What a profile looks like from inside, as values; and where the profiles say it."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_envguard.errors import EnvguardError
from pytest_envguard.fake.layout import SHOWN, Layout, Mount, absolute, make_layout, refuse_unshown
from pytest_envguard.model.dimensions import DIMENSIONS
from pytest_envguard.model.profile import Profile, combine, layout_source
from pytest_envguard.profiles import load_catalogue
from pytest_envguard.profiles.catalogue import SHIPPED
from pytest_envguard.profiles.tables import read_table, read_toml
from pytest_envguard.report.terminal.profiles import profile_text
from tests.unit.surroundings import profile


def layout(home: str | None = "/home/me", **values: object) -> Layout:
    """Return the layout of a profile with these dimensions."""
    return make_layout(profile(**values), (3, 11), home)


def shipped(selection: str) -> Layout:
    """Return the layout of a shipped profile."""
    return make_layout(load_catalogue(None, (3, 12)).one(selection), (3, 12), "/home/me")


def mount(found: Layout, path: str) -> Mount | None:
    """Return what is mounted at ``path``."""
    return next((mount for mount in found.mounts if mount.path == path), None)


def test_lambda() -> None:
    """AWS Lambda: everything read-only but a /tmp of 512 MiB, root's folders, no HOME, its own user in /var/task."""
    found = shipped("lambda")
    assert found.mounts == (
        Mount("/", read_only=True),
        Mount("/dev", read_only=True),
        Mount("/tmp", read_only=False, size=512 << 20, mode=0o1777),
    )
    assert {"/var/task", "/var/lang", "/var/runtime", "/opt"} <= set(found.folders)
    assert (found.project, found.folder, found.home) == ("/var/task", "/var/task", None)
    assert found.identity == (993, 990, "sbx_user1051", "/home/sbx_user1051")
    assert found.variables["LAMBDA_TASK_ROOT"] == found.variables["PWD"] == "/var/task"
    assert found.variables["AWS_EXECUTION_ENV"] == "AWS_Lambda_python3.12"
    assert "AWS_LAMBDA_FUNCTION_MEMORY_SIZE" not in found.variables
    assert {"HOME", "USER", "XDG_*", "LC_*", "TMPDIR", "OLDPWD"} <= set(found.unset)


def test_the_layout_is_inherited_and_stays_with_changes_and_combinations() -> None:
    """`lambda-image`, `lambda:tmp_size=1M`, `lambda+offline` and `offline+lambda` have Lambda's folders."""
    wanted = shipped("lambda").project
    for selection in ("lambda-image", "lambda:tmp_size=1M", "lambda+offline", "offline+lambda"):
        assert shipped(selection).project == wanted
    assert mount(shipped("lambda:tmp_size=1M"), "/tmp") == Mount("/tmp", read_only=False, size=1 << 20, mode=0o1777)


def test_a_container_has_its_own_devices_and_shared_memory() -> None:
    """Read-only root, noexec /tmp and /dev/shm, a writable /dev, HOME=/."""
    found = shipped("container")
    assert mount(found, "/dev") == Mount("/dev", read_only=False)
    assert mount(found, "/dev/shm") == Mount("/dev/shm", read_only=False, size=64 << 20, noexec=True, mode=0o1777)
    assert mount(found, "/tmp") == Mount("/tmp", read_only=False, noexec=True, mode=0o1777)
    assert (found.project, found.folder, found.home) == (None, "/", "/")


def test_what_a_profile_leaves_as_it_is() -> None:
    """The caller's HOME is there and its own; /tmp lies on the root's file system; nothing is read-only."""
    found = layout(shm="absent")
    assert found.mounts == (Mount("/", read_only=False), Mount("/dev", read_only=False))
    assert (found.home, found.owned, found.variables["HOME"]) == ("/home/me", "/home/me", "/home/me")
    assert found.folders["/tmp"] == 0o1777
    assert found.identity == (None, None, None, "/")


@pytest.mark.parametrize("home", [None, "", r"C:\Users\me"])
def test_a_home_that_no_linux_has_is_left_out(home: str | None) -> None:
    """On Windows HOME isn't set, or leads nowhere in the layout."""
    found = layout(home, shm="absent")
    assert (found.home, found.owned) == (None, None)
    assert "HOME" in found.unset and "HOME" not in found.variables


def test_a_read_only_root_takes_what_is_not_private_along() -> None:
    """What the profile doesn't replace is among "all mounts"."""
    found = layout(root="read-only", shm="host", tmp_size="1M")
    assert {mount.path: mount.read_only for mount in found.mounts} == {
        "/": True,
        "/dev": True,
        "/dev/shm": True,
        "/tmp": True,
    }


def test_writable_and_hidden_folders() -> None:
    """Each further writable folder is a file system of its own; a hidden one can't be entered."""
    found = layout(root="read-only", writable=["/var/tmp", "/data"], hidden=["/secret"])
    assert [mount.path for mount in found.mounts if not mount.read_only] == ["/data", "/var/tmp"]
    assert found.folders["/secret"] == 0


def test_an_unknown_placeholder_is_an_error() -> None:
    """Profile and variable are named, and what is known."""
    with pytest.raises(
        EnvguardError, match=r"`env.X`: no placeholder is named `\{nothing\}`\nhint: known: runtime, pro"
    ):
        layout(env={"X": "{nothing}"})


def test_a_profile_that_changes_no_files_is_refused() -> None:
    """A fake of `offline` would be an environment that isn't there."""
    with pytest.raises(EnvguardError, match="`offline` changes only what a fake file system can't show: network"):
        shipped("offline")


def test_overriding_what_is_not_shown_is_refused() -> None:
    """Each such dimension is named, and those that can be shown."""
    refuse_unshown({"tmp_size", "uid"}, "here")
    with pytest.raises(EnvguardError) as caught:
        refuse_unshown({"memory", "tmp_size", "cpus"}, "here")
    assert caught.value.message == "here: a fake file system can't show `cpus`, `memory`"
    assert all(name in caught.value.hint for name in SHOWN)


def test_what_is_shown_are_dimensions() -> None:
    """The list has no name that isn't a dimension's."""
    assert set(SHOWN) <= set(DIMENSIONS)


@pytest.mark.parametrize(
    ("path", "place"),
    [("app.py", "/var/task/app.py"), ("/opt/x/", "/opt/x"), ("a/../b", "/var/task/b"), (r"a\b", "/var/task/a/b")],
)
def test_paths_in_the_layout(path: str, place: str) -> None:
    """Relative to the working folder, with Linux's separators."""
    assert absolute(path, "/var/task") == place


@pytest.mark.parametrize("name", sorted(path.stem for path in SHIPPED.glob("*.toml")))
def test_every_folder_has_a_source(name: str) -> None:
    """Each folder that a shipped file says is there has a source in the same file."""
    table = read_table(read_toml(SHIPPED / f"{name}.toml"), name)
    assert {layout_source(path) for path in table.layout} <= set(table.sources)


def test_a_project_says_its_own_layout(tmp_path: Path) -> None:
    """In `[tool.envguard.profiles.NAME.layout]`, beside what is inherited."""
    file = tmp_path / "pyproject.toml"
    file.write_text(
        '[tool.envguard.profiles.edge]\ninherits = "lambda"\n'
        '[tool.envguard.profiles.edge.layout]\n"/app" = "the app"\n"/opt" = "our own"\n'
    )
    edge = load_catalogue(file, (3, 11)).one("edge")
    assert edge.layout["/var/task"] == "the project"
    assert (edge.layout["/app"], edge.layout["/opt"]) == ("the app", "our own")
    assert layout_source("/opt") not in edge.sources
    assert "\nfolder /opt: our own\n    shown by the fixture `fake_environment`\n    source: the project itself" in (
        profile_text(edge)
    )


def test_both_layouts_hold_in_a_combination() -> None:
    """The first one's word counts where both name a folder; sources come along."""
    first = Profile("a", layout={"/app": "the project"}, sources={"layout./app": "here"})
    second = Profile("b", layout={"/app": "another", "/data": "data"}, sources={"layout./data": "there"})
    both = combine(first, second)
    assert both.layout == {"/app": "the project", "/data": "data"}
    assert both.sources == {"layout./app": "here", "layout./data": "there"}


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ({"app": "the project"}, "`layout`: expected absolute paths, got 'app'"),
        ({"/app/": "the project"}, "`layout`: expected absolute paths, got '/app/'"),
        ({"/app/../b": "the project"}, "`layout`: expected absolute paths, got '/app/../b'"),
        ({"/app": 3}, "`layout./app`: expected what lies there, in words, got 3"),
        ("/app", "`layout`: expected a table, got '/app'"),
    ],
)
def test_a_mistake_in_a_layout(written: object, message: str) -> None:
    """File, key and what was expected are named."""
    with pytest.raises(EnvguardError) as caught:
        read_table({"layout": written}, "edge.toml")
    assert str(caught.value) == f"edge.toml: {message}"
