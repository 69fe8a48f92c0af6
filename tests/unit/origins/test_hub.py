"""What a hub answers, as its clients look at it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from pytest_envguard.origins.hub import Hub, fetch, respond
from pytest_envguard.origins.wire import Answer, Request

CDN = "https://cdn-lfs.huggingface.co"


@pytest.fixture
def hub(tmp_path: Path) -> Hub:
    """A hub with a model, a dataset and a gated model."""
    tiny = tmp_path / "acme" / "tiny"
    (tiny / "sub" / "deep").mkdir(parents=True)
    (tiny / "config.json").write_text("{}")
    (tiny / "model.safetensors").write_bytes(b"weights")
    (tiny / "sub" / "deep" / "a b.txt").write_text("a")
    (tmp_path / "datasets" / "acme" / "rows").mkdir(parents=True)
    (tmp_path / "datasets" / "acme" / "rows" / "train.csv").write_text("a,b")
    (tmp_path / "closed" / "model").mkdir(parents=True)
    (tmp_path / "closed" / "model" / "config.json").write_text("{}")
    (tmp_path / "closed" / "model" / ".gated").touch()
    return Hub(str(tmp_path), "huggingface.co")


def ask(hub: Hub, target: str, method: str = "GET", body: bytes = b"", **headers: str) -> Answer:
    """Ask for a path with its query."""
    path, _, query = target.partition("?")
    told = {name.replace("_", "-"): text for name, text in headers.items()}
    return respond(Request(method, path, query, told, body), hub)


def value(answer: Answer) -> Any:
    """Return the JSON of an answer that must be good."""
    assert answer.status == 200, answer
    return json.loads(answer.body)


def commit(hub: Hub) -> str:
    """Return the commit of the model."""
    return str(value(ask(hub, "/api/models/acme/tiny"))["sha"])


def test_a_small_file(hub: Hub) -> None:
    """It's sent at once, with git's hash as its tag and the commit that it belongs to."""
    answer = ask(hub, "/acme/tiny/resolve/main/config.json", "HEAD")
    headers = dict(answer.headers)
    assert (answer.status, answer.size) == (200, 2)
    assert headers["ETag"] == '"9e26dfeeb6e641a33dae4961196235bdb965b21b"'  # `printf '{}' | git hash-object --stdin`
    assert headers["X-Repo-Commit"] == commit(hub) and "X-Linked-Size" not in headers
    assert not any(name.startswith("X-Xet") for name in headers)
    assert ask(hub, f"/acme/tiny/resolve/{commit(hub)}/sub/deep/a%20b.txt").status == 200
    assert ask(hub, "/datasets/acme/rows/resolve/main/train.csv").status == 200


def test_a_large_file(hub: Hub) -> None:
    """The client is sent elsewhere, and told size and hash before."""
    answer = ask(hub, "/acme/tiny/resolve/main/model.safetensors")
    headers = dict(answer.headers)
    assert answer.status == 302 and headers["X-Repo-Commit"] == commit(hub)
    assert headers["X-Linked-Size"] == "7"
    assert headers["X-Linked-ETag"] == f'"{hashlib.sha256(b"weights").hexdigest()}"'
    place = headers["Location"].removeprefix(CDN)
    assert place == f"/repos/models/acme%2Ftiny/{commit(hub)}/model.safetensors"
    got = fetch(Request("GET", place, headers={"range": "bytes=1-3"}), Hub(hub.folder, "cdn-lfs.huggingface.co"))
    assert (got.status, b"".join(got.pieces())) == (206, b"eig")
    assert b"oid sha256:" in ask(hub, "/acme/tiny/raw/main/model.safetensors").body


@pytest.mark.parametrize(
    "path",
    ["/", "/repos/models/acme%2Ftiny/main", "/repos/models/x%2Fy/main/a", "/repos/models/acme%2Ftiny/main/no", "/../a"],
)
def test_what_the_other_host_has_not(hub: Hub, path: str) -> None:
    """As storage answers for what it can't find."""
    assert fetch(Request("GET", path), hub).status == 403


