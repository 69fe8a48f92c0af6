"""What is written is read by those that it's written for: tox, GitHub and a shell."""

from __future__ import annotations

import configparser
import datetime
import importlib.util
import json
import random
import shlex
import subprocess
import sys
from itertools import product
from pathlib import Path

import pytest

from pytest_envguard.errors import EnvguardError
from pytest_envguard.matrix.axes import read_asked
from pytest_envguard.matrix.choosing import choose
from pytest_envguard.matrix.formats import arguments, github_text, meanings, selection, table_text, tox_text
from pytest_envguard.model.cell import PYTHON, Cell

needs_tox = pytest.mark.skipif(importlib.util.find_spec("tox") is None, reason="tox is not installed")


def cells(**axes: str) -> list[Cell]:
    """Return the product of axes: ``cells(six="1.15.0 1.16.0")``; an underscore stands for a dash."""
    pins = [[(axis.replace("_", "-"), version) for version in axes[axis].split()] for axis in axes]
    return [Cell(versions) for versions in product(*pins)]


FULL = cells(python="3.11 3.12", litellm="1.53.9 1.75.5", huggingface_hub="0.36.0 1.0.0rc1")
OLD = Cell(
    (("litellm", "1.14.4"), ("tiktoken", "0.5.2")), "2023-12-31", ("setuptools<81", 'six; python_version < "3.9"')
)
MORE = Cell((*OLD.versions, ("six", "1.16.0")))
SETS = {
    "a product": FULL,
    "one cell": FULL[:1],
    "some excluded": [cell for cell in FULL if FULL.index(cell) not in (1, 6)],
    "cells with other axes": [*FULL, OLD, MORE],
    "one that has all factors of another": [MORE, OLD],
    "all as of a day": [cell._replace(as_of="2024-06-20") for cell in FULL],
    "the same versions as of two days": [OLD, OLD._replace(as_of="2024-06-30"), OLD._replace(as_of="", extra=())],
    "names and versions that a factor can't have": cells(
        torch="2.4.0+cpu 2.5.0+cpu", zope_interface="6.0 1!7.0", py="1.11.0"
    ),
    "names that end in digits": cells(boto3="1.34.0 1.35.0", h11="0.14.0", h2="4.1.0 4.2.0"),
    "versions of one number": cells(pytz="2024 2025", PyYAML="6 7"),
    "a patch release and a free-threaded interpreter": cells(python="3.11.7 3.12 3.13t", six="1.16.0"),
    "a random half": random.Random(5).sample(cells(a="1.0 1.1 1.2", b="2.0 2.1 2.2", c="3.0 3.1 3.2"), 13),
}


def ask_tox(folder: Path, text: str) -> dict[str, dict[str, list[str]]]:
    """Return what tox itself makes of a tox.ini: name of each environment to key to lines."""
    (folder / "tox.ini").write_text(text)
    words = [sys.executable, "-m", "tox", "config", "-k", "deps", "base_python", "set_env", "commands"]
    out = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=True).stdout
    parser = configparser.ConfigParser(interpolation=None, delimiters=("=",))
    parser.read_string(out)
    names = [name for name in parser.sections() if name.startswith("testenv:")]
    return {
        name.removeprefix("testenv:"): {key: value.strip().splitlines() for key, value in parser[name].items()}
        for name in names
    }


def until(cell: Cell) -> str:
    """Return the first moment after the cell's day, "" without one."""
    if not cell.as_of:
        return ""
    day = datetime.datetime.fromisoformat(cell.as_of) + datetime.timedelta(hours=24)
    return day.strftime("%Y-%m-%dT%H:%M:%SZ")


