"""Remedies ready to paste: what reads each form gets the very values, or a comment says why it can't."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_envguard.diagnosis.formats import forms, native
from pytest_envguard.model.diagnosis import Remedy, Seed

VALUES = {
    "PLAIN": "/tmp/hf",
    "EMPTY": "",
    "SPACES": "  two  words ",
    "QUOTES": """it's "so" 'here'""",
    "BACKSLASHES": r"C:\new\table\\ end" + "\\",
    "DOLLARS": "$HOME ${HOME} $(id) $$ $$x $",
    "BACKTICKS": "`id`",
    "PERCENT": "100% %h %%",
    "COLON": "a: b",
    "HASH": "a #b",
    "HASH_FIRST": "# a",
    "STAR": "*x",
    "AMPERSAND": "&x",
    "BANG": "!x",
    "BRACES": "{a: 1}",
    "BRACKETS": "[a]",
    "DASH": "- a",
    "TILDE": "~/x",
    "WORD": "yes",
    "WORD_TOO": "Off",
    "NOTHING": "null",
    "NUMBER": "1e3",
    "OCTAL": "0777",
    "SIXTIES": "12:30:45",
    "DAY": "2024-06-20",
    "NOT_A_NUMBER": ".nan",
    "EQUALS": "a=b=c",
    "SEMICOLON": "a;b && c | d > e",
    "TAB": "a\tb",
    "LINES": "one\ntwo\n",
    "LINE_AND_KEY": "one\nEVIL: two",
    "RETURN": "a\r\nb",
    "UNICODE": "Grüße 漢字 😀",
    "SEPARATORS": "a\u2028b\u0085c\u00a0d\ufeffe",
    "CONTROL": "a\x1bb\x7fc",
    "EXPRESSION": "${{ secrets.X }}",
    "URL": "sqlite:////tmp/m.db",
    "JSON": '{"x": [1, "2"]}',
}
HARD = Remedy(set=VALUES)
SEEDED = Remedy(seed=Seed("CUSTOM_TIKTOKEN_CACHE_DIR", command="cp SITE/litellm/*.txt DIR"))
UPGRADE = Remedy(upgrade="litellm>=1.40.9")


def form(kind: str, *remedies: Remedy, profile: str = "container") -> str:
    """Return the text of one form."""
    return forms(remedies, (profile,))[kind]


def loaded(text: str) -> Any:
    """Return what a real parser makes of YAML."""
    return pytest.importorskip("yaml", reason="PyYAML isn't installed").safe_load(text)


def unsaid(text: str) -> set[str]:
    """Return the variables that a form leaves out with a reason."""
    return set(re.findall(r"^ *# ([A-Za-z_]+): .", text, re.MULTILINE))


# -- a shell -----------------------------------------------------------------------------------------------------------


def environment_after(script: str, folder: Path, **variables: str) -> dict[str, str]:
    """Return the variables that a program gets after `sh` has read ``script``."""
    done = subprocess.run(
        ["sh", "-euc", f"{script}\nenv -0"], cwd=folder, env={"PATH": "/usr/bin:/bin", **variables}, capture_output=True
    )
    assert done.returncode == 0, done.stderr
    return dict(pair.split("=", 1) for pair in done.stdout.decode().split("\0") if pair)


def test_a_shell_sets_the_very_values(tmp_path: Path) -> None:
    """Nothing is expanded or run."""
    found = environment_after(form("shell", HARD), tmp_path)

    assert {name: found[name] for name in VALUES} == VALUES


def test_a_shell_removes_what_must_not_be_set(tmp_path: Path) -> None:
    """The rest of the environment stays."""
    found = environment_after(form("shell", Remedy(unset=("A", "B"))), tmp_path, A="1", C="2")

    assert "A" not in found and found["C"] == "2"


def test_a_shell_fills_a_seed_and_points_to_it(tmp_path: Path) -> None:
    """The command is run as it's written, with the folder in the place of `DIR`; CACHE_DIR in a name isn't one."""
    (tmp_path / "blob").write_text("x")
    seed = Seed("TIKTOKEN_CACHE_DIR", command="cp blob DIR && TIKTOKEN_CACHE_DIR=DIR true")

    found = environment_after(form("shell", Remedy(seed=seed)), tmp_path)

    assert found["TIKTOKEN_CACHE_DIR"] == f"{tmp_path}/seed/tiktoken_cache_dir"
    assert (tmp_path / "seed/tiktoken_cache_dir/blob").read_text() == "x"


