"""What modules of tiktoken_ext say about their encodings, without being run."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_envguard.caches import declared
from pytest_envguard.caches.declared import Declared
from pytest_envguard.caches.encodings import CL100K, O200K, PUBLIC, chosen, known
from pytest_envguard.errors import EnvguardError

URL = "https://encodings.example/letters.tiktoken"


def module(folder: Path, text: str) -> Path:
    """Write a module."""
    file = folder / "acme.py"
    file.write_text(text)
    return file


def read(folder: Path, text: str, table: str = '{"letters": letters}') -> Declared:
    """Return what a module with this function says of the encoding "letters"."""
    return declared.read(module(folder, f"{text}\nENCODING_CONSTRUCTORS = {table}\n"))["letters"]


@pytest.mark.parametrize(
    "text",
    [
        f"def letters():\n    return load_tiktoken_bpe('{URL}', expected_hash='AB')",
        f"def letters():\n    return tiktoken.load.load_tiktoken_bpe('{URL}', 'ab')",
        f"def letters():\n    return read_file_cached(expected_hash='ab', blobpath='{URL}')",
        f"URL = '{URL}'\ndef letters():\n    return load_tiktoken_bpe(URL, 'ab')",
        "HOST = 'https://encodings.example'\ndef letters():\n    return load_tiktoken_bpe(f'{HOST}/letters.tiktoken', 'a' + 'b')",
        f"def letters():\n    url: str = '{URL}'\n    return load_tiktoken_bpe(url, 'ab')",
        f"def base():\n    return load_tiktoken_bpe('{URL}', 'ab')\ndef letters():\n    return {{**base()}}",
        f"def letters():\n    return again()\ndef again():\n    load_tiktoken_bpe('{URL}', 'ab')\n    return letters()",
    ],
)
def test_addresses_and_hashes_are_read_however_they_are_written(tmp_path: Path, text: str) -> None:
    """Literals, constants of the module or of the function, and other functions, also in a circle."""
    assert read(tmp_path, text) == Declared(((URL, "ab"),))


def test_a_constructor_may_be_a_lambda_or_a_partial(tmp_path: Path) -> None:
    """What stands in the table is looked into, whatever it is."""
    assert read(tmp_path, "", f'{{"letters": lambda: load_tiktoken_bpe("{URL}")}}').files == ((URL, ""),)
    text = f"def make(name):\n    return load_tiktoken_bpe('{URL}')\n"
    assert read(tmp_path, text, '{"letters": functools.partial(make, "x")}').files == ((URL, ""),)


def test_both_files_of_an_old_encoding_are_found(tmp_path: Path) -> None:
    """As of GPT-2, in a release that compared no hashes."""
    text = "def letters():\n    return data_gym_to_mergeable_bpe_ranks(vocab_bpe_file='https://a/v', encoder_json_file='https://a/e')"
    assert read(tmp_path, text) == Declared((("https://a/v", ""), ("https://a/e", "")))


def test_a_computed_address_is_unclear(tmp_path: Path) -> None:
    """It's not run to find out."""
    text = "def letters():\n    return load_tiktoken_bpe(os.environ['URL'])"
    assert read(tmp_path, text) == Declared((), unclear=True)


@pytest.mark.parametrize("text", ["def (", "ENCODING_CONSTRUCTORS = make()", "x = 1", "\0", "(" * 10_000, ""])
def test_a_module_that_says_nothing_is_no_mistake(tmp_path: Path, text: str) -> None:
    """It may be broken: tiktoken would say so."""
    assert declared.read(module(tmp_path, text)) == {}


def test_a_module_that_is_none_is_passed_over(tmp_path: Path) -> None:
    """It isn't there, or is far too large."""
    large = tmp_path / "large.py"
    large.write_bytes(b"#" * (2 << 20))
    assert declared.read(large) == declared.read(tmp_path / "nothing.py") == declared.read(tmp_path) == {}


def test_encodings_of_a_plugin_are_known_beside_openai_s(tmp_path: Path) -> None:
    """And OpenAI's are known without tiktoken."""
    found = known(
        [module(tmp_path, f"def a():\n    return load_tiktoken_bpe('{URL}', 'ab')\nENCODING_CONSTRUCTORS = {{'a': a}}")]
    )
    assert [file.url for file in found["a"].files] == [URL]
    assert found["o200k_harmony"].files == found["o200k_base"].files == (O200K,)


def test_an_installed_release_without_hashes_gets_the_known_ones(tmp_path: Path) -> None:
    """Before 0.6.0 nothing was compared; a hash that differs is the installed release's own business."""
    for sha256, expected in ("", CL100K.sha256), ("00", "00"):
        text = f"def a():\n    return load_tiktoken_bpe('{CL100K.url}', '{sha256}')\nENCODING_CONSTRUCTORS = {{'cl100k_base': a}}"
        (file,) = known([module(tmp_path, text)])["cl100k_base"].files
        assert file.sha256 == expected


def test_names_in_a_cache_are_those_that_tiktoken_looks_for() -> None:
    """As they are in litellm's wheel, and in every cache."""
    assert CL100K.cached_name == "9b5ad71b2ce5302211f9c61530b329a4922fc6a4"
    assert {len(file.sha256) for file in PUBLIC.values()} == {64}


def test_all_stands_for_every_encoding() -> None:
    """With each file once."""
    everything = chosen(["all", "gpt2"], known([]))
    assert {file for encoding in everything for file in encoding.files} == set(PUBLIC.values())
    assert [encoding.name for encoding in chosen(["gpt2", "gpt2"], known([]))] == ["gpt2"]


def test_an_unknown_encoding_is_an_error_with_the_nearest() -> None:
    """Names are printed harmlessly."""
    with pytest.raises(EnvguardError, match=r"no encoding is named `cl100k`\nhint: did you mean `cl100k_base`\?"):
        chosen(["cl100k"], known([]))
    with pytest.raises(EnvguardError, match=r"named `\\x1b\[31m`"):
        chosen(["\x1b[31m"], known([]))


def test_an_encoding_whose_files_nobody_can_name_is_an_error(tmp_path: Path) -> None:
    """With the command that lets tiktoken find out."""
    found = known([module(tmp_path, "def a():\n    return b()\nENCODING_CONSTRUCTORS = {'a': a}")])
    with pytest.raises(EnvguardError, match=r"`a`: tiktoken_ext/acme\.py names no file"):
        chosen(["a"], found)
    assert "a" not in {encoding.name for encoding in chosen(["all"], found)}
