"""What runs in the fresh interpreter: executes the code as ``__main__``, measures it, notices what it was refused.

It is not imported there: its compiled form arrives over a socket and ends up in no ``sys.modules``. It imports nothing
that an interpreter hasn't got in itself, so that what the code imports is what is measured.

What it tells goes back over the same socket, one line each (a tuple, as Python writes it, in ASCII)::

    ("began", seconds of start-up, clock, bytes of peak memory)
    ("refused", operation, target, error, library, place)
    ("ended", seconds that the code took, bytes of peak memory, traceback)
"""

# No `from __future__ import annotations`: it would load a module that the code could be the first to import.

import _thread
import errno
import os
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType
    from typing import Any

FILE = "<cold_start>"  # what tracebacks call the code
_MOST_TRACEBACK = 100_000  # characters


def run(descriptor: int, first: float, spawned: float, code: str) -> None:
    """Execute ``code`` as ``__main__`` and let it end as it does under ``python -c``.

    Args:
        descriptor: The socket.
        first: CLOCK_MONOTONIC, in seconds, when the interpreter came to the first line of ours.
        spawned: The same clock right before the process was started by whoever started it.
        code: Python source.
    """
    _answer_for_refusals()
    channel = _Channel(descriptor)
    main = sys.modules["__main__"].__dict__
    channel.watch()
    born = _born(spawned)
    channel.tell("began", first - born, time.monotonic(), _own_peak())
    began = time.monotonic()
    try:
        exec(compile(code, FILE, "exec", dont_inherit=True), main)  # noqa: S102  # that is the task
    except BaseException as error:
        channel.tell_end(time.monotonic() - began, _peak_memory(), error, code)
        _forget_ourselves(error)
        raise
    channel.tell_end(time.monotonic() - began, _peak_memory(), None, code)


def _answer_for_refusals() -> None:
    """Write this thread's stack when the supervisor asks who wants what it is about to see refused; see `seccomp.ledger`."""
    told = os.environ.pop("PYTEST_ENVGUARD_LEDGER", "!")
    if told[:1] == "!":
        return
    import faulthandler  # built in

    entries, stacks, signal = map(int, told.split(":"))
    for descriptor in (entries, stacks):
        os.set_inheritable(descriptor, False)
    faulthandler.register(signal, stacks, False, False)


def _born(spawned: float) -> float:
    """Return when this process was made, on CLOCK_MONOTONIC.

    A launcher takes some 30 ms in between, which no deployment has; so not ``spawned`` but the kernel's own record counts,
    which is in ticks of 10 ms and rounded down. (The launcher's last fork makes the process; 1 ms later it is Python.)
    """
    try:
        fields = _read("/proc/self/stat").rpartition(b")")[2].split()
        since_boot = time.clock_gettime(time.CLOCK_BOOTTIME)
        age = since_boot - int(fields[19]) / os.sysconf("SC_CLK_TCK")
    except (OSError, AttributeError):  # not Linux, so no launcher either
        return spawned
    return max(spawned, time.monotonic() - age)


def _peak_memory() -> int:
    """Return the most bytes that this process, or one of the children it has waited for, had in memory at once."""
    own = _own_peak()
    try:
        import resource
    except ImportError:  # no file descriptor is left, say
        return own
    unit = 1 if sys.platform == "darwin" else 1024
    # After vfork, a child's begins with this process's own: harmless in a maximum.
    who = resource.RUSAGE_CHILDREN if own else resource.RUSAGE_SELF
    return max(own, resource.getrusage(who).ru_maxrss * unit)


def _own_peak() -> int:
    """Return the most bytes that this process had in memory at once; 0 where there is no /proc.

    Trap: the ru_maxrss of RUSAGE_SELF survives exec, so it would be that of the pytest that started this process.
    """
    try:
        fields = dict(line.split(b":", 1) for line in _read("/proc/self/status").splitlines())
        return int(fields[b"VmHWM"].split()[0]) * 1024
    except (OSError, KeyError):
        return 0