def test_a_shell_finds_site_packages_itself(tmp_path: Path) -> None:
    """`SITE` in a command, `{site}` in a source: the user's own interpreter says where that is."""
    (tmp_path / "bin").mkdir()
    python = tmp_path / "bin/python"
    python.write_text(f"#!/bin/sh\necho '{tmp_path}/my site'\n")
    python.chmod(0o755)
    (tmp_path / "my site/litellm").mkdir(parents=True)
    (tmp_path / "my site/litellm/a.txt").write_text("a")
    copied = Seed("B_DIR", sources=("{site}/litellm", "~/.cache"))

    script = form("shell", SEEDED, Remedy(seed=copied))
    environment_after(script, tmp_path, PATH=f"{tmp_path}/bin:/usr/bin:/bin")

    assert (tmp_path / "seed/custom_tiktoken_cache_dir/a.txt").exists()
    assert (tmp_path / "seed/b_dir/a.txt").exists()


def test_a_shell_runs_the_code_that_fills_a_seed(tmp_path: Path) -> None:
    """With the variable set to the folder, as it's run here."""
    fill = "import os, pathlib; pathlib.Path(os.environ['X_DIR'], \"it's\").touch()"

    environment_after('python() { python3 "$@"; }\n' + form("shell", Remedy(seed=Seed("X_DIR", fill=fill))), tmp_path)

    assert (tmp_path / "seed/x_dir/it's").exists()


# -- Dockerfile: the grammar of moby/buildkit, frontend/dockerfile/parser and frontend/dockerfile/shell ---------------


def docker_variables(text: str) -> dict[str, str]:
    """Return what the ENV instructions of a Dockerfile set, in an image where every variable has the value "EXPANDED"."""
    found = {}
    for line in text.split("\n"):
        if line.startswith("ENV "):
            assert not re.search(r"\\[ \t]*$", line), "the line would go on"
            (word,) = docker_words(line[4:].strip())
            name, _, value = word.partition("=")
            found[name] = docker_value(value)
        else:
            assert not line or line.startswith(("#", "COPY ", "RUN ")), line
    return found


def docker_words(rest: str) -> list[str]:
    """Return the words of an instruction, quotes and escapes in them as they are."""
    return ["".join(word) for word in _words(rest)]


def _words(rest: str) -> list[list[str]]:
    words: list[list[str]] = [[]]
    quote, at = "", 0
    while at < len(rest):
        char = rest[at]
        step = 2 if char == "\\" and quote != "'" else 1
        if step == 1 and char in "'\"":
            quote = "" if char == quote else quote or char
        if char.isspace() and not quote:
            words.append([])
        else:
            words[-1].append(rest[at : at + step])
        at += step
    return [word for word in words if word]


def docker_value(word: str) -> str:
    """Return a word without quotes, with escapes taken out and variables expanded."""
    found, quote, at = "", "", 0
    while at < len(word):
        char, following = word[at], word[at + 1 : at + 2]
        if char == "\\" and quote != "'" and (not quote or following in ('"', "$", "\\")):
            found, at = found + following, at + 2
        elif char == quote:
            quote, at = "", at + 1
        elif not quote and char in "'\"":
            quote, at = char, at + 1
        elif char == "$" and quote != "'" and (match := re.match(r"\$(\w+|[@*#?\-$!0]|\{[^}]*\})", word[at:])):
            found, at = found + "EXPANDED", at + match.end()
        else:
            found, at = found + char, at + 1
    assert not quote
    return found


@pytest.mark.parametrize(
    ("line", "value"),
    [
        (r'ENV A="x\$B \"q\" \\"', r'x$B "q" ' + "\\"),
        (r'ENV A="\n $B"', r"\n EXPANDED"),
        (r"ENV A='$B \x'", r"$B \x"),
        (r"ENV A=a\ b$B", "a bEXPANDED"),
        ('ENV A=""', ""),
    ],
)
def test_the_test_s_own_reader_of_dockerfiles_is_docker_s(line: str, value: str) -> None:
    """From Docker's reference and buildkit's tests."""
    assert docker_variables(line) == {"A": value}


