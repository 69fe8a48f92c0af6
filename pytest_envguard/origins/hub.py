"""Repositories, as huggingface.co answers for them: resolve, tree, paths-info, what is not there.

Large files are a redirect to another host, as there. Without the headers of Xet clients download by HTTP.
"""

from __future__ import annotations

import hashlib
from typing import Any, NamedTuple
from urllib.parse import parse_qs, quote

from pytest_envguard.origins import repositories
from pytest_envguard.origins.files import file_answer, media_type
from pytest_envguard.origins.repositories import KINDS, MAIN, Entry, Repository
from pytest_envguard.origins.wire import Answer, Request, as_json, plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

_CDN_PREFIX = "cdn-lfs."
_TIME = "2024-01-01T00:00:00.000Z"  # of all commits: what is served has no history
_TITLE = "What the folder has"
# In every row of a tree, as it was when huggingface_hub 0.17 could not do without; today the hub has it on demand.
_LAST = {"lastCommit": {"id": "0" * 40, "title": _TITLE, "date": _TIME}}
_TEXT = "text/plain; charset=utf-8"
_NO_HARNESSES: dict[str, object] = {"standardEnvVars": [], "harnesses": {}}


class Hub(NamedTuple):
    """A hub.

    Attributes:
        folder: Where its repositories lie.
        host: Its name.
    """

    folder: str
    host: str


class _Refused(Exception):  # noqa: N818  # it carries the answer
    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


def respond(request: Request, hub: Hub) -> Answer:
    """Return what a hub answers."""
    names = request.segments()
    if names is None:
        return _error(404, "", "Not found")
    try:
        if names[:1] == ["api"]:
            return _api(request, hub, names[1:])
        if request.method not in ("GET", "HEAD"):
            return plain(405, "", ("Allow", "GET, HEAD"))
        return _file(request, hub, names)
    except _Refused as error:
        return error.answer


def fetch(request: Request, cdn: Hub) -> Answer:
    """Return what the host answers that keeps the large files; see `_redirect` for its paths."""
    names = request.segments() or []
    if request.method not in ("GET", "HEAD") or len(names) < 5 or names[0] != "repos" or names[1] not in KINDS:
        return plain(403)
    repository = repositories.revision(repositories.revisions(cdn.folder, names[1], names[2]), names[3])
    entry = repository.file(names[4:]) if repository else None
    if entry is None:
        return plain(403)  # as storage does for whatever it can't find
    return file_answer(request, entry.file, f'"{entry.sha256[:32]}"', "binary/octet-stream")


# -- files -------------------------------------------------------------------------------------------------------------


def _file(request: Request, hub: Hub, names: list[str]) -> Answer:
    """Answer ``/[datasets/]NAME/resolve/REVISION/PATH``."""
    kind = names[0] if names[0] in KINDS[1:] else KINDS[0]
    rest = names[1:] if kind != KINDS[0] else names
    verb = next((at for at in (1, 2) if rest[at : at + 1] in (["resolve"], ["raw"])), 0)
    if not verb or len(rest) < verb + 3:
        return _error(404, "", "Not found")
    repository = _repository(request, hub, kind, "/".join(rest[:verb]), rest[verb + 1])
    _open_to(request, repository)
    commit = ("X-Repo-Commit", repository.hash())
    entry = repository.file(rest[verb + 2 :])
    if entry is None:
        return _error(404, "EntryNotFound", "Entry not found", commit)
    if rest[verb] == "raw":
        return (
            Answer(200, (("Content-Type", _TEXT), commit), entry.pointer)
            if entry.large
            else _small(request, entry, commit)
        )
    return _redirect(hub, repository, entry, commit) if entry.large else _small(request, entry, commit)


def _small(request: Request, entry: Entry, commit: tuple[str, str]) -> Answer:
    kind = media_type(entry.path)
    return file_answer(
        request,
        entry.file,
        f'"{entry.oid}"',
        kind if kind == "application/json" else _TEXT,
        commit,
        ("Content-Disposition", f"inline; filename*=UTF-8''{quote(entry.path.rpartition('/')[2])}"),
    )