def _read(path: str) -> bytes:
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(file, 1 << 16)
    finally:
        os.close(file)


def _forget_ourselves(error: BaseException) -> None:
    """Let the interpreter print the traceback from the code's own first line on, as ``python -c`` would."""
    own, hook = _from_the_code(error), sys.excepthook

    def show(kind: "type[BaseException]", error: BaseException, _trace: object) -> None:
        hook(kind, error.with_traceback(own), own)

    sys.excepthook = show


def _from_the_code(error: BaseException) -> "Any":
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename != FILE:
        trace = trace.tb_next
    return trace


def _traceback(error: "BaseException | None", code: str) -> str:
    if error is None or isinstance(error, SystemExit):
        return ""
    import linecache
    import traceback

    lines = code.splitlines(keepends=True)
    linecache.cache[FILE] = (len(code), None, lines, FILE)
    return "".join(traceback.format_exception(type(error), error, _from_the_code(error)))[-_MOST_TRACEBACK:]


class _Channel:
    """The way back to the test."""

    def __init__(self, descriptor: int) -> None:
        os.set_inheritable(descriptor, False)
        self._descriptor = descriptor
        self._identity = os.fstat(descriptor)[:3]
        self._pid = os.getpid()

    def tell(self, *words: object) -> None:
        """Send one line, unless nobody listens any more.

        Trap: code that becomes a daemon closes every descriptor, and the next file that it opens gets our number.
        """
        try:
            if os.fstat(self._descriptor)[:3] == self._identity:
                os.write(self._descriptor, ascii(words).encode() + b"\n")
        except OSError:
            pass

    def tell_end(self, seconds: float, peak: int, error: "BaseException | None", code: str) -> None:
        """Say how the code ended; a child that it forked comes to its end too, and is not meant."""
        if os.getpid() == self._pid:
            self.tell("ended", seconds, peak, _traceback(error, code))

    def watch(self) -> None:
        """Notice from now on what the system refuses."""
        _Watch.channel = self
        sys.addaudithook(_notice)


# -- refusals ----------------------------------------------------------------------------------------------------------
#
# An audit hook hears of an operation before it happens and never how it went. So the frame that calls it is traced for
# as long as the operation takes: up to its exception or its next instruction, whichever comes first. Between operations
# nothing is traced, and the code runs at its own speed.

# Audit event to the place, among its arguments, of what it is about. For two paths it's the one that is to be made.
_TARGETS: "dict[str, int | None]" = {
    "open": 0,
    "os.chdir": 0,
    "os.chmod": 0,
    "os.chown": 0,
    "os.link": 1,
    "os.listdir": 0,
    "os.mkdir": 0,
    "os.remove": 0,
    "os.removexattr": 0,
    "os.rename": 1,
    "os.rmdir": 0,
    "os.scandir": 0,
    "os.setxattr": 0,
    "os.symlink": 1,
    "os.truncate": 0,
    "os.utime": 0,
    "ctypes.dlopen": 0,
    "import": 1,  # of an extension module: there it has a path
    "os.exec": 0,
    "os.fork": None,
    "os.forkpty": None,
    "os.posix_spawn": 0,
    "subprocess.Popen": 0,
    "socket.bind": 1,
    "socket.connect": 1,
    "socket.getaddrinfo": 0,
    "socket.gethostbyname": 0,
    "socket.sendmsg": 1,
    "socket.sendto": 1,
}
_STARTS = frozenset(("os.fork", "os.forkpty", "os.posix_spawn", "subprocess.Popen"))
_REFUSALS = frozenset(
    (
        *("EROFS", "EACCES", "EPERM", "ENOSPC", "EDQUOT", "EMFILE", "ENFILE", "ENOSYS"),
        *("ENETUNREACH", "EHOSTUNREACH", "ENETDOWN", "ECONNREFUSED", "ETIMEDOUT"),
    )
)
_IMPORT_SYSTEM = "<frozen importlib._bootstrap_external>"
_STANDARD = os.__file__[: -len("os.py")]  # the standard library's folder, with a slash
_OURS = run.__code__.co_filename


