"""`envguard seed` and its fixtures with the real libraries: tiktoken, litellm, huggingface_hub, transformers."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.knowledge.conftest import heavy, interpreter

from .conftest import plain_environment, run_where_forbidden

LITELLM = ("litellm==1.53.9", "httpx<0.28")
TIKTOKEN = ("tiktoken==0.14.0",)
TRANSFORMERS = ("transformers==5.23.0", "tokenizers==0.23.3", "huggingface-hub==2.4.0")
TRUSTME = "trustme>=1.2"
HUBS = (
    pytest.param(("huggingface_hub==0.17.3", "tokenizers==0.13.3", TRUSTME), marks=heavy),
    ("huggingface_hub==1.33.0", "tokenizers==0.23.3", TRUSTME),
)
EVERYTHING = ("gpt2", "r50k_base", "p50k_base", "p50k_edit", "cl100k_base", "o200k_base", "o200k_harmony")
CL100K = "9b5ad71b2ce5302211f9c61530b329a4922fc6a4"
# Settings of the developer's that would change what a library does.
_SETTINGS = ("CUSTOM_TIKTOKEN_", "DATA_GYM_", "HF_", "HUGGING", "TIKTOKEN_", "TRANSFORMERS_")


class Outcome:
    """What a command did.

    Attributes:
        code: Exit code.
        out: Standard output.
        err: Standard error.
    """

    def __init__(self, process: subprocess.CompletedProcess[str]) -> None:
        self.code, self.out, self.err = process.returncode, process.stdout, process.stderr

    def __repr__(self) -> str:
        return f"exit code {self.code}\n{self.out}\n{self.err}"

    @property
    def document(self) -> Any:
        """The output, read as JSON."""
        return json.loads(self.out)

    @property
    def tried(self) -> dict[str, str]:
        """What was tried, by its state."""
        return {item["name"]: item["state"] for item in self.document["proof"]["items"]}


def environment(**more: str) -> Mapping[str, str]:
    """Return variables with nothing that changes what is tested; temporary files aren't those of other tests."""
    kept = {name: text for name, text in plain_environment().items() if not name.startswith(_SETTINGS)}
    return {**kept, "PYTHONDONTWRITEBYTECODE": "1", "HF_HUB_DISABLE_PROGRESS_BARS": "1", **more}