def test_a_dockerfile_sets_the_very_values_of_one_line() -> None:
    """A value of several lines can't be written: it's named, and nothing is left over that would be an instruction."""
    text = form("dockerfile", HARD)

    several = {name for name, value in VALUES.items() if "\n" in value or "\r" in value}
    assert docker_variables(text) == {name: value for name, value in VALUES.items() if name not in several}
    assert unsaid(text) == several


def test_a_dockerfile_copies_what_was_filled() -> None:
    """Readable for every uid; the command is a comment, for it needs the network of the machine that builds."""
    text = form("dockerfile", SEEDED, UPGRADE)

    assert text.splitlines()[0] == "RUN pip install --no-cache-dir 'litellm>=1.40.9'"
    assert "COPY --chmod=755 seed/custom_tiktoken_cache_dir /opt/seed/custom_tiktoken_cache_dir\n" in text
    assert docker_variables(text) == {"CUSTOM_TIKTOKEN_CACHE_DIR": "/opt/seed/custom_tiktoken_cache_dir"}
    assert "/litellm/*.txt seed/custom_tiktoken_cache_dir" in text


def test_a_dockerfile_says_that_it_can_t_remove_a_variable() -> None:
    """`ENV X=` would set it to an empty text, which programs take for another thing."""
    text = form("dockerfile", Remedy(unset=("HF_HOME",)))

    assert docker_variables(text) == {} and "env -u HF_HOME" in text


# -- YAML --------------------------------------------------------------------------------------------------------------


def compose_value(value: str) -> str:
    """Return a value as compose interpolates it (docs.docker.com/reference/compose-file/interpolation)."""
    return re.sub(r"\$(\$|\w+|\{[^}]*\})", lambda match: "$" if match[1] == "$" else "EXPANDED", value)


def kubernetes_value(value: str) -> str:
    """Return a value as the kubelet expands it (kubernetes, third_party/forked/golang/expansion)."""
    return re.sub(r"\$(\$|\([^)]*\))", lambda match: "$" if match[1] == "$" else "EXPANDED", value)


def github_value(value: str) -> str:
    """Return a value with its expressions evaluated: a literal, or the workspace."""
    known = {"'${{'": "${{", "github.workspace": "/w"}
    return re.sub(r"\$\{\{ (.*?) \}\}", lambda match: known[match[1]], value)


def compose_variables(text: str) -> dict[str, str]:
    """Return a service's variables."""
    found = loaded(text)["services"]["app"]["environment"]
    return {name: compose_value(value) for name, value in found.items()}


def kubernetes_variables(text: str) -> dict[str, str]:
    """Return a container's variables, each exactly once."""
    (container,) = loaded(text)["spec"]["template"]["spec"]["containers"]
    assert container["name"] == "app" and all(set(entry) == {"name", "value"} for entry in container["env"])
    return {entry["name"]: kubernetes_value(entry["value"]) for entry in container["env"]}


def github_variables(text: str) -> dict[str, str]:
    """Return a job's variables."""
    return {name: github_value(value) for name, value in loaded(text)["jobs"]["test"]["env"].items()}


def sam_variables(text: str) -> dict[str, str]:
    """Return a function's variables."""
    found: dict[str, str] = loaded(text)["Resources"]["MyFunction"]["Properties"]["Environment"]["Variables"]
    return found


READERS: dict[str, Callable[[str], dict[str, str]]] = {
    "compose": compose_variables,
    "kubernetes": kubernetes_variables,
    "github": github_variables,
    "sam": sam_variables,
}


@pytest.mark.parametrize("kind", READERS)
def test_yaml_has_the_very_values_as_texts(kind: str) -> None:
    """A bare `yes`, `1e3` or `null` would be something else than text, and a `$` a variable."""
    assert READERS[kind](form(kind, HARD)) == VALUES


