"""What each dimension may be, and what is refused with which words."""

from __future__ import annotations

import pytest

from pytest_envguard.errors import EnvguardError
from pytest_envguard.model.dimensions import DIMENSIONS, read, read_size, show_size

USER = "a user name of letters, digits, `_`, `.`, `$` and `-`, or an empty text for none"

KIB, MIB, GIB, TIB = 1 << 10, 1 << 20, 1 << 30, 1 << 40
IDS = "a whole number from 0 to 4294967294"
LIMIT = "a whole number from 1 to 9223372036854775807"
SIZE = 'a size such as "512M" or "10G"'
FLAG = "true or false"
CODE = '"host", or a list of some of "mdwe", "mdwe-filter", "no-execmem", "exec-paths"'
PATH = "an absolute path"
HOST_NAME = "a host name of at most 64 letters, digits, dots and hyphens"
MODE = 'an octal mode in quotes such as "1777"'
NAMES = "a list of variable names (a `*` at the end stands for any rest)"
VARIABLES = "a table of variables, each with text as its value"
TABLE = 'a table of hosts, each with its folder, such as `{ "huggingface.co" = "models" }`'
HOSTS = 'names of hosts such as "huggingface.co"'
FAULTS = "known: corrupt, cut, delay, reset, status, tarpit"