def envguard(packages: Sequence[str], folder: Path, *words: str, **variables: str) -> Outcome:
    """Run the command in a virtual environment with packages, in ``folder``."""
    python = interpreter(tuple(packages))
    return Outcome(
        subprocess.run(
            [str(python), "-m", "pytest_envguard", *words],
            cwd=folder,
            env=environment(TMPDIR=str(folder / "tmp"), **variables),
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=120,
            check=False,
        )
    )


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that other users may enter, outside of /tmp, with an empty one for temporary files."""
    folder = Path(tempfile.mkdtemp(prefix="envguard-seed-", dir="/var/tmp"))
    folder.chmod(0o755)
    (folder / "tmp").mkdir(mode=0o777)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def encodings() -> Iterator[Path]:
    """All encodings, seeded once from the litellm that is installed."""
    folder = Path(tempfile.mkdtemp(prefix="envguard-seed-", dir="/var/tmp"))
    folder.chmod(0o755)
    (folder / "tmp").mkdir()
    done = envguard(LITELLM, folder, "seed", "tiktoken", "all", "--to", "all", "--from", "litellm", "--json")
    assert done.code == 0, done
    assert set(done.tried.values()) == {"ok"}, done
    assert done.document["proof"]["uid"] == 993
    assert {name for name in EVERYTHING if f"tiktoken loads {name}" in done.tried} == set(EVERYTHING)
    yield folder / "all"
    shutil.rmtree(folder)


MODEL = {
    "config.json": '{"model_type": "bert", "vocab_size": 8}',
    "tokenizer_config.json": '{"tokenizer_class": "BertTokenizer"}',
    "vocab.txt": "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nhello\nworld\n##s\n",
    "model.safetensors": "not asked for",
}


def write_model(folder: Path) -> Path:
    """Write a small model."""
    folder.mkdir(parents=True)
    for name, text in MODEL.items():
        (folder / name).write_text(text)
    return folder


def served(packages: Sequence[str], profile: str) -> tuple[str, ...]:
    """Return the words that begin `envguard seed` in an environment that serves hosts."""
    return ("run", "-q", profile, "--", str(interpreter(tuple(packages))), "-m", "pytest_envguard", "seed")


# -- tiktoken ----------------------------------------------------------------------------------------------------------


def test_all_encodings_come_out_of_litellm(encodings: Path) -> None:
    """Six files under the names that tiktoken looks for, readable for everybody; nothing besides."""
    assert len(os.listdir(encodings)) == 6
    assert CL100K in os.listdir(encodings)
    assert {file.stat().st_mode & 0o777 for file in encodings.iterdir()} == {0o644}


def test_an_old_release_loads_them_too(encodings: Path, place: Path) -> None:
    """In a container; what it doesn't have is said."""
    words = ("seed", "tiktoken", "all", "--to", "all", "--from", str(encodings), "--profile", "container", "--json")
    done = envguard(("tiktoken==0.5.1",), place, *words)
    assert done.code == 0, done
    old = {f"tiktoken loads {name}" for name in EVERYTHING if not name.startswith("o200k")}
    assert {name for name, state in done.tried.items() if state == "ok"} >= old
    assert done.tried["tiktoken loads o200k_base"] == "not tried"


@heavy
@pytest.mark.parametrize("release", ["0.3.3", "0.7.0"])
def test_every_release_loads_them(encodings: Path, place: Path, release: str) -> None:
    """Read-only, offline, as another user."""
    packages = (f"tiktoken=={release}", "requests")
    done = envguard(packages, place, "seed", "tiktoken", "all", "--to", "x", "--from", str(encodings), "--json")
    assert done.code == 0, done


def test_a_wheel_and_a_file_are_sources(encodings: Path, place: Path) -> None:
    """The wheel needs not be installed; what was there stays; the text says what to set."""
    wheel = place / "litellm-1.53.9-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.write(encodings / CL100K, f"litellm/llms/tokenizers/{CL100K}")
    first = envguard(TIKTOKEN, place, "seed", "tiktoken", "cl100k_base", "--to", "app/tokens", "--from", wheel.name)
    assert first.code == 0, first
    for line in (
        f"  {CL100K}  cl100k_base.tiktoken  {wheel.name}, litellm/llms/tokenizers/{CL100K}",
        "tried in lambda as uid 993, with a read-only file system and no network:",
        "  ok         tiktoken loads cl100k_base: tiktoken 0.14.0",
        f"  export TIKTOKEN_CACHE_DIR={place / 'app' / 'tokens'}",
        f"  export CUSTOM_TIKTOKEN_CACHE_DIR={place / 'app' / 'tokens'}",
        "  COPY app/tokens /opt/tokens",
        "  ENV TIKTOKEN_CACHE_DIR=/opt/tokens CUSTOM_TIKTOKEN_CACHE_DIR=/opt/tokens",
    ):
        assert line in first.out.splitlines(), first
    (place / "x").write_bytes((encodings / "0ea1e91bbb3a60f729a8dc8f777fd2fc07cd8df4").read_bytes())
    words = ("seed", "tiktoken", "r50k_base", "cl100k_base", "--to", "app/tokens", "--from", "x", "--json")
    second = envguard(TIKTOKEN, place, *words)
    assert [file["origin"] for file in second.document["files"]] == ["x", "was there"], second