def _redirect(hub: Hub, repository: Repository, entry: Entry, commit: tuple[str, str]) -> Answer:
    path = "/".join(map(quote, (repository.hash(), *entry.path.split("/"))))
    place = f"https://{_CDN_PREFIX}{hub.host}/repos/{repository.kind}/{quote(repository.name, safe='')}/{path}"
    headers = (
        ("Location", place),
        commit,
        ("X-Linked-Size", str(entry.size)),
        ("X-Linked-ETag", f'"{entry.sha256}"'),
        ("ETag", f'"{entry.sha256}"'),
        ("Accept-Ranges", "bytes"),
        ("Content-Type", _TEXT),
    )
    return Answer(302, headers, f"Found. Redirecting to {place}".encode())


def _repository(request: Request, hub: Hub, kind: str, name: str, wanted: str) -> Repository:
    known = repositories.revisions(hub.folder, kind, name)
    if not known:
        # To whoever has no token the hub doesn't say whether it isn't there or may not be seen.
        if "authorization" in request.headers:
            raise _Refused(_error(404, "RepoNotFound", "Repository not found"))
        raise _Refused(_error(401, "RepoNotFound", "Invalid username or password."))
    repository = repositories.revision(known, wanted)
    if repository is None:
        raise _Refused(_error(404, "RevisionNotFound", f"Invalid rev id: {wanted}"))
    return repository


def _open_to(request: Request, repository: Repository) -> None:
    if repository.gated and "authorization" not in request.headers:
        said = f"Access to model {repository.name} is restricted. You must have access to it and be authenticated to access it."
        raise _Refused(_error(401, "GatedRepo", f"{said} Please log in."))


def _error(status: int, code: str, message: str, *headers: tuple[str, str]) -> Answer:
    told = (("X-Error-Code", code),) if code else ()
    return as_json(status, {"error": message}, *told, ("X-Error-Message", message), *headers)


# -- api ---------------------------------------------------------------------------------------------------------------


def _api(request: Request, hub: Hub, names: list[str]) -> Answer:
    """Answer ``/api/models/NAME[/WHAT[/REVISION[/PATH]]]`` and the little besides that clients ask for by themselves."""
    if names == ["agent-harnesses"]:
        return as_json(200, _NO_HARNESSES)
    if names[:1] == ["telemetry"]:
        return plain(200, "OK")
    if names == ["whoami-v2"]:
        return _error(401, "", "Invalid username or password.")
    if len(names) < 2 or names[0] not in KINDS:
        return _error(404, "", "Sorry, we can't find the page you are looking for.")
    kind, rest = names[0], names[1:]
    at = next((at for at in (1, 2) if rest[at : at + 1] and rest[at] in _VERBS), len(rest))
    name, verb, further = "/".join(rest[:at]), "".join(rest[at : at + 1]), rest[at + 1 :]
    if request.method not in (("POST",) if verb == "paths-info" else ("GET", "HEAD")):
        return plain(405)
    repository = _repository(request, hub, kind, name, further[0] if further else MAIN)
    if verb in ("tree", "paths-info"):
        _open_to(request, repository)
    return _VERBS[verb](request, hub, repository, further[1:])


def _info(request: Request, _hub: Hub, repository: Repository, _path: list[str]) -> Answer:
    detailed = parse_qs(request.query).get("blobs", ["false"])[0].lower() in ("true", "1")
    siblings = [
        {
            "rfilename": entry.path,
            **({"size": entry.size, "blobId": entry.oid, **_lfs(entry, "sha256")} if detailed else {}),
        }
        for entry in repository.entries()
    ]
    author = repository.name.rpartition("/")[0]
    told = {
        "_id": repository.hash()[:24],
        "id": repository.name,
        **({"modelId": repository.name} if repository.kind == "models" else {}),
        **({"author": author} if author else {}),
        "sha": repository.hash(),
        "lastModified": _TIME,
        "createdAt": _TIME,
        "private": False,
        "gated": "auto" if repository.gated else False,
        "disabled": False,
        "downloads": 0,
        "likes": 0,
        "tags": [],
        "siblings": siblings,
    }
    return as_json(200, told)