@pytest.mark.parametrize(
    ("target", "status", "code"),
    [
        ("/acme/tiny/resolve/main/nothing", 404, "EntryNotFound"),
        ("/acme/tiny/resolve/main/sub", 404, "EntryNotFound"),
        ("/acme/tiny/resolve/v9/config.json", 404, "RevisionNotFound"),
        ("/acme/none/resolve/main/config.json", 401, "RepoNotFound"),
        ("/closed/model/resolve/main/config.json", 401, "GatedRepo"),
        ("/api/models/acme/none", 401, "RepoNotFound"),
        ("/api/models/acme/tiny/revision/v9", 404, "RevisionNotFound"),
        ("/api/models/acme/tiny/tree/main/nothing", 404, "EntryNotFound"),
        ("/api/models/closed/model/tree/main", 401, "GatedRepo"),
        ("/api/nothing", 404, None),
        ("/acme/tiny", 404, None),
        ("/acme/../tiny/resolve/main/config.json", 404, None),
    ],
)
def test_what_is_not_there(hub: Hub, target: str, status: int, code: str | None) -> None:
    """Each in the words that clients make their errors from."""
    answer = ask(hub, target)
    assert (answer.status, dict(answer.headers).get("X-Error-Code")) == (status, code)


def test_a_missing_file_has_its_commit(hub: Hub) -> None:
    """From it, clients remember that there is none."""
    headers = dict(ask(hub, "/acme/tiny/resolve/main/nothing").headers)
    assert headers["X-Repo-Commit"] == commit(hub)


def test_clients_with_a_token(hub: Hub) -> None:
    """They see gated repositories, and are told that an unknown one isn't there."""
    assert ask(hub, "/closed/model/resolve/main/config.json", authorization="Bearer hf_x").status == 200
    answer = ask(hub, "/api/models/acme/none", authorization="Bearer hf_x")
    assert (answer.status, dict(answer.headers)["X-Error-Code"]) == (404, "RepoNotFound")
    assert value(ask(hub, "/api/models/closed/model"))["gated"] == "auto"


def test_a_repository_s_description(hub: Hub) -> None:
    """Its files by name; on demand with sizes and hashes."""
    told = value(ask(hub, "/api/models/acme/tiny/revision/main"))
    assert [sibling["rfilename"] for sibling in told["siblings"]] == [
        "config.json",
        "model.safetensors",
        "sub/deep/a b.txt",
    ]
    assert (told["id"], told["author"], len(told["sha"])) == ("acme/tiny", "acme", 40)
    siblings = value(ask(hub, "/api/models/acme/tiny?blobs=true"))["siblings"]
    assert siblings[0] == {"rfilename": "config.json", "size": 2, "blobId": "9e26dfeeb6e641a33dae4961196235bdb965b21b"}
    assert set(siblings[1]["lfs"]) == {"sha256", "size", "pointerSize"}
    assert "modelId" not in value(ask(hub, "/api/datasets/acme/rows"))


def test_a_repository_s_tree(hub: Hub) -> None:
    """One level or all of them, from the top or from a folder."""

    def rows(target: str) -> list[tuple[str, str]]:
        return [(row["type"], row["path"]) for row in value(ask(hub, f"/api/models/acme/tiny/tree/main{target}"))]

    files = [("file", "config.json"), ("file", "model.safetensors")]
    assert rows("") == [("directory", "sub"), *files]
    folders = [("directory", "sub"), ("directory", "sub/deep")]
    assert rows("?recursive=True") == [*folders, *files, ("file", "sub/deep/a b.txt")]
    assert rows("/sub") == [("directory", "sub/deep")]
    assert rows("/sub/deep") == [("file", "sub/deep/a b.txt")]


def test_single_paths(hub: Hub) -> None:
    """As a form or as JSON; what isn't there is left out."""
    for body, kind in (
        (b"paths=config.json&paths=no&paths=sub&expand=False", "application/x-www-form-urlencoded"),
        (b'{"paths": ["config.json", "no", "sub"]}', "application/json"),
    ):
        rows = value(ask(hub, "/api/models/acme/tiny/paths-info/main", "POST", body, content_type=kind))
        assert [(row["type"], row["path"]) for row in rows] == [("file", "config.json"), ("directory", "sub")]
    assert ask(hub, "/api/models/acme/tiny/paths-info/main").status == 405


def test_what_clients_ask_by_themselves(hub: Hub) -> None:
    """Branches, commits, discussions, a registry of agents; nobody is logged in, and telemetry goes nowhere."""
    assert [one["name"] for one in value(ask(hub, "/api/models/acme/tiny/refs"))["branches"]] == ["main"]
    assert value(ask(hub, "/api/models/acme/tiny/commits/main"))[0]["id"] == commit(hub)
    assert value(ask(hub, "/api/models/acme/tiny/discussions"))["discussions"] == []
    assert value(ask(hub, "/api/agent-harnesses")) == {"standardEnvVars": [], "harnesses": {}}
    assert ask(hub, "/api/telemetry/transformers/x", "HEAD").status == 200
    assert ask(hub, "/api/whoami-v2").status == 401
    assert ask(hub, "/api/models/acme/tiny", "DELETE").status == 405
    assert ask(hub, "/acme/tiny/resolve/main/config.json", "PUT").status == 405
