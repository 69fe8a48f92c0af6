"""Why a file isn't the one that tiktoken expects, as one sentence."""

from __future__ import annotations

import hashlib

from pytest_envguard.caches.encodings import PUBLIC, EncodingFile

_BOM = b"\xef\xbb\xbf"


def mismatch(file: EncodingFile, content: bytes, origin: str) -> str:
    """Return what is wrong with ``content``, with both hashes and the likely reason."""
    found = hashlib.sha256(content).hexdigest()
    return (
        f"{origin} is not {file.name} as tiktoken expects it: {_reason(file, content, found)}\n"
        f"  expected sha256 {file.sha256}\n  it has   sha256 {found}"
    )


def _reason(file: EncodingFile, content: bytes, found: str) -> str:
    other = next((one for one in PUBLIC.values() if one.sha256 == found), None)
    if other is not None:
        return f"it is {other.name}"
    if not content:
        return "it is empty"
    if content.startswith(b"version https://git-lfs"):
        return "it is a pointer of Git LFS, and the file itself was not fetched (`git lfs pull`)"
    if content.lstrip(_BOM + b" \r\n\t")[:1] == b"<":
        return "it is a page (HTML or XML), as a proxy, a login or a missing file is answered"
    if content.startswith(b"\x1f\x8b"):
        return "it is compressed (gzip)"
    if b"\r\n" in content and file.is_right(content.replace(b"\r\n", b"\n")):
        return (
            "its lines end with CRLF: git or an editor has changed them (`* -text` in .gitattributes keeps git from it)"
        )
    if content.startswith(_BOM) and file.is_right(content.removeprefix(_BOM)):
        return "an editor has put a byte order mark before it"
    if len(content) < file.size:
        return f"it has {len(content)} of {file.size} bytes, as a download that was cut short"
    return "it was changed, or is another version"