def _lfs(entry: Entry, name: str) -> dict[str, Any]:
    if not entry.large:
        return {}
    return {"lfs": {name: entry.sha256, "size": entry.size, "pointerSize": len(entry.pointer)}}


def _tree(request: Request, _hub: Hub, repository: Repository, path: list[str]) -> Answer:
    prefix = "".join(f"{name}/" for name in path if name)
    entries = [entry for entry in repository.entries() if entry.path.startswith(prefix)]
    if prefix and not entries:
        return _error(404, "EntryNotFound", f"{prefix.rstrip('/')} does not exist on {MAIN!r}")
    recursive = parse_qs(request.query).get("recursive", ["false"])[0].lower() in ("true", "1")
    rows = [*_folders(entries, prefix, recursive=recursive)]
    rows += [_row(entry) for entry in entries if recursive or "/" not in entry.path[len(prefix) :]]
    return as_json(200, sorted(rows, key=lambda row: (row["type"] != "directory", row["path"])))


def _folders(entries: Iterable[Entry], prefix: str, *, recursive: bool) -> list[dict[str, Any]]:
    found = set()
    for entry in entries:
        names = entry.path[len(prefix) :].split("/")[:-1]
        found |= {
            prefix + "/".join(names[:depth])
            for depth in range(1, len(names) + 1 if recursive else min(2, len(names) + 1))
        }
    return [_folder_row(path) for path in sorted(found)]


def _folder_row(path: str) -> dict[str, Any]:
    oid = hashlib.sha1(path.encode(), usedforsecurity=False).hexdigest()
    return {"type": "directory", "oid": oid, "size": 0, "path": path, **_LAST}


def _row(entry: Entry) -> dict[str, Any]:
    return {"type": "file", "oid": entry.oid, "size": entry.size, "path": entry.path, **_lfs(entry, "oid"), **_LAST}


def _paths_info(request: Request, _hub: Hub, repository: Repository, _path: list[str]) -> Answer:
    if "json" in request.headers.get("content-type", ""):
        import json

        wanted = json.loads(request.body or b"{}").get("paths", [])
    else:
        wanted = parse_qs(request.body.decode(errors="replace")).get("paths", [])
    entries = repository.entries()
    rows = []
    for path in [wanted] if isinstance(wanted, str) else wanted:
        found = [_row(entry) for entry in entries if entry.path == path.strip("/")]
        below = any(entry.path.startswith(f"{path.strip('/')}/") for entry in entries)
        rows += found or ([_folder_row(path.strip("/"))] if below else [])
    return as_json(200, rows)


def _refs(_request: Request, hub: Hub, repository: Repository, _path: list[str]) -> Answer:
    known = repositories.revisions(hub.folder, repository.kind, repository.name)
    branches = [
        {"name": name, "ref": f"refs/heads/{name}", "targetCommit": one.hash()}
        for name, one in known.items()
        if name != one.commit
    ]
    return as_json(200, {"branches": branches, "tags": [], "converts": []})


def _commits(_request: Request, _hub: Hub, repository: Repository, _path: list[str]) -> Answer:
    commit = {"id": repository.hash(), "title": _TITLE, "message": "", "authors": [], "date": _TIME}
    return as_json(200, [commit], ("X-Total-Count", "1"))


def _discussions(_request: Request, _hub: Hub, _repository: Repository, _path: list[str]) -> Answer:
    return as_json(200, {"discussions": [], "count": 0, "start": 0})


_VERBS = {
    "": _info,
    "revision": _info,
    "tree": _tree,
    "paths-info": _paths_info,
    "refs": _refs,
    "commits": _commits,
    "discussions": _discussions,
}
