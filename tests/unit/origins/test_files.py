"""What a static host answers, and that no path leads out of its folder."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from pytest_envguard.origins.files import digest, respond
from pytest_envguard.origins.wire import Answer, Request

CONTENT = b"0123456789"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with some files, beside a secret."""
    (tmp_path / "secret").write_text("secret")
    made = tmp_path / "served"
    (made / "sub").mkdir(parents=True)
    (made / "digits.txt").write_bytes(CONTENT)
    (made / "a b.json").write_text("{}")
    (made / "sub" / "nothing").write_text("")
    os.utime(made / "digits.txt", (1_700_000_000, 1_700_000_000))
    (made / "inner").symlink_to("digits.txt")
    (made / "outer").symlink_to("../secret")
    (made / "above").symlink_to("..")
    return made


def get(folder: Path, path: str, method: str = "GET", host: str = "", /, **headers: str) -> Answer:
    """Ask for a path; header names have underscores here."""
    told = {name.replace("_", "-"): text for name, text in headers.items()}
    return respond(Request(method, path, headers=told), str(folder), host)


def body(answer: Answer) -> bytes:
    """Return all of the body."""
    return b"".join(answer.pieces())


def test_a_file(folder: Path) -> None:
    """Its bytes, type, date and a tag that says what is in it."""
    answer = get(folder, "/digits.txt")
    assert (answer.status, body(answer), answer.size) == (200, CONTENT, 10)
    assert dict(answer.headers) == {
        "Content-Type": "text/plain",
        "ETag": f'"{hashlib.sha256(CONTENT).hexdigest()[:32]}"',
        "Last-Modified": "Tue, 14 Nov 2023 22:13:20 GMT",
        "Accept-Ranges": "bytes",
    }
    assert dict(get(folder, "/a%20b.json").headers)["Content-Type"] == "application/json"
    assert dict(get(folder, "/sub/nothing").headers)["Content-Type"] == "application/octet-stream"
    assert body(get(folder, "/inner")) == CONTENT


@pytest.mark.parametrize(
    "path",
    [
        "/", "/sub", "/sub/", "/nothing", "/digits.txt/", "//digits.txt", "/../secret", "/sub/../digits.txt", "/%2e%2e/secret",
        "/..%2fsecret", "/sub%2fnothing", "/outer", "/above/secret", "/digits.txt%00", "/%00", "/" + "a" * 5000,
    ],
)  # fmt: skip
def test_what_is_not_there(folder: Path, path: str) -> None:
    """No folder is listed, and nothing leads out of the folder: not dots, not links, not encoded slashes."""
    assert get(folder, path).status == 404


def test_the_tag_follows_the_content(folder: Path) -> None:
    """A file that is written anew has another one."""
    before = digest(str(folder / "digits.txt"), "sha256")
    (folder / "digits.txt").write_bytes(b"abc")
    assert digest(str(folder / "digits.txt"), "sha256") == hashlib.sha256(b"abc").hexdigest() != before


def test_git_s_name_for_a_file(folder: Path) -> None:
    """As `git hash-object` prints it for an empty file."""
    assert digest(str(folder / "sub" / "nothing"), "git") == "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"


def test_azure_s_answer(folder: Path) -> None:
    """What a blob's client may look at."""
    answer = get(folder, "/nothing", "GET", "account.blob.core.windows.net")
    assert answer.status == 404 and ("x-ms-error-code", "BlobNotFound") in answer.headers


def test_other_methods(folder: Path) -> None:
    """HEAD is GET without the body, which isn't sent; all else is refused."""
    assert get(folder, "/digits.txt", "HEAD").size == 10
    refused = get(folder, "/digits.txt", "PUT")
    assert refused.status == 405 and ("Allow", "GET, HEAD") in refused.headers


@pytest.mark.parametrize(
    ("wanted", "part", "shown"),
    [
        ("bytes=0-3", b"0123", "bytes 0-3/10"),
        ("bytes=4-", b"456789", "bytes 4-9/10"),
        ("bytes=-3", b"789", "bytes 7-9/10"),
        ("bytes=8-99", b"89", "bytes 8-9/10"),
        ("bytes=-99", CONTENT, "bytes 0-9/10"),
        ("bytes= 1-1", b"1", "bytes 1-1/10"),
    ],
)
def test_ranges(folder: Path, wanted: str, part: bytes, shown: str) -> None:
    """A part of a file, clipped to it."""
    answer = get(folder, "/digits.txt", range=wanted)
    assert (answer.status, body(answer), dict(answer.headers)["Content-Range"]) == (206, part, shown)


@pytest.mark.parametrize("wanted", ["bytes=10-", "bytes=99-100", "bytes=-0"])
def test_ranges_beyond_the_end(folder: Path, wanted: str) -> None:
    """They're refused with the size, from which a client that resumes sees that it has all."""
    answer = get(folder, "/digits.txt", range=wanted)
    assert answer.status == 416 and dict(answer.headers)["Content-Range"] == "bytes */10"


@pytest.mark.parametrize("wanted", ["bytes=-", "bytes=5-2", "lines=1-2", "bytes=0-1,3-4", "bytes=a-b"])
def test_ranges_that_are_none(folder: Path, wanted: str) -> None:
    """What isn't understood is ignored, as the standard wants it."""
    assert get(folder, "/digits.txt", range=wanted).status == 200


def test_conditions(folder: Path) -> None:
    """What the client has already isn't sent again; a part only of what it has the beginning of."""
    tag = dict(get(folder, "/digits.txt").headers)["ETag"]
    assert get(folder, "/digits.txt", if_none_match=f'"other", W/{tag}').status == 304
    assert get(folder, "/digits.txt", if_none_match="*").status == 304
    assert (
        get(folder, "/digits.txt", if_none_match='"other"', if_modified_since="Tue, 14 Nov 2023 22:13:20 GMT").status
        == 200
    )
    assert get(folder, "/digits.txt", if_modified_since="Tue, 14 Nov 2023 22:13:20 GMT").status == 304
    assert get(folder, "/digits.txt", if_modified_since="Tue, 14 Nov 2023 22:13:19 GMT").status == 200
    assert get(folder, "/digits.txt", range="bytes=1-2", if_range=tag).status == 206
    assert get(folder, "/digits.txt", range="bytes=1-2", if_range='"other"').status == 200
