"""The passwd entries of an environment, where no file can be put in the place of ``/etc/passwd``.

The C library asks the name service cache daemon (nscd) first, over a socket, whether there is one or not. That connection
is given to a thread of the supervisor, which answers as the daemon does (glibc, nscd/nscd-client.h; musl speaks it too).
"""

from __future__ import annotations

import _socket as socket
import _thread
import os
import struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytest_envguard.seccomp.caller import Caller
    from pytest_envguard.seccomp.listener import Listener

SOCKETS = ("/var/run/nscd/socket", "/run/nscd/socket")

_VERSION = 2
_BY_NAME, _BY_UID = 0, 1  # GETPWBYNAME, GETPWBYUID; about all else the library is left to itself
_REQUEST = struct.Struct("=3i")  # version, type, length of the key
_ENTRY = struct.Struct("=4i2I3i")  # version, found, lengths of name and password, uid, gid, lengths of the rest
_LONGEST_KEY = 1024


class Users:
    """The entries.

    Attributes:
        passwd: Text in the format of ``/etc/passwd``.
    """

    def __init__(self, passwd: str) -> None:
        rows = [line.split(":") for line in passwd.splitlines()]
        entries = [row for row in rows if len(row) == 7 and row[2].isdecimal() and row[3].isdecimal()]
        self._by_name = {row[0]: row for row in reversed(entries)}
        self._by_uid = {int(row[2]): row for row in reversed(entries)}

    def connect(self, caller: Caller, descriptor: int, listener: Listener, identity: int) -> None:
        """Give the caller a connection to these entries."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        flags = caller.flags(descriptor)
        theirs.setblocking(not flags & os.O_NONBLOCK)
        _thread.start_new_thread(self._serve, (ours,))
        listener.replace(identity, descriptor, theirs.fileno(), close_on_exec=bool(flags & os.O_CLOEXEC))
        theirs.close()
        listener.answer(identity, 0)

    def _serve(self, connection: socket.socket) -> None:
        try:
            request = connection.recv(_REQUEST.size + _LONGEST_KEY)
            version, kind, size = _REQUEST.unpack_from(request)
            if version == _VERSION and kind in (_BY_NAME, _BY_UID):
                key = os.fsdecode(request[_REQUEST.size : _REQUEST.size + size].split(b"\0")[0])
                connection.sendall(self.answer(kind, key))
        except (OSError, struct.error):
            pass  # a client that has gone, or no client of this protocol
        finally:
            connection.close()

    def answer(self, kind: int, key: str) -> bytes:
        """Return what the daemon would answer about a name, or a uid in digits."""
        found = self._by_name.get(key) if kind == _BY_NAME else self._by_uid.get(int(key) if key.isdecimal() else -1)
        if found is None:
            return _ENTRY.pack(_VERSION, 0, 0, 0, 0xFFFFFFFF, 0xFFFFFFFF, 0, 0, 0)
        name, password, uid, gid, *rest = found
        texts = [os.fsencode(text) + b"\0" for text in (name, password, *rest)]
        lengths = [len(text) for text in texts]
        return _ENTRY.pack(_VERSION, 1, *lengths[:2], int(uid), int(gid), *lengths[2:]) + b"".join(texts)
