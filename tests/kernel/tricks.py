"""Ways around an answered call that need no race: ``python -I -S tricks.py JOB`` prints what each of them came to."""

from __future__ import annotations

import ctypes
import errno
import json
import mmap
import os
import socket
import sys
from collections.abc import Callable

_LIBRARY = ctypes.CDLL(None, use_errno=True)
_LIBRARY.mmap.restype = ctypes.c_void_p
_OPENAT2 = 437
_FIXED = 0x10
_PAGE = mmap.PAGESIZE


def _checked(result: int) -> int:
    if result < 0:
        raise OSError(ctypes.get_errno(), "refused")
    return result


def _open_by(link: str, target: str, rest: str = "") -> None:
    os.symlink(target, link)
    try:
        os.close(os.open(link + rest, os.O_WRONLY))
    finally:
        os.unlink(link)


def _in_another_root(project: str) -> None:
    how = b"".join(number.to_bytes(8, "little") for number in (os.O_CREAT | os.O_WRONLY, 0o600, 0x10))
    root = os.open(project, os.O_PATH)
    number, path = ctypes.c_long(_OPENAT2), b"/tmp/new"
    _checked(_LIBRARY.syscall(number, ctypes.c_long(root), path, how, ctypes.c_long(len(how))))


def _chroot(project: str) -> None:
    os.chroot(project)
    os.close(os.open("/tmp/new", os.O_CREAT | os.O_WRONLY))


def _map(descriptor: int, at: int, size: int) -> int:
    flags = mmap.MAP_PRIVATE | (_FIXED if at else 0) | (0 if descriptor >= 0 else mmap.MAP_ANONYMOUS)
    arguments = ctypes.c_size_t(size), mmap.PROT_READ, flags, descriptor, ctypes.c_long(0)
    return int(_LIBRARY.mmap(ctypes.c_void_p(at or None), *arguments))


def _protect(scratch: str, *, before: int, removed: bool) -> None:
    path = f"{scratch}/mapped"
    with open(path, "wb") as file:
        file.write(bytes(_PAGE))
    descriptor = os.open(path, os.O_RDONLY)
    start = _map(-1, 0, before + _PAGE)
    _map(descriptor, start + before, _PAGE)
    if removed:
        os.unlink(path)
    size = ctypes.c_size_t(before + _PAGE)
    _checked(_LIBRARY.mprotect(ctypes.c_void_p(start), size, mmap.PROT_READ | mmap.PROT_EXEC))


def _address(family: int, host: str) -> bytes:
    return family.to_bytes(2, "little") + (9).to_bytes(2, "big") + socket.inet_aton(host) + bytes(8)


def _send_to_no_family() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        address = ctypes.create_string_buffer(_address(socket.AF_UNSPEC, "192.0.2.1"), 16)
        _checked(_LIBRARY.sendto(client.fileno(), b"x", ctypes.c_size_t(1), 0, address, 16))


def _send_two() -> None:
    kind = socket.AF_INET, socket.SOCK_DGRAM
    with socket.socket(*kind) as client, socket.socket(*kind) as own:
        own.bind(("127.0.0.1", 0))
        port = own.getsockname()[1].to_bytes(2, "big")
        near = _address(socket.AF_INET, "127.0.0.1")
        names = [ctypes.create_string_buffer(near[:2] + port + near[4:], 16)]
        names.append(ctypes.create_string_buffer(_address(socket.AF_INET, "192.0.2.1"), 16))
        text = ctypes.create_string_buffer(b"x")
        vector = (ctypes.c_size_t * 2)(ctypes.addressof(text), 1)
        headers = [[ctypes.addressof(name), 16, ctypes.addressof(vector), 1, 0, 0, 0, 0] for name in names]
        _checked(_LIBRARY.sendmmsg(client.fileno(), (ctypes.c_size_t * 16)(*headers[0], *headers[1]), 2, 0))


def _send_from_the_end_of_memory() -> None:
    start = _map(-1, 0, 2 * _PAGE)
    _LIBRARY.munmap(ctypes.c_void_p(start + _PAGE), ctypes.c_size_t(_PAGE))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        _checked(_LIBRARY.sendmsg(client.fileno(), ctypes.c_void_p(start + _PAGE - 4), 0))


def _packets() -> None:
    socket.socket(socket.AF_PACKET, socket.SOCK_RAW).close()


def main() -> None:
    """Try all of them."""
    told = json.loads(sys.argv[-1])
    project, scratch = told["folder"], told["scratch"]
    outer = told["project"]
    os.makedirs(scratch, exist_ok=True)
    held = os.open(f"{project}/file", os.O_RDONLY)
    tricks: dict[str, Callable[[], object]] = {
        "a link to a descriptor": lambda: _open_by(f"{scratch}/link", f"/proc/self/fd/{held}"),
        "a link to the descriptors": lambda: _open_by(f"{scratch}/link", "/proc/self/fd", f"/{held}"),
        "a link to the process": lambda: _open_by(f"{scratch}/link", "/proc/self", f"/fd/{held}"),
        "a link to a link": lambda: _open_by(f"{scratch}/link", f"/dev/fd/{held}"),
        "openat2 in another root": lambda: _in_another_root(project),
        "chroot": lambda: _chroot(project),
        "mprotect of a file behind memory": lambda: _protect(scratch, before=_PAGE, removed=False),
        "mprotect of a removed file": lambda: _protect(scratch, before=0, removed=True),
        "a datagram to no family": _send_to_no_family,
        "two datagrams, one inside": _send_two,
        "a message at the end of memory": _send_from_the_end_of_memory,
        "packets": _packets,
        "the project moved": lambda: os.rename(outer, f"{outer} elsewhere"),
    }
    answers = {}
    for name, trick in tricks.items():
        try:
            trick()
            answers[name] = "ok"
        except OSError as error:
            answers[name] = errno.errorcode[error.errno or 0]
    json.dump(answers, sys.stdout)


if __name__ == "__main__":
    main()
