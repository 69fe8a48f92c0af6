"""What is installed, read from the metadata."""

from __future__ import annotations

import json
from importlib import metadata
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

from pytest_envguard.packages.installed import BY_URL, EDITABLE, LOCAL, Distribution, installed


def dist_info(
    folder: Path, name: str, version: str, headers: str = "", *, record: str = "", url: object = None
) -> None:
    """Write a ``.dist-info`` by hand."""
    info = folder / f"{name}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{headers}\nThe description\nName: x\n"
    )
    if record:
        (info / "RECORD").write_text(record)
    if url is not None:
        (info / "direct_url.json").write_text(json.dumps(url))


def test_a_real_environment_is_read_as_importlib_reads_it(site_packages: str) -> None:
    """Names, versions and requirements are those of importlib.metadata."""
    expected = {
        canonicalize_name(one.name): (one.version, one.requires or [])
        for one in metadata.distributions(path=[site_packages])
    }
    found = {one.name: (one.version, list(one.requires)) for one in installed([site_packages])}
    assert found == expected and len(found) == 4


def test_this_environment_is_read_as_importlib_reads_it() -> None:
    """The same for whatever runs these tests."""
    folder = str(Path(metadata.distribution("pytest").locate_file("")))
    expected = {
        canonicalize_name(one.name): one.metadata["Requires-Python"] or ""
        for one in metadata.distributions(path=[folder])
    }
    assert {one.name: one.requires_python for one in installed([folder])} == expected


def test_sizes_are_those_on_disk_without_bytecode(site_packages: str) -> None:
    """Bytecode that uv compiled isn't counted, and everything else is."""
    found = {one.name: one.size for one in installed([site_packages])}
    root = Path(site_packages)
    assert list(root.glob("requests/__pycache__/*.pyc"))
    for name in ("requests", "urllib3"):
        files = [*root.glob(f"{name}/**/*"), *root.glob(f"{name}-*.dist-info/**/*")]
        assert found[name] == sum(file.stat().st_size for file in files if file.is_file() and file.suffix != ".pyc")


def test_bytecode_that_the_record_lists_is_not_counted(tmp_path: Path) -> None:
    """As pip writes it, with a size or without; names with commas are quoted; what has no size is asked itself."""
    record = (
        'a.py,sha256=x,100\r\n"b,c.py",sha256=x,20\na.cpython-311.pyc,sha256=x,5000\n__pycache__/b.pyc,,\n'
        "left.txt,,\n../bin/a,sha256=x,3\na-1.dist-info/RECORD,,"
    )
    dist_info(tmp_path, "a", "1", record=record)
    (tmp_path / "left.txt").write_text("four")
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__/b.pyc").write_text("x" * 999)
    (found,) = installed([str(tmp_path)])
    assert found.size == 100 + 20 + 4 + 3 + len(record.encode())


def test_without_a_record_the_size_is_not_known(tmp_path: Path) -> None:
    """It isn't zero."""
    dist_info(tmp_path, "a", "1")
    assert installed([str(tmp_path)])[0].size is None


def test_sizes_that_nobody_wants_are_not_read(site_packages: str) -> None:
    assert {one.size for one in installed([site_packages], sizes=False)} == {None}


def test_the_origin_of_a_real_editable_project(site_packages: str) -> None:
    """It has no size, and isn't from an index; the others are."""
    found = {one.name: one for one in installed([site_packages])}
    assert found["mine"].editable and found["mine"].origin == EDITABLE and found["mine"].size is None
    assert {one.origin for name, one in found.items() if name != "mine"} == {""}


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ({"url": "file:///x", "dir_info": {"editable": True}}, EDITABLE),
        ({"url": "file:///x", "dir_info": {}}, LOCAL),
        ({"url": "file:///x/a-1-py3-none-any.whl", "archive_info": {}}, LOCAL),
        ({"url": "https://example.org/x.git", "vcs_info": {"vcs": "git"}}, BY_URL),
        (["?"], BY_URL),
    ],
)
def test_what_is_not_from_an_index_says_so(tmp_path: Path, url: object, origin: str) -> None:
    dist_info(tmp_path, "a", "1", url=url)
    assert installed([str(tmp_path)])[0].origin == origin


def test_the_first_of_a_name_on_the_path_counts(tmp_path: Path) -> None:
    """As for an import; what is no folder is passed over."""
    for folder, version in (("first", "1"), ("second", "2")):
        (tmp_path / folder).mkdir()
        dist_info(tmp_path / folder, "Some_Name", version)
    path = [str(tmp_path / name) for name in ("none.zip", "first", "second")]
    assert [(one.name, one.version) for one in installed(path)] == [("some-name", "1")]


def test_what_a_broken_uninstallation_left_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "a-1.dist-info").mkdir()
    assert installed([str(tmp_path)]) == ()


def test_headers_that_go_on_in_the_next_line(tmp_path: Path) -> None:
    """Lines that begin with a blank belong to the one before; those of the description to none."""
    dist_info(
        tmp_path,
        "a",
        "1",
        "Summary: x\n  Name: y\nRequires-Dist: b>=1;\n  python_version > '3'\nRequires-Python: >=3.8\n",
    )
    assert installed([str(tmp_path)]) == (Distribution("a", "1", ("b>=1; python_version > '3'",), ">=3.8"),)


def test_old_ways_to_install(tmp_path: Path) -> None:
    """An ``.egg-info`` with its list of requirements, one that is a file, and the link of ``setup.py develop``."""
    project = tmp_path / "project"
    for folder in (tmp_path / "Old.egg-info", project / "linked.egg-info"):
        folder.mkdir(parents=True)
        name = folder.name.partition(".")[0]
        (folder / "PKG-INFO").write_text(f"Metadata-Version: 1.0\nName: {name}\nVersion: 2\n")
        (folder / "requires.txt").write_text("six>=1\n\n[more]\nidna\n")
    (tmp_path / "linked.egg-link").write_text(f"{project}\n.\n")
    (tmp_path / "dead.egg-link").write_text(f"{tmp_path}/nothing\n.\n")
    (tmp_path / "older-3.egg-info").write_text("Metadata-Version: 1.0\nName: older\nVersion: 3\n")
    requires = ("six>=1", 'idna; extra == "more"')
    assert installed([str(tmp_path)]) == (
        Distribution("linked", "2", requires, origin=EDITABLE),
        Distribution("old", "2", requires, origin=LOCAL),
        Distribution("older", "3", origin=LOCAL),
    )
