"""`envguard cuda`, with files as wheels have them and a machine without a card."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from pytest_envguard.commands import cuda
from pytest_envguard.commands.parser import Parser
from pytest_envguard.errors import EnvguardError
from pytest_envguard.packages import driver as reading
from pytest_envguard.packages.cuda import Card, Driver
from tests.unit.packages.test_torch_build import TARGETS, VERSION, torch_in

NONE = Driver("libcuda.so.1: cannot open shared object file")


def run(*words: str) -> int:
    parser = Parser(prog="envguard")
    cuda.add(parser.add_subparsers(parser_class=Parser))
    options = parser.parse_args(["cuda", *words])
    return int(options.action(options))


@pytest.fixture(autouse=True)
def no_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "read_driver", lambda: NONE)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


@pytest.fixture
def torch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A torch without requirements, before anything else that is installed."""
    torch_in(tmp_path, VERSION, b"\0" + TARGETS + b"\0")
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    return tmp_path


def install(folder: Path, name: str, version: str, *requires: str) -> None:
    info = folder / f"{name}-{version}.dist-info"
    info.mkdir()
    lines = [f"Name: {name}", f"Version: {version}", *(f"Requires-Dist: {one}" for one in requires)]
    (info / "METADATA").write_text("\n".join(lines) + "\n\n")


def test_without_a_driver_it_says_so_and_ends_well(torch: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run() == 0
    out = capsys.readouterr().out
    assert out.startswith("torch    2.6.0+cu124 for CUDA 12.4, compiled for sm_50 sm_60")
    assert "  ~   no driver: libcuda.so.1: cannot open shared object file; a driver from 525.60.13 on is needed" in out


def test_where_a_card_is_wanted_it_ends_badly(torch: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--gpu") == 1
    assert "  NO  no driver" in capsys.readouterr().out


def test_wheels_that_do_not_fit_are_found_without_a_card(torch: Path, capsys: pytest.CaptureFixture[str]) -> None:
    install(torch, "torch", "2.6.0", "nvidia-cudnn-cu12==9.1.0.70", "nvidia-cublas-cu12==12.4.5.8", "filelock")
    install(torch, "torchvision", "0.21.0+cu118")
    install(torch, "nvidia_cublas_cu12", "12.1.3.1")
    assert run() == 1
    out = capsys.readouterr().out
    assert "wheels   1 of NVIDIA's" in out
    assert "torch 2.6.0 needs nvidia-cublas-cu12==12.4.5.8, installed is 12.1.3.1" in out
    assert "torch needs nvidia-cudnn-cu12: not installed" in out
    assert "filelock" not in out


def test_a_program_reads_json(torch: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--json") == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["torch"]["cuda"] == "12.4"
    assert facts["driver"]["missing"].startswith("libcuda.so.1")
    assert [one["level"] for one in facts["said"]] == ["note"]


def test_a_card_s_name_is_no_command_to_the_terminal(
    torch: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    there = Driver("", "550.54.14", (12, 4), cards=(Card("\x1b[2Jcard", (8, 6)),))
    monkeypatch.setattr(reading, "read_driver", lambda: there)
    assert run() == 0
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "cards    \\x1b[2Jcard (8.6)" in out


def test_another_interpreter_s_packages(torch: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.setenv("PYTHONPATH", str(torch))
    monkeypatch.setattr(sys, "path", [])
    assert run("--python", sys.executable) == 0
    assert str(torch) in capsys.readouterr().out


@pytest.mark.parametrize("python", ["/bin/false", "/there/is/nothing"])
def test_an_interpreter_that_is_none(python: str) -> None:
    with pytest.raises(EnvguardError, match="does not say where it looks for packages"):
        run("--python", python)


def test_without_torch_it_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    with pytest.raises(EnvguardError, match="torch isn't installed for"):
        run()
