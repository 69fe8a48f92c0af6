"""The example shows what its README says: why each test fails there only, and which remedy works; no internet is asked."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from importlib.metadata import distribution
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from pytest_envguard.matrix import store
from pytest_envguard.matrix.uv import Uv, UvError, find
from tests.acceptance.conftest import plain_environment

from .conftest import EXAMPLES, expected

EXAMPLE = "why-it-failed"
STORIES: dict[str, dict[str, Any]] = expected(EXAMPLE)["story"]
_LEFT = (".pytest_cache", ".venv", "__pycache__", "*.egg-info", "build")  # what using an example leaves in its folder
# Settings of the developer's that would change what the libraries do.
_SETTINGS = ("CUSTOM_", "DATA_GYM_", "HF_", "HUGGING", "LITELLM_", "OPENAI_", "TIKTOKEN_", "TRANSFORMERS_", "XDG_")
_OLD = "1.40.8"  # the last release of litellm but one before CUSTOM_TIKTOKEN_CACHE_DIR and o200k_base
pytestmark = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("litellm", "trustme", "uv")),
    reason="needs litellm, transformers, trustme and uv: run `tox -e examples`",
)


class Told(NamedTuple):
    """What a run told.

    Attributes:
        code: Exit code.
        output: What it printed.
        report: The JSON document.
    """

    code: int
    output: str
    report: dict[str, Any]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the example in which `python build.py` has been run."""
    folder = tmp_path_factory.mktemp("example") / EXAMPLE
    shutil.copytree(EXAMPLES / EXAMPLE, folder, ignore=shutil.ignore_patterns(*_LEFT))
    done = subprocess.run(
        [sys.executable, "build.py"],
        cwd=folder,
        env=environment(folder, "build"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="module")
def stories(project: Path) -> Iterator[dict[str, Future[Told]]]:
    """All stories, two at a time: one of them waits for a network most of its time."""
    with ThreadPoolExecutor(2) as pool:
        yield {name: pool.submit(run, project, name) for name in STORIES}


def environment(project: Path, name: str, *, private: bool = True) -> dict[str, str]:
    """Return the variables of a run, which has a home and a folder for temporary files of its own."""
    environ = {key: text for key, text in plain_environment().items() if not key.startswith(_SETTINGS)}
    if private:
        home, temporary = project.parent / f"home-{name}", project.parent / f"tmp-{name}"
        home.mkdir(exist_ok=True)
        temporary.mkdir(exist_ok=True)
        environ |= {"HOME": str(home), "TMPDIR": str(temporary)}
    return {**environ, "PYTHONPATH": str(project)}


def run(project: Path, name: str) -> Told:
    """Run a story as its user does, in a machine's network that is made of folders."""
    story = STORIES[name]
    report = project.parent / f"{name}.json"
    words = ["-p", "no:cacheprovider", "--envguard-fix=try", f"--envguard-report={report}", "--tb=short"]
    words += [f"--envguard={','.join(story['environments'])}", *story["tests"]]
    inside = [sys.executable, "-m", "pytest_envguard", "run", "-q", "internet", "--"]
    environ = environment(project, name, private="versions" not in story)
    if "versions" in story:  # cells need an index, which isn't one of that network's hosts
        inside = []
        words += [f"--envguard-versions={story['versions']}", "--envguard-baseline=never"]
        environ |= old_release()
    process = subprocess.run(
        [*inside, sys.executable, "-m", "pytest", *words],
        cwd=project,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert report.exists(), process.stdout + process.stderr
    return Told(process.returncode, process.stdout, json.loads(report.read_text()))


# -- a release that not every index has --------------------------------------------------------------------------------


def old_release() -> dict[str, str]:
    """Return the variables with which litellm 1.40.8 can be installed.

    An index that doesn't have it gets a stand-in: the installed one without what 1.40.9 brought, see
    https://github.com/BerriAI/litellm/pull/4119.
    """
    root = store.open_store().root / "stand-ins"
    root.mkdir(parents=True, exist_ok=True)
    try:
        Uv(find(), os.environ, root).compile(f"litellm=={_OLD}\n", "--no-deps", "--quiet")
    except UvError:
        make_stand_in(root / f"litellm-{_OLD}-py3-none-any.whl")
        return {"UV_FIND_LINKS": ",".join(filter(None, (str(root), os.environ.get("UV_FIND_LINKS", ""))))}
    return {}


def make_stand_in(wheel: Path) -> None:
    """Write a wheel of the installed litellm as it would be with the folder's one line and one file of 1.40.8."""
    if wheel.exists():
        return
    found = distribution("litellm")
    information = f"litellm-{_OLD}.dist-info"
    made = wheel.with_suffix(f".{os.getpid()}")
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as packed:
        names = []
        for file in found.files or ():
            name = re.sub(r"^litellm-[^/]*\.dist-info", information, str(file))
            if name.startswith(("..", "/")) or name.endswith((".pyc", "fb374d419588a4632f3f557e76b4b70aebbca790")):
                continue
            if name.startswith(information) and not name.endswith(("METADATA", "WHEEL", "entry_points.txt")):
                continue
            packed.writestr(name, _older(name, Path(str(file.locate())).read_bytes()))
            names.append(name)
        lines = [f"{name},,\n" for name in (*names, f"{information}/RECORD")]
        packed.writestr(f"{information}/RECORD", "".join(lines))
    made.rename(wheel)


def _older(name: str, content: bytes) -> bytes:
    if name.endswith(".dist-info/METADATA"):
        return re.sub(rb"(?m)^Version: .*$", f"Version: {_OLD}".encode(), content, count=1)
    if name.endswith("default_encoding.py"):
        older, count = re.subn(rb'os\.getenv\(\s*"CUSTOM_TIKTOKEN_CACHE_DIR", filename\s*\)', b"filename", content)
        assert count == 1, content.decode()
        return older
    return content


# -- what they tell ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", STORIES)
def test_exactly_these_fail_and_only_there(stories: dict[str, Future[Told]], name: str) -> None:
    """All others pass, and all pass on the machine with the network that is made of folders."""
    told = stories[name].result()
    wanted = {(one["environment"], test) for one in STORIES[name]["fails"] for test in one["tests"]}
    found = {
        (place, test["nodeid"]): failure["verdict"]
        for test in told.report["tests"]
        for place, failure in test.get("failures", {}).items()
    }
    verdict = "fails, not compared with the host" if "versions" in STORIES[name] else "fails only here"
    assert told.code == 1, told.output
    assert found == dict.fromkeys(wanted, verdict), told.output


FAILS = [
    pytest.param(name, one, id=f"{name}-{one['environment']}")
    for name, story in STORIES.items()
    for one in story["fails"]
]


@pytest.mark.parametrize(("name", "fails"), FAILS)
def test_why_it_fails(stories: dict[str, Future[Told]], name: str, fails: dict[str, Any]) -> None:
    """One rule says so, of all the tests that fail by it, and for certain."""
    told = stories[name].result()
    (cause,) = causes(told, fails)
    assert cause["rule"] == fails["rule"], told.output
    assert cause["certain"] and not cause["silent"]
    assert fails["says"] in cause["explanation"]
    assert set(fails["tests"]) == set(cause["tests"][fails["environment"]])


@pytest.mark.parametrize(("name", "fails"), FAILS)
def test_what_helps(stories: dict[str, Future[Told]], name: str, fails: dict[str, Any]) -> None:
    """It was tried: all of the tests pass with it, and no other one fails."""
    told = stories[name].result()
    (cause,) = causes(told, fails)
    tried = [one for one in cause["tried"] if one["environment"] == fails["environment"]]
    worked = [one for one in tried if one["works"]]
    assert [" ".join(one["remedies"]) for one in worked] == [fails["works"]] * bool(fails["works"]), told.output
    for one in worked:
        assert set(one["passed"]) == set(fails["tests"])
        assert not one["broken"]


@pytest.mark.parametrize(("name", "fails"), FAILS)
def test_what_is_not_said(stories: dict[str, Future[Told]], name: str, fails: dict[str, Any]) -> None:
    """Neither the reason of another story, nor its remedy."""
    told = stories[name].result()
    for cause in causes(told, fails):
        words = [cause["explanation"], *(remedy["title"] for remedy in cause["remedies"])]
        said = " | ".join(words)
        assert not [text for text in fails["never"] if text in f" {said}"], said


def causes(told: Told, fails: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return all that is said of the tests in the environment, but for what nothing failed of."""
    wanted = set(fails["tests"])
    return [one for one in told.report["causes"] if wanted & set(one["tests"].get(fails["environment"], ()))]


@pytest.mark.parametrize("name", STORIES)
def test_the_readme_shows_what_a_run_prints(stories: dict[str, Future[Told]], name: str) -> None:
    """Every sentence of it, but for places and paths. With ENVGUARD_REWRITE set it's written anew."""
    told = why(stories[name].result().output)
    readme = EXAMPLES / EXAMPLE / "README.md"
    block = re.compile(rf"(<!-- {name} -->.*?\n```\n)(.*?)(```\n)", re.DOTALL)
    if "ENVGUARD_REWRITE" in os.environ:
        readme.write_text(block.sub(lambda found: found[1] + tidy(told) + found[3], readme.read_text()))
    ((_, shown, _),) = block.findall(readme.read_text())
    assert plain(shown) == plain(told)


def why(output: str) -> str:
    """Return what a run says about causes, without what is lost silently."""
    (found,) = re.findall(r"(?m)^why:\n(?:(?:  .*)?\n)+", output)
    return found.rstrip() + "\n"


def tidy(told: str) -> str:
    """Return a text without the folders of a machine and what is another each time."""
    told = re.sub(r"\S*/(site-packages/)", r"\1", told)
    told = re.sub(r"checks-\w+", "checks-*", told)
    return re.sub(r"\.cpython-\S+?\.so", ".so", told)


def plain(text: str) -> str:
    """Return a tidy text without line breaks, places, and releases that the example doesn't pin."""
    text = re.sub(r"(?m)^ +at \S+$", "", tidy(text))
    return " ".join(re.sub(r"huggingface_hub \d[\d.]*", "huggingface_hub", text).split())


def test_nothing_is_left_in_litellm_s_folder(stories: dict[str, Future[Told]]) -> None:
    """What was downloaded for a test on the machine itself is taken away: the next run shall fail as this one."""
    for story in stories.values():
        story.result()
    own = {Path(str(file.locate())) for file in distribution("litellm").files or ()}
    folders = {file.parent for file in own if file.parent.name == "tokenizers"}
    assert {file for folder in folders for file in folder.glob("[0-9a-f]" * 40)} <= own