ACCEPTED: dict[str, list[tuple[object, object]]] = {
    "root": [("host", "host"), ("read-only", "read-only")],
    "proc": [("host", "host"), ("container", "container"), ("read-only", "read-only")],
    "devices": [("host", "host"), ("container", "container"), ("read-only", "read-only")],
    "tmp": [("host", "host"), ("private", "private")],
    "tmp_size": [("512M", 512 * MIB), (4096, 4096), ("1.5GiB", 3 * GIB // 2)],
    "tmp_exec": [(True, True), (False, False), ("true", True), ("No", False), (" on ", True), ("off", False)],
    "tmp_mode": [("1777", 0o1777), ("0777", 0o777), ("0o755", 0o755), (755, 0o755)],
    "tmp_in_memory": [(True, True), ("yes", True), ("false", False)],
    "writable": [(["/var/tmp", "/srv/"], ("/var/tmp", "/srv")), ("/a;/b", ("/a", "/b")), ([], ())],
    "hidden": [(["/root"], ("/root",)), ("/a", ("/a",))],
    "shm": [("host", "host"), ("private", "private"), ("absent", "absent")],
    "shm_size": [("64M", 64 * MIB)],
    "shm_exec": [(False, False), ("on", True)],
    "uid": [(0, 0), (993, 993), ("993", 993), (2**32 - 2, 2**32 - 2)],
    "gid": [(0, 0), ("990", 990)],
    "user": [("sbx_user1051", "sbx_user1051"), ("", "")],
    "user_home": [("/home/me/", "/home/me"), ("/", "/")],
    "symlinks": [(False, False), ("true", True), ("no", False)],
    "executable_mappings": [
        ("host", ()),
        (["host"], ()),
        ([], ()),
        ("mdwe", ("mdwe",)),
        ("exec-paths; mdwe;mdwe", ("mdwe", "exec-paths")),
        (["no-execmem", "mdwe-filter"], ("mdwe-filter", "no-execmem")),
    ],
    "mmap_limit": [("64M", 64 * MIB), (4096, 4096)],
    "capabilities": [("none", "none"), ("host", "host")],
    "home": [("unset", "unset"), ("host", "host"), ("/var/empty/", "/var/empty"), ("/", "/")],
    "env": [({"A": "1", "B": ""}, {"A": "1", "B": ""}), ({}, {})],
    "env_unset": [(["USER", "XDG_*"], ("USER", "XDG_*")), ("USER;XDG_*", ("USER", "XDG_*"))],
    "network": [(word, word) for word in ("open", "refuse", "nxdomain", "none", "drop")],
    "origins": [
        ({"Example.org.": " files "}, {"example.org": "files"}),
        ({"a.org": "x; status = 503 : 2;corrupt"}, {"a.org": "x; status=503:2; corrupt"}),
        ({"a.org": {"folder": "x", "fault": "delay=1.5"}}, {"a.org": "x; delay=1.5"}),
        ({"a.org": {"folder": "hub:x", "fault": ["cut=10:1", "reset"]}}, {"a.org": "hub:x; cut=10:1; reset"}),
        ("a.org=x", {"a.org": "x"}),
        ("a.org=x;b-c=/y;tarpit;status=429;c.org=z", {"a.org": "x", "b-c": "/y; tarpit; status=429", "c.org": "z"}),
    ],
    "open_files": [(1024, 1024), ("1024", 1024), ("unlimited", -1), (" Unlimited ", -1)],
    "open_files_hard": [(524288, 524288), ("unlimited", -1)],
    "processes": [(742, 742), ("unlimited", -1)],
    "stack": [("8M", 8 * MIB)],
    "memory": [("1G", GIB), ("1024M", GIB)],
    "cpus": [(1, 1), ("2", 2), (4096, 4096)],
    "locale": [("en_US.UTF-8", "en_US.UTF-8"), ("C", "C")],
    "timezone": [(":UTC", ":UTC"), ("Europe/Berlin", "Europe/Berlin")],
    "hostname": [("box", "box"), ("a-1.example.org", "a-1.example.org"), ("x" * 64, "x" * 64)],
    "folder": [("project", "project"), ("/srv", "/srv")],
    "cwd": [("/var/task", "/var/task"), ("/var//task/", "/var/task")],
    "runtime": [("3.12", "3.12")],
}

REFUSED: dict[str, list[tuple[object, str, str]]] = {
    "root": [("readonly", 'one of "host", "read-only"', "'readonly'")],
    "proc": [("none", 'one of "host", "container", "read-only"', "'none'")],
    "devices": [(True, 'one of "host", "container", "read-only"', "true")],
    "tmp": [("shared", 'one of "host", "private"', "'shared'")],
    "tmp_size": [("512X", SIZE, "'512X'"), ("", SIZE, "''"), (-1, "a size above zero", "-1"), (True, SIZE, "true")],
    "tmp_exec": [("maybe", FLAG, "'maybe'"), (1, FLAG, "1")],
    "tmp_mode": [("rwx", MODE, "'rwx'"), ("1778", MODE, "'1778'"), ("77", MODE, "'77'"), ("01777", MODE, "'01777'")],
    "tmp_in_memory": [("", FLAG, "''")],
    "writable": [
        (["tmp"], PATH, "['tmp']"),
        ("/a;b", PATH, "'/a;b'"),
        (["/a/../b"], PATH, "['/a/../b']"),
        (3, "a list of absolute paths", "3"),
        (True, "a list of absolute paths", "true"),
    ],
    "hidden": [(["/a/.."], PATH, "['/a/..']"), ([1], PATH, "[1]")],
    "shm": [("none", 'one of "host", "private", "absent"', "'none'")],
    "shm_size": [("0", "a size above zero", "'0'"), ("64 X", SIZE, "'64 X'")],
    "shm_exec": [("noexec", FLAG, "'noexec'")],
    "uid": [
        (-1, IDS, "-1"),
        (2**32 - 1, IDS, "4294967295"),
        (2**32, IDS, "4294967296"),
        ("root", IDS, "'root'"),
        (True, IDS, "true"),
        (1.0, IDS, "1.0"),
    ],
    "gid": [("staff", IDS, "'staff'"), (False, IDS, "false")],
    "user": [(993, USER, "993"), ("a\0b", USER, "'a\\x00b'"), ("a:b", USER, "'a:b'")],
    "user_home": [("~", PATH, "'~'"), ("", PATH, "''")],
    "symlinks": [("none", FLAG, "'none'"), (0, FLAG, "0")],
    "executable_mappings": [
        ("wx", CODE, "'wx'"),
        (["mdwe", "host"], CODE, "['mdwe', 'host']"),
        ("", CODE, "''"),
        (False, CODE, "false"),
        ([["mdwe"]], CODE, "[['mdwe']]"),
        ({"mdwe": True}, CODE, "{'mdwe': True}"),
    ],
    "mmap_limit": [("unlimited", SIZE, "'unlimited'"), (0, "a size above zero", "0")],
    "capabilities": [("all", 'one of "host", "none"', "'all'")],
    "home": [
        ("gone", 'an absolute path or "host", "unset"', "'gone'"),
        (1, 'an absolute path or "host", "unset"', "1"),
    ],
    "env": [
        ("A=1", VARIABLES, "'A=1'"),
        ({"A": 1}, VARIABLES, "{'A': 1}"),
        ({"A=B": "1"}, "a table of variables whose names have no `=`", "{'A=B': '1'}"),
        ({"": "1"}, "a table of variables whose names have no `=`", "{'': '1'}"),
    ],
    "env_unset": [([""], NAMES, "['']"), ([1], NAMES, "[1]"), (3, NAMES, "3")],
    "network": [("off", 'one of "open", "refuse", "nxdomain", "none", "drop"', "'off'")],
    "origins": [
        ({}, TABLE, "{}"),
        (["a.org"], TABLE, "['a.org']"),
        ("a.org", 'hosts with their folders, such as "huggingface.co=models;example.org=files"', "'a.org'"),
        (
            {"a.org:443": "x"},
            f"{HOSTS} (`a.org:443` has a port: every host is served at 443, and at 80)",
            "{'a.org:443': 'x'}",
        ),
        ({"*.org": "x"}, f"{HOSTS} (`*.org` is a pattern: name each host)", "{'*.org': 'x'}"),
        (
            {"https://a.org": "x"},
            f"{HOSTS} (`https://a.org` is an address: leave out all but the host)",
            "{'https://a.org': 'x'}",
        ),
        ({"a_b": "x"}, f"{HOSTS} (`a_b` is none)", "{'a_b': 'x'}"),
        ({"10.0.0.1": "x"}, f"{HOSTS} (`10.0.0.1` is none)", "{'10.0.0.1': 'x'}"),
        ({"": "x"}, f"{HOSTS} (`` is none)", "{'': 'x'}"),
        (
            {"localhost": "x"},
            f"{HOSTS} (`localhost` is this machine itself, whose servers can be reached anyway)",
            "{'localhost': 'x'}",
        ),
        ({"a.org": "x", "A.org": "y"}, "each host once (`a.org` stands there twice)", "{'a.org': 'x', 'A.org': 'y'}"),
        ({"a.org": ""}, "a folder for `a.org`", "{'a.org': ''}"),
        ({"a.org": "hub:"}, "a folder for `a.org`", "{'a.org': 'hub:'}"),
        ({"a.org": 1}, "for `a.org` a folder, or a table with `folder` and `fault`", "{'a.org': 1}"),
        (
            {"a": {"org": "x"}},
            "for `a` a folder, or a table with `folder` and `fault` (names with dots need quotes)",
            "{'a': {'org': 'x'}}",
        ),
        (
            {"a.org": {"folder": "x", "fault": 3}},
            "for `a.org` `fault` as text, or as a list of texts, and no `;` in `folder`",
            "{'a.org': {'folder': 'x', 'fault': 3}}",
        ),
        (
            {"a.org": "x; statsu=3"},
            f"for `a.org` a fault (did you mean `status`? {FAULTS})",
            "{'a.org': 'x; statsu=3'}",
        ),
        ({"a.org": "x; zzz"}, f"for `a.org` a fault ({FAULTS})", "{'a.org': 'x; zzz'}"),
        (
            {"a.org": "x; status=200"},
            "for `a.org` `status=CODE`, or `status=CODE:TIMES` with a code from 400 to 599",
            "{'a.org': 'x; status=200'}",
        ),
        ({"a.org": "x; delay"}, "for `a.org` `delay=SECONDS`, or `delay=SECONDS:TIMES`", "{'a.org': 'x; delay'}"),
        ({"a.org": "x; cut=1.5"}, "for `a.org` `cut=BYTES`, or `cut=BYTES:TIMES`", "{'a.org': 'x; cut=1.5'}"),
        ({"a.org": "x; reset:0"}, "for `a.org` `reset`, or `reset:TIMES`", "{'a.org': 'x; reset:0'}"),
    ],
    "open_files": [(0, LIMIT, "0"), (-1, LIMIT, "-1"), ("many", LIMIT, "'many'"), (True, LIMIT, "true")],
    "open_files_hard": [(2**63, LIMIT, "9223372036854775808")],
    "processes": [("0", LIMIT, "'0'")],
    "stack": [("8 apples", SIZE, "'8 apples'")],
    "memory": [("1G2", SIZE, "'1G2'"), ("-1G", SIZE, "'-1G'")],
    "cpus": [(0, "a whole number from 1 to 4096", "0"), (4097, "a whole number from 1 to 4096", "4097")],
    "locale": [(1, "text", "1")],
    "timezone": [(None, "text", "None")],
    "hostname": [
        ("-box", HOST_NAME, "'-box'"),
        ("a_b", HOST_NAME, "'a_b'"),
        ("", HOST_NAME, "''"),
        ("x" * 65, HOST_NAME, repr("x" * 65)),
    ],
    "folder": [("src", 'an absolute path or "project"', "'src'")],
    "cwd": [("task", "an absolute path", "'task'"), ("/var/../task", "an absolute path", "'/var/../task'")],
    "runtime": [(3.12, "text", "3.12")],
}


def test_every_dimension_has_accepted_and_refused_forms() -> None:
    """The two tables of this file leave out no dimension."""
    assert set(ACCEPTED) == set(REFUSED) == set(DIMENSIONS)


@pytest.mark.parametrize(
    ("name", "raw", "value"), [(name, *form) for name, forms in ACCEPTED.items() for form in forms]
)
def test_accepted_forms(name: str, raw: object, value: object) -> None:
    """What a user writes, as TOML or as text of the command line, becomes the value with the value's own type."""
    got = read(name, raw, "here")
    assert (got, type(got)) == (value, type(value))


@pytest.mark.parametrize(
    ("name", "raw", "expected", "shown"), [(name, *form) for name, forms in REFUSED.items() for form in forms]
)
def test_refused_forms(name: str, raw: object, expected: str, shown: str) -> None:
    """A bad value is refused with the place, the dimension, what was expected and what was given."""
    with pytest.raises(EnvguardError) as refused:
        read(name, raw, "pyproject.toml: here")
    assert str(refused.value) == f"pyproject.toml: here: `{name}`: expected {expected}, got {shown}"


@pytest.mark.parametrize("raw", ["/srv//data", "//srv/data", "/srv/./data", "/srv/data/"])
def test_a_path_has_one_spelling(raw: str) -> None:
    """Paths are compared as text later on, so that every spelling of a folder becomes the same one."""
    assert read("user_home", raw, "here") == "/srv/data"


@pytest.mark.parametrize(
    ("raw", "size"),
    [
        ("1", 1),
        ("1b", 1),
        ("1k", KIB),
        ("1KB", KIB),
        ("1KiB", KIB),
        (" 512 m ", 512 * MIB),
        ("512MB", 512 * MIB),
        ("1.5GiB", 3 * GIB // 2),
        ("0.5T", TIB // 2),
    ],
)
def test_sizes(raw: str, size: int) -> None:
    """A size is a number with an optional unit in powers of 1024, in either case."""
    assert read_size(raw) == size


@pytest.mark.parametrize("raw", ["512X", "M", "1,5G", "1e9", "0x10", "5 G G", "0.0", "0", "-5", None, "1.G"])
def test_no_sizes(raw: object) -> None:
    """What isn't a size is refused."""
    with pytest.raises(ValueError, match="a size"):
        read_size(raw)


@pytest.mark.parametrize(
    ("size", "shown"),
    [
        (1, "1 B"),
        (1023, "1023 B"),
        (KIB, "1 KiB"),
        (1536, "1.5 KiB"),
        (64 * MIB, "64 MiB"),
        (512 * MIB, "512 MiB"),
        (GIB, "1 GiB"),
        (3 * GIB // 2, "1.5 GiB"),
        (10 * GIB, "10 GiB"),
    ],
)
def test_shown_sizes(size: int, shown: str) -> None:
    """A size is shown in the largest unit that it reaches."""
    assert show_size(size) == shown