@pytest.mark.parametrize("kind", READERS)
def test_yaml_has_the_very_names(kind: str) -> None:
    """A variable may be called `Y`, `no` or `NULL`; Lambda has its own rules for one of a single letter."""
    values = {"Yes": "1", "no": "2", "NULL": "3", "On": "4"}

    assert READERS[kind](form(kind, Remedy(set=values))) == values


@pytest.mark.parametrize("kind", READERS)
def test_yaml_is_plain_where_nothing_needs_quotes(kind: str) -> None:
    """As a person would write it."""
    assert " /tmp/hf\n" in form(kind, Remedy(set={"HF_HOME": "/tmp/hf"}))


@pytest.mark.parametrize("kind", READERS)
def test_what_yaml_can_t_do_is_a_comment_before_it(kind: str) -> None:
    """A version belongs to the requirements, and what an image sets can't be removed."""
    text = form(kind, Remedy(set={"A_B": "1"}, unset=("HF_HOME",)), UPGRADE, SEEDED)

    variables = READERS[kind](text)
    assert set(variables) == {"A_B", "CUSTOM_TIKTOKEN_CACHE_DIR"}
    comments = "\n".join(line for line in text.splitlines() if line.startswith("#"))
    assert "litellm>=1.40.9" in comments and "HF_HOME must not be set" in comments and "/litellm/*.txt" in comments


def test_compose_mounts_what_was_filled_read_only() -> None:
    """No build is needed."""
    service = loaded(form("compose", SEEDED))["services"]["app"]

    assert service["volumes"] == ["./seed/custom_tiktoken_cache_dir:/opt/seed/custom_tiktoken_cache_dir:ro"]
    assert service["environment"] == {"CUSTOM_TIKTOKEN_CACHE_DIR": "/opt/seed/custom_tiktoken_cache_dir"}


@pytest.mark.parametrize(
    ("profile", "root"), [("lambda", "/var/task"), ("lambda-image", "/opt"), ("container", "/var/task")]
)
def test_lambda_has_what_was_filled_beside_the_code(profile: str, root: str) -> None:
    """A zip is unpacked in /var/task; an image has it where its Dockerfile says."""
    found = sam_variables(form("sam", SEEDED, profile=profile))

    assert found == {"CUSTOM_TIKTOKEN_CACHE_DIR": f"{root}/seed/custom_tiktoken_cache_dir"}


@pytest.mark.parametrize("name", ["TZ", "AWS_REGION", "_HANDLER", "AWS_LAMBDA_FUNCTION_NAME", "_PRIVATE", "X", "A-B"])
def test_what_lambda_refuses_is_a_comment(name: str) -> None:
    """A deployment with one of them fails as a whole."""
    text = form("sam", Remedy(set={name: "x", "HF_HOME": "/tmp/hf"}))

    assert sam_variables(text) == {"HF_HOME": "/tmp/hf"}
    assert f"# {name}: Lambda " in text


def test_what_cloudformation_would_look_up_is_a_comment() -> None:
    """There's no way to escape a dynamic reference."""
    text = form("sam", Remedy(set={"AB": "{{resolve:ssm:x}}"}))

    assert loaded(text) is None and "# AB: CloudFormation" in text


@pytest.mark.parametrize("kind", ["compose", "sam", "kubernetes", "github", "systemd"])
def test_a_form_that_can_hold_nothing_of_it_is_left_out(kind: str) -> None:
    """A version is for a shell and a Dockerfile; advice for people."""
    assert kind not in forms([UPGRADE], ("lambda",))
    assert set(forms([UPGRADE], ("lambda",))) == {"shell", "dockerfile"}
    assert forms([Remedy("use threads")], ("lambda",)) == {} and forms([], ("lambda",)) == {}


# -- systemd: the grammar of systemd.syntax(7), "Quoting", and systemd.unit(5), "Specifiers" ---------------------------


def unit_variables(text: str) -> dict[str, str]:
    """Return what the Environment= lines of a unit set."""
    section, *lines = [line for line in text.split("\n") if line and not line.startswith("#")]
    assert section == "[Service]"
    found = {}
    for line in lines:
        key, _, rest = line.partition("=")
        if key == "Environment":
            assert not rest.endswith("\\"), "the line would go on"
            name, _, value = unit_word(rest).partition("=")
            found[name] = value
        else:
            assert key == "UnsetEnvironment"
    return found