def test_what_git_has_changed_is_refused_and_tiktoken_s_own_file_is_replaced_by_force(
    encodings: Path, place: Path
) -> None:
    """A file with CRLF is not what tiktoken takes: it would delete it, and ask the network."""
    crlf = (encodings / CL100K).read_bytes().replace(b"\n", b"\r\n")
    (place / "cl100k_base.tiktoken").write_bytes(crlf)
    words = ("seed", "tiktoken", "cl100k_base", "--to", "tokens")
    refused = envguard(TIKTOKEN, place, *words, "--from", "cl100k_base.tiktoken")
    assert refused.code == 4, refused
    assert "its lines end with CRLF" in refused.err
    assert "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7" in refused.err
    assert not (place / "tokens").exists()

    (place / "tokens").mkdir()
    (place / "tokens" / CL100K).write_bytes(crlf)
    there = envguard(TIKTOKEN, place, *words, "--from", str(encodings))
    assert (there.code, (place / "tokens" / CL100K).read_bytes() == crlf) == (4, True), there
    assert envguard(TIKTOKEN, place, *words, "--from", str(encodings), "--force").code == 0
    assert (place / "tokens" / CL100K).read_bytes() == (encodings / CL100K).read_bytes()


def test_an_encoding_of_a_plugin_is_seeded(place: Path) -> None:
    """A module of tiktoken_ext names its address; this one expects no hash."""
    plugin = place / "plugin" / "tiktoken_ext" / "acme.py"
    plugin.parent.mkdir(parents=True)
    plugin.write_text(
        "from tiktoken.load import load_tiktoken_bpe\n"
        "URL = 'https://encodings.example/acme.tiktoken'\n"
        "def acme():\n"
        "    return dict(name='acme', pat_str='.|\\\\n', mergeable_ranks=load_tiktoken_bpe(URL), special_tokens={})\n"
        "ENCODING_CONSTRUCTORS = {'acme': acme}\n"
    )
    from base64 import b64encode

    (place / "a.tiktoken").write_bytes(b"".join(b64encode(bytes([n])) + b" %d\n" % n for n in range(256)))
    words = ("seed", "tiktoken", "acme", "--to", "tokens", "--from", "a.tiktoken", "--json")
    done = envguard(TIKTOKEN, place, *words, PYTHONPATH=str(place / "plugin"))
    assert done.code == 0, done
    assert done.tried["tiktoken loads acme"] == "ok"


def test_without_a_source_and_a_network_everything_that_was_tried_is_named(place: Path) -> None:
    """At once: nothing waits for a network that isn't there."""
    began = time.monotonic()
    words = ("-m", "pytest_envguard", "seed", "tiktoken", "cl100k_base", "--to", str(place / "tokens"))
    done = envguard(TIKTOKEN, place, "run", "-q", "offline", "--", str(interpreter(TIKTOKEN)), *words)
    assert done.code == 4, done
    assert "  litellm: not installed beside this command" in done.err
    assert "cl100k_base.tiktoken: " in done.err
    assert "pip download --no-deps litellm" in done.err
    assert not (place / "tokens").exists()
    assert time.monotonic() - began < 20


def test_an_encoding_is_downloaded_from_its_own_host(encodings: Path, place: Path) -> None:
    """An environment serves it."""
    blobs = place / "blobs" / "encodings"
    blobs.mkdir(parents=True)
    shutil.copyfile(encodings / CL100K, blobs / "cl100k_base.tiktoken")
    profile = "offline:origins=openaipublic.blob.core.windows.net=blobs"
    packages = (*TIKTOKEN, TRUSTME)
    done = envguard(packages, place, *served(packages, profile), "tiktoken", "cl100k_base", "--to", "tokens", "--json")
    assert done.code == 0, done
    assert done.document["files"][0]["origin"].startswith("https://openaipublic.blob.core.windows.net/")


