"""What a process and all that it starts may not do any more: a filter of system calls, and memory for code.

Each holds for good, through fork and exec, beside those that hold already: the strictest answer wins.
"""

from __future__ import annotations

import ctypes
import os
import struct

from pytest_envguard.linux import syscalls as call

_SECCOMP = {"x86_64": 317, "aarch64": 277}
_MODE_FILTER, _SET_MODE_FILTER, _SPEC_ALLOW, _NEW_LISTENER = 2, 1, 1 << 2, 1 << 3
_REFUSE_EXEC_GAIN = 1  # PR_MDWE_REFUSE_EXEC_GAIN, include/uapi/linux/prctl.h
NOTHING = struct.pack("=HBBI", 0x06, 0, 0, 0x7FFF0000)  # a filter that lets everything pass


def refuse(program: bytes) -> None:
    """Put this thread, and all that it starts, under the filter ``program`` (``struct sock_filter[]``).

    Needs no privilege; no_new_privs is set.

    Raises:
        OSError: EINVAL where the kernel has no filters; EPERM or EACCES where a filter around forbids it.
    """
    code, header = _header(program)
    call.prctl(call.PR_SET_NO_NEW_PRIVS, 1)
    call.prctl(call.PR_SET_SECCOMP, _MODE_FILTER, ctypes.addressof(header))
    del code


def listen(program: bytes) -> int:
    """Do the same and return the descriptor of whoever answers; see `pytest_envguard.seccomp.listener.install`."""
    code, header = _header(program)
    call.prctl(call.PR_SET_NO_NEW_PRIVS, 1)
    number = _SECCOMP.get(os.uname().machine)
    if number is None:
        raise OSError(0, f"not built for this architecture ({os.uname().machine})")
    found = call.syscall("seccomp", number, _SET_MODE_FILTER, _SPEC_ALLOW | _NEW_LISTENER, ctypes.addressof(header))
    del code
    return found


def _header(program: bytes) -> tuple[ctypes.Array[ctypes.c_char], ctypes.Array[ctypes.c_char]]:
    """Return the program in memory, which must stay, and ``struct sock_fprog``."""
    code = ctypes.create_string_buffer(program, len(program))
    return code, ctypes.create_string_buffer(struct.pack("@HP", len(program) // 8, ctypes.addressof(code)))


def deny_write_execute() -> None:
    """Let no memory be executable that is, or was, writable: ``mmap`` and ``mprotect`` answer EACCES (Linux 6.3).

    Raises:
        OSError: EINVAL before Linux 6.3.
    """
    call.prctl(call.PR_SET_MDWE, _REFUSE_EXEC_GAIN)


def try_interpreter(command: str, environ: dict[str, str]) -> None:
    """Start ``command`` once and let it end at once, if it's a Python interpreter.

    What can't be mapped while a program is loaded is told by the loader alone, on standard error.

    Raises:
        OSError: It doesn't start, with what it said.
    """
    if not os.path.basename(command).startswith("python"):
        return
    said = os.memfd_create("said")
    to = [(os.POSIX_SPAWN_DUP2, said, number) for number in (1, 2)]
    try:
        child = os.posix_spawnp(command, [command, "-I", "-S", "-c", ""], environ, file_actions=to)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        last = os.pread(said, 4096, 0).decode(errors="replace").strip().rpartition("\n")[2]
    except (OSError, MemoryError) as error:
        code, last = 1, getattr(error, "strerror", None) or "not enough memory for the trial itself"
    finally:
        os.close(said)
    if code:
        raise OSError(0, f"{command} can't start with it: {last or f'it ended with {code}'}")
