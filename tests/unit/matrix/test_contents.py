"""What goes into a cell: what the project says; else what can be seen of it; else what runs."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from importlib import metadata
from pathlib import Path

import pytest

from pytest_envguard.errors import EnvguardError
from pytest_envguard.matrix.contents import (
    Contents,
    default_contents,
    plugin_wheel,
    read_along,
    read_contents,
    running,
)
from tests.unit.matrix import shelf

BUILD = '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'


def write(folder: Path, **files: str) -> Path:
    """Write files, a double underscore for the dot of their names, and return the folder."""
    folder.mkdir(exist_ok=True, parents=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)
    return folder


def install(project: Path, *entries: str) -> Contents:
    """Return what `[tool.envguard] install` means."""
    return read_contents(project, entries, "pyproject.toml: [tool.envguard]")


def error(project: Path, *entries: str) -> str:
    """Return what is said about wrong entries."""
    with pytest.raises(EnvguardError) as caught:
        install(project, *entries)
    return str(caught.value)


# What can be seen


@pytest.mark.parametrize(
    ("extras", "groups", "extra", "group"),
    [
        ("test docs tests", "test", "test", None),
        ("docs Testing", "dev", "testing", None),
        ("docs", "lint dev", None, "dev"),
        ("", "", None, None),
        ("dev", "test", "dev", None),
    ],
)
def test_a_project_goes_in_with_what_its_tests_need(
    tmp_path: Path, extras: str, groups: str, extra: str | None, group: str | None
) -> None:
    """The first extra of that meaning, else the first dependency group."""
    optional = "\n".join(f"{name} = []" for name in extras.split())
    grouped = "\n".join(f"{name} = []" for name in groups.split())
    text = (
        f'{BUILD}[project]\nname = "app"\n[project.optional-dependencies]\n{optional}\n[dependency-groups]\n{grouped}\n'
    )
    found = default_contents(write(tmp_path / "my app", pyproject__toml=text))
    uri = (tmp_path / "my app").as_uri()
    assert found.requirements == (f"-e {uri}[{extra}]" if extra else f"-e {uri}",)
    assert found.groups == ((f"{tmp_path / 'my app' / 'pyproject.toml'}:{group}",) if group else ())
    assert found.editable == (str(tmp_path / "my app"),)
    needs = f" with its extra `{extra}`" if extra else f" with its group `{group}`" if group else ""
    assert found.describe() == f"the project{needs}"


@pytest.mark.parametrize(
    "files",
    [
        {"setup__py": "from setuptools import setup; setup()"},
        {"setup__cfg": "[metadata]\nname = app\n[options.extras_require]\ntest = six\n"},
        {"pyproject__toml": BUILD, "setup__cfg": "[metadata]\nname = app\n[options.extras_require]\ntest = six\n"},
    ],
    ids=["setup.py", "setup.cfg", "both"],
)
def test_older_projects_are_projects_too(tmp_path: Path, files: dict[str, str]) -> None:
    """Their extras are found where nothing has to be run for it."""
    found = default_contents(write(tmp_path, **files))
    assert found.editable == (str(tmp_path),)
    assert found.requirements[0].endswith("[test]") == ("setup__cfg" in files)


def test_a_setup_cfg_of_tools_is_no_project(tmp_path: Path) -> None:
    """Many a repository has one for flake8."""
    write(tmp_path, setup__cfg="[flake8]\nmax-line-length = 100\n", requirements__txt="six\n")
    assert default_contents(tmp_path).describe() == "requirements.txt"


def test_an_application_goes_in_by_its_dependencies(tmp_path: Path) -> None:
    """It can't be built, and needn't be; an extra that names another one of its own is resolved here."""
    text = (
        '[project]\nname = "my-app"\ndependencies = ["six"]\n[project.optional-dependencies]\n'
        'http = ["requests"]\ntest = ["my_app[http]", "iniconfig"]\n'
    )
    found = default_contents(write(tmp_path, pyproject__toml=text))
    assert found.requirements == ("six", "requests", "iniconfig") and not found.editable
    assert found.describe() == "the project's dependencies with its extra `test`"


def test_requirement_files_go_in_with_those_of_the_tests(tmp_path: Path) -> None:
    """The content of each that they name decides what is resolved."""
    (tmp_path / "requirements").mkdir()
    write(tmp_path, requirements__txt="six\n-c requirements/pins.txt\n", pyproject__toml="[tool.black]\n")
    write(tmp_path / "requirements", test__txt="-r ../requirements.txt\niniconfig\n", pins__txt="six<2\n")
    found = default_contents(tmp_path)
    assert found.requirements == (f"-r {tmp_path}/requirements.txt", f"-r {tmp_path}/requirements/test.txt")
    assert {Path(file).resolve() for file in found.files} == {
        tmp_path / "requirements.txt",
        tmp_path / "requirements" / "pins.txt",
        tmp_path / "requirements" / "test.txt",
    }
    assert found.describe() == "requirements.txt and requirements/test.txt"


def test_files_that_name_each_other_are_read_once(tmp_path: Path) -> None:
    """pip refuses such; reading them must end all the same."""
    write(tmp_path, a__txt="-r b.txt\n--requirement=https://x/y.txt\n", b__txt="-ra.txt\n")
    assert read_along(tmp_path / "a.txt") == [tmp_path / "a.txt", tmp_path / "b.txt"]


def test_a_folder_without_anything_gets_what_runs(tmp_path: Path) -> None:
    """What nothing else requires is required, the versions of the rest are preferred; editable stays editable."""
    site, project = tmp_path / "site", write(tmp_path / "app", pyproject__toml=BUILD)
    for path in (
        shelf.wheel(tmp_path, "apple", "1.0", ["pear", "cider; extra == 'more'", "plum; python_version < '3'"]),
        shelf.wheel(tmp_path, "pear", "1.5"),
        shelf.wheel(tmp_path, "plum", "3.0"),
        shelf.wheel(tmp_path, "app", "0.1"),
        shelf.wheel(tmp_path, "pip", "99"),
        shelf.wheel(tmp_path, "pytest", "8.0"),
        shelf.wheel(tmp_path, "from-git", "1.0"),
    ):
        with zipfile.ZipFile(path) as archive:
            archive.extractall(site)
    (site / "app-0.1.dist-info" / "direct_url.json").write_text(
        f'{{"url": "{project.as_uri()}", "dir_info": {{"editable": true}}}}'
    )
    (site / "from_git-1.0.dist-info" / "direct_url.json").write_text(
        '{"url": "https://x/y", "vcs_info": {"vcs": "git", "commit_id": "abc"}}'
    )
    found = running([str(site)])
    assert found.requirements == (f"-e {project.as_uri()}", "apple", "from-git @ git+https://x/y@abc", "plum")
    assert found.preferences == {"app": "0.1", "apple": "1.0", "from-git": "1.0", "pear": "1.5", "plum": "3.0"}
    assert found.editable == (str(project),)
    assert default_contents(write(tmp_path / "empty")).describe() == "what the running environment has"


# What the project says


def test_entries_are_read_as_pip_reads_them(tmp_path: Path) -> None:
    """Paths start from the project; a folder is always editable, so that its newest sources are tested."""
    write(
        tmp_path,
        pyproject__toml=f'{BUILD}[project]\nname = "app"\n[project.optional-dependencies]\ntest = []\nx = []\n'
        "[dependency-groups]\nTest_Group = []\n",
        c__txt="six<2\n",
    )
    write(tmp_path / "lib", setup__py="")
    write(tmp_path / "with space", r__txt="six\n")
    archive = shelf.wheel(tmp_path / "wheels", "apple", "1.0")
    found = install(
        tmp_path, ".[test, X]", "-e ./lib", "-r 'with space/r.txt'", "-cc.txt", "--group=test-group", "six>=1; python_version>'3'",
        "wheels/apple-1.0-py3-none-any.whl", "pear @ https://x/pear.whl", "git+https://x/y@main",
    )  # fmt: skip
    assert found.requirements == (
        f"-e {tmp_path.as_uri()}[test,x]",
        f"-e {(tmp_path / 'lib').as_uri()}",
        rf"-r {tmp_path}/with\ space/r.txt",
        f"-c {tmp_path}/c.txt",
        "six>=1; python_version>'3'",
        archive.as_uri(),
        "pear @ https://x/pear.whl",
        "git+https://x/y@main",
    )
    assert found.groups == (f"{tmp_path / 'pyproject.toml'}:test-group",)
    assert found.editable == (str(tmp_path), str(tmp_path / "lib"))
    assert {str(archive), str(tmp_path / "c.txt"), str(tmp_path / "lib" / "setup.py")} <= set(found.files)
    assert found.direct == (
        str(tmp_path / "pyproject.toml"),
        "--extra=test",
        "--extra=x",
        str(tmp_path / "lib" / "setup.py"),
    )


AT = "pyproject.toml: [tool.envguard]: `install`: "


def test_an_entry_that_points_nowhere_names_what_is_there(tmp_path: Path) -> None:
    """The entry, where it stands, what was looked for, and what exists nearby."""
    write(
        tmp_path,
        requirements__txt="",
        pyproject__toml=f"{BUILD}[project]\nname='x'\n[project.optional-dependencies]\ntest=[]\n",
    )
    assert error(tmp_path, "-r requirement.txt") == (
        f"{AT}`-r requirement.txt`: {tmp_path}/requirement.txt does not exist\n"
        f"hint: did you mean `requirements.txt`? known: pyproject.toml, requirements.txt (in {tmp_path})"
    )
    assert error(tmp_path, ".[tests]") == (
        f"{AT}`.[tests]`: {tmp_path.name} has no extra `tests`\nhint: did you mean `test`? known: test"
    )
    assert error(tmp_path, "--group dev") == (
        f"{AT}`--group dev`: {tmp_path}/pyproject.toml has no dependency group `dev`\nhint: it has no [dependency-groups]"
    )
    write(tmp_path / "library", setup__py="")
    assert error(tmp_path, "-e ./libary") == (
        f"{AT}`-e ./libary`: {tmp_path}/libary does not exist\nhint: did you mean `library`? known: library (in {tmp_path})"
    )
    write(tmp_path / "docs")
    assert "docs is nothing that pip can install" in error(tmp_path, "./docs")


@pytest.mark.parametrize("entry", ["--no-deps six", "--requirment r.txt", "-r", "-r 'x", "six=1.0", "six >= one"])
def test_an_entry_that_pip_could_not_read_either_is_refused(tmp_path: Path, entry: str) -> None:
    """With examples of what can be read."""
    text = error(tmp_path, entry)
    assert text.startswith(f"{AT}`{entry}`: ") and '"-r requirements.txt"' in text


def test_nothing_at_all_can_be_asked_for(tmp_path: Path) -> None:
    """An empty list isn't the default."""
    found = install(tmp_path)
    assert found.requirements == () and found.describe() == "nothing but the versions, as [tool.envguard] says"