@needs_tox
@pytest.mark.parametrize("name", SETS)
def test_tox_has_an_environment_for_each_cell_with_its_requirements(tmp_path: Path, name: str) -> None:
    """As many environments as cells; each one has a cell's pins and further requirements, its day and its interpreter."""
    wanted = SETS[name]

    found = ask_tox(tmp_path, tox_text(wanted, [], "A heading."))

    assert len(found) == len(wanted)
    got = []
    for keys in found.values():
        assert keys["deps"][0] == "pytest"
        days = {line.partition("=")[2] for line in keys["set_env"] if line.startswith(("UV_EXCL", "PIP_UPLOADED"))}
        interpreter = keys["base_python"][0].removeprefix("py").removeprefix("thon")
        got.append((sorted(keys["deps"][1:]), days or {""}, interpreter if interpreter[0].isdigit() else ""))
    for cell in wanted:
        python = cell.python if cell.python.count(".") == 2 else cell.python.replace(".", "")
        assert (sorted([*cell.pins, *cell.extra]), {until(cell)}, python) in got, cell


@needs_tox
def test_a_product_is_one_line_that_its_names_come_from(tmp_path: Path) -> None:
    """The generative form, as one would write it by hand; dashes in a package's name are underscores."""
    text = tox_text(FULL, ["lambda", "offline"], "Two\nlines.")

    assert text.splitlines()[:5] == [
        "# Two",
        "# lines.",
        "[tox]",
        "env_list =",
        "    py{311,312}-litellm{1.53.9,1.75.5}-huggingface_hub{0.36.0,1.0.0rc1}",
    ]
    found = ask_tox(tmp_path, text)
    assert list(found) == [cell.name.replace("huggingface-", "huggingface_") for cell in FULL]
    assert found["py311-litellm1.53.9-huggingface_hub1.0.0rc1"]["deps"] == [
        "pytest-envguard",
        "litellm==1.53.9",
        "huggingface-hub==1.0.0rc1",
    ]
    assert found["py312-litellm1.75.5-huggingface_hub0.36.0"]["commands"] == ["pytest --envguard=lambda,offline"]


def test_what_is_left_out_of_a_product_is_no_environment() -> None:
    """Rows that differ in one axis are one line; no line has a cell that was excluded."""
    lines = tox_text(SETS["some excluded"], [], "").splitlines()

    assert lines[lines.index("env_list =") + 1 : lines.index("[testenv]") - 1] == [
        "    py311-litellm1.53.9-huggingface_hub0.36.0",
        "    py311-litellm1.75.5-huggingface_hub{0.36.0,1.0.0rc1}",
        "    py312-litellm1.53.9-huggingface_hub{0.36.0,1.0.0rc1}",
        "    py312-litellm1.75.5-huggingface_hub1.0.0rc1",
    ]


def test_cells_that_tox_can_t_tell_apart_are_a_mistake() -> None:
    """A name has versions and days; what else two cells differ in can't be selected by it."""
    with pytest.raises(EnvguardError, match="2 cells would be one environment for tox: "):
        tox_text([OLD, OLD._replace(extra=("setuptools<80",))], [], "")


def test_a_shell_takes_the_arguments_apart_as_they_were() -> None:
    """Ready to paste: what a shell would take for a redirection is in quotes; each value makes one axis."""
    words = shlex.split(arguments(OLD._replace(versions=((PYTHON, "3.11"), *OLD.versions)), "lambda"))

    assert words == [
        "--envguard=lambda",
        "--envguard-versions=python==3.11",
        "--envguard-versions=litellm==1.14.4",
        "--envguard-versions=tiktoken==0.5.2",
        "--envguard-versions=as-of=2023-12-31",
        "--envguard-versions=with=setuptools<81",
        '--envguard-versions=with=six; python_version < "3.9"',
    ]
    assert shlex.split(arguments(Cell((("six", "1.16.0"),)))) == ["--envguard-versions=six==1.16.0"]
    assert selection(Cell(())) == ()


def test_a_matrix_of_github_is_one_line_with_a_job_for_each_cell_and_profile() -> None:
    """`fromJSON` makes it `strategy.matrix`; an interpreter that no cell names is the running one."""
    text = github_text([FULL[3], OLD], ["lambda", "offline"], "3.13")

    jobs = json.loads(text)["include"]
    assert "\n" not in text and len(jobs) == 4
    assert jobs[0] == {
        "name": "lambda-py311-litellm1.75.5-huggingface-hub1.0.0rc1",
        "python": "3.11",
        "envguard": "lambda",
        "versions": "litellm==1.75.5 huggingface-hub==1.0.0rc1",
        "arguments": arguments(FULL[3], "lambda"),
    }
    assert (jobs[3]["name"], jobs[3]["python"]) == ("offline-litellm1.14.4-tiktoken0.5.2", "3.13")