def test_a_killed_command_leaves_nothing_that_stays(encodings: Path, place: Path) -> None:
    """Ctrl-C leaves nothing at all, SIGKILL nothing beyond the next command."""
    write_model(place / "m")
    os.truncate(place / "m" / "model.safetensors", 300 << 20)  # it takes some time to copy
    words = [str(interpreter(TIKTOKEN)), "-m", "pytest_envguard", "seed", "hf", "m", "--as", "a/m", "--to", "hf"]
    for number in (signal.SIGINT, signal.SIGKILL):
        process = subprocess.Popen(words, cwd=place, env=environment(), stdout=subprocess.DEVNULL)
        until = time.monotonic() + 20
        while not list(place.glob("hf/.envguard-seed-*/hub")) and time.monotonic() < until:
            time.sleep(0.01)
        process.send_signal(number)
        process.wait(30)
        assert (place / "hf").exists() is (number == signal.SIGKILL)
    (place / "m" / "model.safetensors").write_text("")
    assert envguard(TIKTOKEN, place, *words[3:]).code == 0
    assert os.listdir(place / "hf") == ["hub"]


# -- the hub -----------------------------------------------------------------------------------------------------------


def test_a_folder_loads_as_a_model_with_the_hub_switched_off(place: Path) -> None:
    """As another user, read-only; the hub's own tools find nothing wrong with it."""
    write_model(place / "models" / "mini")
    words = ("seed", "hf", "models/mini", "--as", "org/mini", "--to", "hf", "--json")
    done = envguard(TRANSFORMERS, place, *words)
    assert (done.code, set(done.tried.values())) == (0, {"ok"}), done
    assert done.tried["transformers loads the tokenizer"] == "ok"
    code = """
import huggingface_hub as hub
(found,) = hub.scan_cache_dir().repos
assert not hub.scan_cache_dir().warnings, hub.scan_cache_dir().warnings
assert found.repo_id == "org/mini" and set(found.refs) == {"main"} and found.nb_files == 4, found
hub.snapshot_download("org/mini")
assert hub.try_to_load_from_cache("org/mini", "generation_config.json") is hub._CACHED_NO_EXIST
"""
    checked = subprocess.run(
        [str(interpreter(TRANSFORMERS)), "-c", code],
        env=environment(**done.document["variables"]),
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stderr


@pytest.mark.parametrize("packages", HUBS, ids=" ".join)
def test_a_model_is_downloaded_by_whatever_client_is_installed(place: Path, packages: tuple[str, ...]) -> None:
    """From the host of the hub, which an environment serves; a folder with the same files is the same commit."""
    write_model(place / "models" / "acme" / "mini")
    start = served(packages, "offline:origins=huggingface.co=models")
    done = envguard(packages, place, *start, "hf", "acme/mini", "--to", "hf", "--json")
    assert (done.code, done.tried["huggingface_hub finds every file"]) == (0, "ok"), done
    assert {one["path"] for one in done.document["files"]} == set(MODEL)
    again = envguard(packages, place, "seed", "hf", "models/acme/mini", "--as", "acme/mini", "--to", "hf", "--json")
    assert again.document["commit"] == done.document["commit"], again
    none = envguard(packages, place, *start, "hf", "acme/none", "--to", "hf2")
    assert (none.code, (place / "hf2").exists()) == (4, False), none
    assert "RepositoryNotFoundError" in none.err


@heavy
@pytest.mark.parametrize("release", ["transformers==4.33.3", "transformers==4.57.6"])
def test_every_release_loads_it(place: Path, release: str) -> None:
    """With and without links."""
    write_model(place / "mini")
    for more in ([], ["--copies"]):
        words = ("seed", "hf", "mini", "--as", "org/mini", "--to", f"hf{len(more)}", "--json", *more)
        done = envguard((release, "numpy<2"), place, *words)
        assert (done.code, done.tried["transformers loads the tokenizer"]) == (0, "ok"), done


def test_what_is_not_installed_is_not_claimed(place: Path) -> None:
    """Reading was tried; loading was not."""
    write_model(place / "mini")
    done = envguard(TIKTOKEN, place, "seed", "hf", "mini", "--as", "org/mini", "--to", "hf", "--json")
    assert done.code == 0, done
    assert done.tried["every file can be read"] == "ok"
    assert done.tried["huggingface_hub finds every file"] == "not tried"


def test_a_folder_that_is_closed_to_the_profile_s_user_fails(place: Path) -> None:
    """And says what opens it; what was written stays."""
    write_model(place / "mini")
    (place / "hf").mkdir(mode=0o700)
    done = envguard(TIKTOKEN, place, "seed", "hf", "mini", "--as", "org/mini", "--to", "hf")
    assert done.code == 1, done
    assert f"'{place / 'hf'}' has mode 0700: `chmod -R a+rX` on the folder" in done.out
    assert (place / "hf" / "hub").is_dir()


def test_where_no_environment_can_be_entered_it_is_said(project: Path) -> None:
    """A default that can't be had is no error; what somebody asks for is."""
    write_model(project / "mini")
    words = ("seed", "hf", "mini", "--as", "org/mini", "--to", "hf")
    done = run_where_forbidden(project, "sealed", *words, module="pytest_envguard")
    assert done.code == 0, done
    assert "not tried in an environment: `lambda` cannot be enforced here" in done.out
    asked = run_where_forbidden(project, "sealed", *words, "--profile=container", module="pytest_envguard")
    assert asked.code == 4, asked
    assert "`container` cannot be enforced here" in asked.err


# -- fixtures ----------------------------------------------------------------------------------------------------------


def run_tests(packages: Sequence[str], folder: Path, source: str, *options: str, **more: str) -> Outcome:
    """Run a test file, as a user does."""
    (folder / "test_it.py").write_text(source)
    (folder / "pytest.ini").write_text("[pytest]\n")
    words = [
        str(interpreter(tuple(packages))),
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:randomly",
        *options,
    ]
    variables = environment(**more)
    return Outcome(
        subprocess.run(words, cwd=folder, env=variables, capture_output=True, text=True, timeout=120, check=False)
    )


TOKENS = """
import os, pathlib, pytest, tiktoken

def load(cache, name):
    folder = cache(name, source="ENCODINGS")
    assert tiktoken.get_encoding(name).encode("hello world")
    return folder

def test_folder(tiktoken_cache, tmp_path):
    folder = load(tiktoken_cache, "cl100k_base")
    assert folder == tmp_path / "tiktoken" and os.listdir(folder) == ["9b5ad71b2ce5302211f9c61530b329a4922fc6a4"]
    for name in ("TIKTOKEN_CACHE_DIR", "DATA_GYM_CACHE_DIR", "CUSTOM_TIKTOKEN_CACHE_DIR"):
        assert os.environ[name] == str(folder)

def test_loaded_again(tiktoken_cache):
    for file in load(tiktoken_cache, "cl100k_base").iterdir():
        file.unlink()  # it would be downloaded
    tiktoken_cache("gpt2", source="ENCODINGS")
    with pytest.raises(Exception):
        tiktoken.get_encoding("cl100k_base")

def test_after(monkeypatch):
    assert "TIKTOKEN_CACHE_DIR" not in os.environ

@pytest.mark.envguard("lambda+offline")
def test_marked(tiktoken_cache, envguard_environment):
    assert "lambda" in envguard_environment
    load(tiktoken_cache, "r50k_base")

def test_mistake(tiktoken_cache):
    with pytest.raises(Exception, match="did you mean `gpt2`"):
        tiktoken_cache("gpt")
"""


@pytest.mark.parametrize("options", [("--envguard=offline", "--envguard-baseline=never"), ()], ids=["offline", "host"])
def test_the_fixture_gives_a_test_its_encodings(encodings: Path, place: Path, options: tuple[str, ...]) -> None:
    """On the host and within environments, in the test's own folder, for this test only."""
    if not options:  # without a network, what isn't in the folder can't be had
        options = ("-k", "not loaded_again")
    done = run_tests(TIKTOKEN, place, TOKENS.replace("ENCODINGS", str(encodings)), *options)
    assert done.code == 0, done


HUB = """
import os, pytest
import huggingface_hub.constants as constants
from huggingface_hub import hf_hub_download, scan_cache_dir
from huggingface_hub.utils import LocalEntryNotFoundError

BEFORE = constants.HF_HOME, constants.HF_HUB_CACHE, constants.HF_HUB_OFFLINE

def test_model(hf_cache, tmp_path):
    home = hf_cache("org/mini", folder="models/mini", include=["*.json", "vocab.txt"])
    assert home == tmp_path / "huggingface"
    from transformers import AutoTokenizer  # which keeps the variables as well
    assert AutoTokenizer.from_pretrained("org/mini")("hello worlds")["input_ids"] == [2, 5, 6, 7, 3]
    assert (constants.HF_HOME, constants.HF_HUB_CACHE, constants.HF_HUB_OFFLINE) == (str(home), str(home / "hub"), True)
    assert os.environ["HF_HUB_OFFLINE"] == "1" and len(scan_cache_dir().repos) == 1

def test_after(tmp_path):
    assert (constants.HF_HOME, constants.HF_HUB_CACHE, constants.HF_HUB_OFFLINE) == BEFORE
    import sys
    kept = [
        (name, key) for name, module in list(sys.modules.items()) if name.split(".")[0] in ("transformers", "huggingface_hub")
        for key, value in list(vars(module).items()) if isinstance(value, str) and "test_model" in value
    ]
    assert kept == [] and "HF_HOME" not in os.environ

def test_another(hf_cache):
    hf_cache("org/other", folder="models/mini", revision="v1", copies=True)
    hf_hub_download("org/other", "config.json", revision="v1")
    with pytest.raises(LocalEntryNotFoundError):
        hf_hub_download("org/mini", "config.json")
    with pytest.raises(Exception, match="models/none is no folder"):
        hf_cache("org/none", folder="models/none")
"""


@pytest.mark.parametrize("options", [(), ("--envguard=lambda", "--envguard-baseline=never")], ids=["host", "lambda"])
def test_the_fixture_gives_a_test_its_model(place: Path, options: tuple[str, ...]) -> None:
    """What the libraries keep of the variables is changed with them, and is what it was when the test has ended."""
    write_model(place / "models" / "mini")
    done = run_tests(TRANSFORMERS, place, HUB, *options)
    assert done.code == 0, done


DOWNLOADS = """
import os, pytest
from huggingface_hub import hf_hub_download, hf_hub_url

def test_two(hf_cache, envguard_origins):
    hf_cache("acme/mini")
    assert envguard_origins.requests
    home = hf_cache("acme/second")  # the first has switched the hub off
    asked = len(envguard_origins.requests)
    for name in ("acme/mini", "acme/second"):
        assert hf_hub_download(name, "config.json").startswith(str(home))
    assert len(envguard_origins.requests) == asked

def test_after(envguard_origins):
    hf_hub_download("acme/mini", "vocab.txt")
    assert envguard_origins.requests
"""


def test_the_fixture_downloads_one_model_after_the_other(place: Path) -> None:
    """It switches the hub off for the test alone, with the connections that a client keeps."""
    for name in ("mini", "second"):
        write_model(place / "models" / "acme" / name)
    packages = ("huggingface_hub==0.36.0", "tokenizers==0.22.2", TRUSTME)
    profile = f"--envguard=offline:origins=huggingface.co={place / 'models'}"
    done = run_tests(packages, place, DOWNLOADS, profile, "--envguard-baseline=never", HOME=str(place / "home"))
    assert done.code == 0, done
