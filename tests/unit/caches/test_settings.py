"""What has to be set, for whom."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_envguard.caches.encodings import CL100K, R50K
from pytest_envguard.caches.settings import docker_lines, for_encodings, for_model, shell_lines

FOLDER = Path("/srv/app/tokens")


@pytest.mark.parametrize(
    ("litellm", "said"),
    [
        ("", "litellm 1.40.9 and later set TIKTOKEN_CACHE_DIR themselves"),
        ("1.14.4", "leaves TIKTOKEN_CACHE_DIR as it is"),
        ("1.30.0", "no variable keeps it from that: upgrade"),
        ("1.53.9", "when it is imported"),
        ("1.81.16", "when it first counts tokens"),
    ],
)
def test_litellm_is_told_by_its_release(litellm: str, said: str) -> None:
    """Which variable it reads, and when it overwrites the other."""
    settings = for_encodings(FOLDER, [CL100K], litellm)
    assert dict(settings.variables) == {"TIKTOKEN_CACHE_DIR": str(FOLDER), "CUSTOM_TIKTOKEN_CACHE_DIR": str(FOLDER)}
    assert any(said in note for note in settings.notes)


def test_a_folder_without_litellm_s_own_encoding_is_told() -> None:
    """It loads cl100k_base whatever is asked of it."""
    said = "litellm itself loads cl100k_base"
    assert any(note.startswith(said) for note in for_encodings(FOLDER, [R50K], "").notes)
    assert not any(note.startswith(said) for note in for_encodings(FOLDER, [CL100K], "").notes)


def test_old_transformers_is_switched_off_by_its_own_variable() -> None:
    """Newer ones read huggingface_hub's."""
    for release, old in (("4.33.3", True), ("4.44.2", False), ("5.23.0", False)):
        assert ("TRANSFORMERS_OFFLINE" in for_model(FOLDER, release).variables) is old
    assert for_model(FOLDER, "5.23.0").variables == {"HF_HOME": str(FOLDER), "HF_HUB_OFFLINE": "1"}


def test_lines_for_a_shell_and_a_dockerfile() -> None:
    """The image has the folder below /opt; what isn't below the build's folder has to be copied there first."""
    settings = for_model(FOLDER, "5.23.0")
    assert shell_lines(settings) == ["export HF_HOME=/srv/app/tokens", "export HF_HUB_OFFLINE=1"]
    lines = ["COPY tokens /opt/tokens", "ENV HF_HOME=/opt/tokens HF_HUB_OFFLINE=1"]
    assert docker_lines(settings, Path("/srv/app")) == lines
    assert docker_lines(settings, Path("/srv")) == ["COPY app/tokens /opt/tokens", lines[1]]
    assert docker_lines(settings, Path("/elsewhere"))[0].startswith("# copy /srv/app/tokens into")


def test_names_that_need_quotes_get_them() -> None:
    """And those that a Dockerfile can't hold are said."""
    settings = for_model(Path("/srv/my tokens"), "5.23.0")
    assert shell_lines(settings)[0] == "export HF_HOME='/srv/my tokens'"
    assert docker_lines(settings, Path("/srv")) == [
        'COPY ["my tokens", "/opt/my tokens"]',
        'ENV HF_HOME="/opt/my tokens" HF_HUB_OFFLINE=1',
    ]
    for odd in ("a\nb", "a$b", 'a"b'):
        (line,) = docker_lines(for_model(Path("/srv", odd), "5.23.0"), Path("/srv"))
        assert line.startswith("#")