def test_without_a_profile_a_job_is_the_cell_on_the_host() -> None:
    """Nothing is said about an environment."""
    (job,) = json.loads(github_text([Cell((("six", "1.16.0"),))], [], "3.12"))["include"]

    assert job["name"] == "six1.16.0"
    assert job["envguard"] == "off"
    assert job["arguments"] == "--envguard-versions=six==1.16.0"


def test_a_matrix_of_github_has_at_most_256_jobs() -> None:
    """GitHub would refuse the workflow; the error says how many there are and what to do."""
    many = [Cell((("six", f"1.{number}"),)) for number in range(129)]

    assert len(json.loads(github_text(many[:128], ["lambda", "offline"], "3.12"))["include"]) == 256
    with pytest.raises(EnvguardError) as caught:
        github_text(many, ["lambda", "offline"], "3.12")
    assert caught.value.message == ("258 jobs (129 cells × 2 profiles): a matrix of GitHub Actions has at most 256")
    assert caught.value.hint == "try `strategy=pairwise`, or a matrix for each profile"


def test_a_table_has_a_column_for_each_axis_and_only_those_that_say_something() -> None:
    """The interpreter first; what a cell doesn't pin is a dash; days and further requirements where there are any."""
    assert table_text([FULL[0], OLD._replace(extra=("setuptools<81",))], ["lambda"], ["A note."]) == (
        "2 cells in lambda\n"
        "\n"
        "python  litellm  huggingface-hub  tiktoken  as of       with           cell\n"
        "3.11    1.53.9   0.36.0           -                                    py311-litellm1.53.9-huggingface-hub0.36.0\n"
        "-       1.14.4   -                0.5.2     2023-12-31  setuptools<81  litellm1.14.4-tiktoken0.5.2\n"
        "\n"
        "A note."
    )


def test_a_table_says_how_many_environments_that_makes() -> None:
    """Each cell in each profile; on the host alone a cell is all there is."""
    two = cells(six="1.15.0 1.16.0")

    assert table_text(two, []) == "2 cells\n\nsix     cell\n1.15.0  six1.15.0\n1.16.0  six1.16.0"
    assert table_text(two[:1], []).startswith("1 cell\n")
    assert table_text(two, ["lambda", "container", "offline"]).startswith(
        "2 cells in lambda, container and offline: 6 environments\n"
    )


def test_a_sentence_says_what_a_range_is() -> None:
    """For the day that it holds on; a long one in short; nothing about versions that are written out."""
    asked = read_asked(["six==1.10.0,latest", "litellm>=1.53", "py==1.11.0"], {})
    rows = zip(["1.10.0", *["1.17.0"] * 9], [f"1.{minor}.9" for minor in range(53, 63)], strict=True)
    found = [Cell((("six", six), ("litellm", litellm), ("py", "1.11.0"))) for six, litellm in rows]

    assert meanings(asked, found) == [
        "six `latest`, today: 1.17.0",
        "litellm `>=1.53`, today: 1.53.9 … 1.62.9, 10 releases",
    ]
    old = asked._replace(as_of="2024-06-20")
    assert meanings(old, found[:3])[1] == "litellm `>=1.53`, 2024-06-20: 1.53.9, 1.54.9, 1.55.9"


def test_what_is_selected_is_the_cell_again() -> None:
    """The axes that make a cell, read as the command line is, are this very cell."""
    cell = Cell((*OLD.versions, (PYTHON, "3.11")), "2023-12-31", ("setuptools<81", "wheel"))
    asked = read_asked(selection(cell), {})

    exact = {axis.name: {choice: (choice.text,) for choice in axis.choices} for axis in asked.axes}
    assert choose(asked, exact) == [cell]
