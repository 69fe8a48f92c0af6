"""What was done and found out about a cache: as text for people, as a document for programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pytest_envguard.caches.encodings import Encoding
from pytest_envguard.caches.hub import folder_name
from pytest_envguard.caches.proving import Proof
from pytest_envguard.caches.seeding import Model, Written
from pytest_envguard.caches.settings import Settings, docker_lines, shell_lines
from pytest_envguard.model.dimensions import show_size


def shown(text: str) -> str:
    """Return a text that somebody else wrote as it can be printed: what isn't printable is escaped."""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)


def encodings_text(folder: Path, written: Sequence[Written], settings: Settings, proof: Proof) -> str:
    """Return what is in the folder, what came of the trial, and what has to be set."""
    files = [f"{_files(len(written))} in {shown(str(folder))}, {show_size(sum(one.size for one in written))}"]
    width = max(len(one.file.name) for one in written)
    files += [f"  {one.file.cached_name}  {shown(one.file.name):<{width}}  {shown(one.origin)}" for one in written]
    return "\n".join([*files, *_rest(settings, proof)])


def model_text(model: Model, settings: Settings, proof: Proof) -> str:
    """Return what is in the cache, what came of the trial, and what has to be set."""
    snapshot = model.snapshot
    asked = f" (asked for as revision={model.revision!r})" if model.revision != "main" else ""
    first = (
        f"{snapshot.name}{asked}, commit {snapshot.commit}: {_files(len(snapshot.entries))}, {show_size(model.size)}"
    )
    lines = [
        first,
        f"  {'from ' if model.new else 'was there; compared with '}{shown(model.origin)}",
        f"  in {shown(str(model.home / 'hub' / folder_name(snapshot.name)))}",
    ]
    if not model.linked:
        lines.append(
            "  without links: the files lie in the snapshot itself, as the hub has it on a system without them"
        )
    return "\n".join([*lines, *_rest(settings, proof)])


def _files(count: int) -> str:
    return f"{count} file{'s' * (count != 1)}"


def _rest(settings: Settings, proof: Proof) -> list[str]:
    return [
        *_proof_lines(proof),
        "set where the program runs:",
        *(f"  {shown(line)}" for line in shell_lines(settings)),
        "or in a Dockerfile:",
        *(f"  {shown(line)}" for line in docker_lines(settings, Path.cwd())),
        *(f"note: {shown(note)}" for note in settings.notes),
    ]


def _proof_lines(proof: Proof) -> list[str]:
    if proof.problem:
        return [f"not tried in an environment: {shown(proof.problem)}"]
    who = f" as uid {proof.uid}" if proof.uid >= 0 else ""
    lines = [f"tried in {proof.environment}{who}, with a read-only file system and no network:"]
    return [*lines, *(f"  {one.state:<9}  {one.name}: {shown(one.detail)}" for one in proof.items)]


def encodings_document(
    folder: Path, encodings: Sequence[Encoding], written: Sequence[Written], settings: Settings, proof: Proof
) -> dict[str, Any]:
    """Return the same for programs."""
    files = [
        {
            "name": one.file.name,
            "url": one.file.url,
            "cached_name": one.file.cached_name,
            "sha256": one.file.sha256,
            "size": one.size,
            "origin": one.origin,
            "encodings": [encoding.name for encoding in encodings if one.file in encoding.files],
        }
        for one in written
    ]
    return {"kind": "tiktoken", "folder": str(folder), "files": files, **_common(settings, proof)}


def model_document(model: Model, settings: Settings, proof: Proof) -> dict[str, Any]:
    """Return the same for programs."""
    snapshot = model.snapshot
    return {
        "kind": "hf",
        "folder": str(model.home),
        "name": snapshot.name,
        "revision": model.revision,
        "commit": snapshot.commit,
        "files": [{"path": entry.path} for entry in snapshot.entries],
        "size": model.size,
        "origin": model.origin,
        "links": model.linked,
        "new": model.new,
        **_common(settings, proof),
    }


def _common(settings: Settings, proof: Proof) -> Mapping[str, Any]:
    return {
        "variables": dict(settings.variables),
        "shell": shell_lines(settings),
        "dockerfile": docker_lines(settings, Path.cwd()),
        "notes": list(settings.notes),
        "proof": {
            "environment": proof.environment or None,
            "uid": proof.uid if proof.uid >= 0 else None,
            "problem": proof.problem or None,
            "items": [one._asdict() for one in proof.items],
        },
    }