# What the worker needs


def test_workers_have_the_pytest_that_runs(tmp_path: Path) -> None:
    """And what measures coverage if that is asked for."""
    pinned = [f"{name}=={metadata.version(name)}" for name in ("pytest", "pytest-xdist", "pytest-cov", "coverage")]
    assert list(read_contents(tmp_path, (), "").worker) == pinned[:2]
    assert list(read_contents(tmp_path, (), "", coverage=True).worker) == pinned


def test_this_plugin_is_not_installed_over_itself(tmp_path: Path) -> None:
    """Where it's the project, its own sources are what is tested."""
    write(tmp_path, pyproject__toml=f'{BUILD}[project]\nname = "pytest_envguard"\n')
    assert not read_contents(tmp_path, None, "").plugin
    assert read_contents(tmp_path, (), "").plugin


def test_this_plugin_is_a_wheel_for_cells(tmp_path: Path) -> None:
    """uv installs it, pytest finds it; its folder's name changes with its content only."""
    path = plugin_wheel(tmp_path)
    assert plugin_wheel(tmp_path) == path and path.stat().st_mode & 0o777 == 0o644
    folder = tmp_path / "unpacked"
    with zipfile.ZipFile(path) as archive:
        archive.extractall(folder)
        modes = {entry.external_attr >> 16 & 0o777 for entry in archive.infolist()}
    assert modes == {0o644} and not list(folder.rglob("*.pyc"))
    asked = """import pytest_envguard, importlib.metadata as m; d = m.distribution("pytest-envguard")
print(pytest_envguard.__file__, d.version, [e.value for e in d.entry_points if e.group == "pytest11"], len(d.files))"""
    out = subprocess.run(
        [sys.executable, "-S", "-c", f"import sys; sys.path.insert(0, {str(folder)!r}); {asked}"],
        capture_output=True,
        text=True,
    ).stdout
    count = sum(path.is_file() for path in folder.rglob("*") if path.suffix != ".pyc")
    expected = f"{folder}/pytest_envguard/__init__.py {metadata.version('pytest-envguard')} ['pytest_envguard.plugin'] "
    assert out.startswith(expected) and int(out.split()[-1]) == count