class _Watch:
    """The one watch of this interpreter.

    Attributes:
        channel: Who is told.
        current: By thread: the operation that is under way, and what it is about.
    """

    channel: _Channel
    current: "dict[int, tuple[str, object]]" = {}  # noqa: RUF012  # there is one


def _notice(event: str, arguments: "tuple[Any, ...]") -> None:
    """Hear of an operation (an audit hook: what it raises would reach the code, so nothing)."""
    if event not in _TARGETS:
        return
    place = _TARGETS[event]
    target = None if place is None else arguments[place]
    if event == "import" and target is None:
        return
    # A debugger, a coverage or an operation around this one traces already: it must not notice us.
    if sys.gettrace() is not None:
        return
    try:
        frame = sys._getframe(1)  # noqa: SLF001  # the only way to the caller
    except ValueError:  # a thread of C's
        return
    if frame.f_code.co_filename in (_IMPORT_SYSTEM, _OURS):
        return  # what Python fails to keep of compiled modules is nobody's loss
    _Watch.current[_thread.get_ident()] = (event, target)
    # subprocess.Popen is announced by Python code that takes many steps until it knows.
    frame.f_trace_lines, frame.f_trace_opcodes = False, event != "subprocess.Popen"
    frame.f_trace = _trace
    sys.settrace(_trace)


def _trace(frame: "FrameType", event: str, argument: "Any") -> None:
    """See how the operation went, and stop tracing."""
    if event == "call":  # a step of subprocess.Popen's
        return
    if sys.gettrace() is _trace:
        sys.settrace(None)
    frame.f_trace, frame.f_trace_lines, frame.f_trace_opcodes = None, True, False
    operation = _Watch.current.pop(_thread.get_ident(), None)
    if event == "exception" and operation is not None:
        name, target = operation
        error = _error(name, argument[1])
        if error:
            _Watch.channel.tell("refused", name, _text(target), error, *_author(frame))


def _error(operation: str, error: BaseException) -> str:
    """Return the name of the system's refusal, "" for any other error."""
    number = getattr(error, "errno", None)
    if type(error).__name__ == "gaierror":
        resolver: Any = sys.modules["_socket"]
        return next((name for name in dir(resolver) if name[:4] == "EAI_" and getattr(resolver, name) == number), "")
    if number is None:
        # The loader gives no errno. With these words it says that mapping for execution was refused: a noexec mount.
        if "failed to map segment" in str(error):
            return "EPERM"
        return "ETIMEDOUT" if isinstance(error, TimeoutError) else ""
    name = errno.errorcode.get(number, "")
    started = name == "EAGAIN" and operation in _STARTS
    return name if name in _REFUSALS or started else ""


def _text(target: object) -> str:
    if target is None:
        return ""
    if isinstance(target, tuple):  # host and port, of IPv6 two more
        return ":".join(map(str, target[:2]))
    try:
        text = os.fsdecode(target)  # type: ignore[arg-type]  # what else it is, the next line shows
    except TypeError:
        text = str(target)
    return text.encode("utf-8", "replace").decode()


def _author(frame: "FrameType | None") -> "tuple[str, str]":
    """Return the library that is to blame, and the place in it."""
    nearest = frame
    while frame is not None and frame.f_code.co_filename != _OURS:
        if not _is_standard(frame.f_code.co_filename):
            package = str(frame.f_globals.get("__name__", "")).partition(".")[0]
            return "" if package == "__main__" else package, f"{frame.f_code.co_filename}:{frame.f_lineno}"
        frame = frame.f_back
    return "", f"{nearest.f_code.co_filename}:{nearest.f_lineno}" if nearest else ""


def _is_standard(file: str) -> bool:
    if file.startswith("<frozen "):
        return True
    return file.startswith(_STANDARD) and not file.startswith(
        (_STANDARD + "site-packages", _STANDARD + "dist-packages")
    )