def unit_word(rest: str) -> str:
    """Return the one word of a line, unquoted, its specifiers expanded."""
    if rest[:1] == '"':
        match = re.fullmatch(r'"((?:[^"\\]|\\.)*)"', rest)
        assert match, rest
        escapes = {"n": "\n", "t": "\t", "s": " ", "\\": "\\", '"': '"', "'": "'"}
        rest = re.sub(r"\\(.)", lambda escape: escapes[escape[1]], match[1])
    else:
        assert not re.search(r"[\s\"'\\]", rest)
    return re.sub(r"%(.)", lambda specifier: "%" if specifier[1] == "%" else "EXPANDED", rest)


def test_a_unit_sets_the_very_values() -> None:
    """But for control characters, with which systemd drops the assignment."""
    text = form("systemd", HARD)

    refused = {"CONTROL", "RETURN"}
    assert unit_variables(text) == {name: value for name, value in VALUES.items() if name not in refused}
    assert unsaid(text) == refused


def test_systemd_itself_understands_each_assignment(tmp_path: Path) -> None:
    """It says so where it ignores one; that it would is shown by one with a bad name."""
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd-analyze isn't installed")
    unit = tmp_path / "program.service"
    unit.write_text(f"{form('systemd', HARD)}Environment=2BAD=x\nExecStart=/bin/true\n")

    done = subprocess.run(["systemd-analyze", "verify", "--man=no", str(unit)], capture_output=True, text=True)

    complaints = [line for line in done.stderr.splitlines() if str(unit) in line]
    assert len(complaints) == 1 and "2BAD" in complaints[0]


def test_a_unit_removes_what_must_not_be_set() -> None:
    """It's the one form besides the shell that can."""
    assert "UnsetEnvironment=HF_HOME\n" in form("systemd", Remedy(unset=("HF_HOME",)))


# -- all of them -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["shell", "dockerfile", "systemd"])
def test_a_name_that_can_t_be_one_is_a_comment(kind: str) -> None:
    """It would be read as something else."""
    text = form(kind, Remedy(set={"A B\nrm -rf x": "1", "OK": "2"}))

    assert all(line.startswith("#") or "OK=2" in line or line == "[Service]" for line in text.splitlines())


def test_of_several_remedies_the_later_counts() -> None:
    """As they're applied when they are tried; a seed's variable points to its folder."""
    text = form(
        "shell",
        Remedy(set={"A": "1", "B": "1"}, unset=("C",)),
        Remedy(set={"A": "2", "C": "2"}, unset=("B",)),
        Remedy(set={"CUSTOM_TIKTOKEN_CACHE_DIR": "/tmp"}),
        SEEDED,
    )

    assert [line for line in text.splitlines() if line.startswith(("export", "unset"))] == [
        'export CUSTOM_TIKTOKEN_CACHE_DIR="$PWD/seed/custom_tiktoken_cache_dir"',
        "unset B",
        "export A=2",
        "export C=2",
    ]


@pytest.mark.parametrize(
    ("lineage", "first"),
    [
        (("lambda",), ("sam", "dockerfile")),
        (("lambda-image",), ("dockerfile", "sam")),
        (("container",), ("dockerfile", "compose")),
        (("kubernetes",), ("kubernetes", "dockerfile")),
        (("openshift",), ("kubernetes", "dockerfile")),
        (("cloudrun",), ("dockerfile", "kubernetes")),
        (("systemd",), ("systemd", "shell")),
        (("offline",), ("shell", "dockerfile")),
        (("offline-drop",), ("shell", "dockerfile")),
        (("staging",), ("shell", "dockerfile")),
        (("lambda", "offline"), ("sam", "dockerfile")),
        (("offline", "container"), ("dockerfile", "compose")),
        (("our-function", "lambda"), ("sam", "dockerfile")),
    ],
)
def test_the_form_of_the_deployment_is_shown_first(lineage: tuple[str, ...], first: tuple[str, ...]) -> None:
    """A combination is the deployment that is one of its parts, a project's own profile the one that it inherits from."""
    assert native(lineage) == first
    assert set(first) <= set(forms([Remedy(set={"HF_HOME": "/tmp/hf"})], lineage))
