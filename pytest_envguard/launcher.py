"""Enter a plan, then become a command: ``python -I -S launcher.py SCRIPT COMMAND…``.

Three processes, because a process namespace needs a first process of its own and somebody must outlive it::

    keeper   stays outside, watches whoever started it, passes signals on, ends the way the command ended
      init   first process inside: makes the mounts, the network and the host name, reaps orphans
        command   drops to its identity and limits, then execs

When the starter dies (even by ``kill -9``), the keeper kills init; when the keeper dies, the kernel kills init
(PR_SET_PDEATHSIG); and when init dies, the kernel kills everything in its process namespace and frees its mounts.
So nothing is left behind, and nothing is written to the disk in the first place: the script travels on the command line.

The launcher decides nothing: a script (made by `planning`) says which steps, in which order.
"""

from __future__ import annotations

# Every worker waits for these imports. `signal` itself would build enumerations (4 ms), `base64` and `json` import `re`
# (6 ms), `typing` takes 5 ms: more than entering the environment does.
import _signal as signal  # type: ignore[import-not-found]  # the module that `signal` wraps
import binascii
import errno
import marshal
import os
import select
import sys
import zlib

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Script = dict[str, Any]

if __name__ == "__main__":
    # Started with -I -S (no site, so that a start costs 20 ms instead of 60): find the package by this file's place.
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from pytest_envguard.linux import (
    cgroup,
    descriptors,
    devices,
    execution,
    identity,
    limits,
    memory,
    mounts,
    network,
    processes,
)
from pytest_envguard.linux import syscalls as call
from pytest_envguard.model.exits import CANNOT_ENTER, NOT_SUPERVISED, OUT_OF_MEMORY

SUPERVISOR_ENDED = "the supervisor, which answers system calls, ended"
PASSED_ON = (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGWINCH)


_URL_SAFE = bytes.maketrans(b"+/", b"-_")
_STANDARD = bytes.maketrans(b"-_", b"+/")


def encode(script: Script) -> str:
    """Return ``script`` as one shell word (no ``//``, which separates the fields of an execnet specification)."""
    # The fourth version is read from Python 3.4 on: another machine's interpreter may be older or newer.
    text = binascii.b2a_base64(zlib.compress(marshal.dumps(script, 4)), newline=False)
    return text.translate(_URL_SAFE).decode()


def decode(word: str) -> Script:
    """Undo `encode`."""
    script: Script = marshal.loads(zlib.decompress(binascii.a2b_base64(word.encode().translate(_STANDARD))))  # noqa: S302  # our own
    return script


def command_line(script: Script, python: str = sys.executable, launcher: str = __file__) -> list[str]:
    """Return the words that start the launcher for ``script``; the command's own words follow.

    Args:
        script: What it executes.
        python: Its interpreter.
        launcher: This file, where it lies on the machine that runs it.
    """
    return [python, "-I", "-S", os.path.abspath(launcher), encode(script)]


def main(arguments: list[str]) -> int:
    """Run as the keeper; returns the exit code of the command, or ends by the signal that ended it."""
    script, command = decode(arguments[0]), arguments[1:]
    starter = os.pidfd_open(os.getppid())
    call.prctl(call.PR_SET_CHILD_SUBREAPER, 1)
    server = start_server(script, command)
    answer, tell = os.pipe2(os.O_CLOEXEC)
    group = None
    try:
        if script["memory"] and script["memory"]["by"] == "cgroup":
            group = cgroup.make(script["memory"]["limit"])
        leave_namespaces(script)
    except OSError as error:
        if group:
            group.remove()
        end_server(server)
        return _report(script, "namespaces", error)
    wait, go = os.pipe2(os.O_CLOEXEC)
    init = os.fork()
    if init == 0:
        os.close(answer)
        os.close(go)
        os.read(wait, 1)
        os._exit(guarded(_init, script, command, tell))
    os.close(tell)
    if group:
        group.take(init)
    os.close(go)
    try:
        told = _keep(script, init, starter, answer, group)
    finally:
        end_server(server)
        if group:
            group.remove()
    return _end_as(script, told)  # which may be by a signal: nothing is done after it


def _report(script: Script, step: str, error: OSError) -> int:
    print(f"envguard: `{script['name']}` could not be entered: {step}: {error.strerror or error}", file=sys.stderr)
    return CANNOT_ENTER


# -- keeper ------------------------------------------------------------------------------------------------------------


def leave_namespaces(script: Script) -> None:
    """Leave this process's namespaces for those of the plan, with the ids that they show."""
    for descriptor in script["proc"]:
        os.set_inheritable(descriptor, False)
        identity.reach_proc(descriptor)
    flags = script["namespaces"]
    who = script["identity"]
    if not flags:
        return
    if who["how"] != "subordinate":
        call.unshare(flags)
        if flags & call.CLONE_NEWUSER:
            identity.map_self(who["uid"], who["gid"], *who["outer"])
        return
    # newuidmap must run outside of the new namespace, on a process inside: a helper that was forked before waits.
    ready, go = os.pipe2(os.O_CLOEXEC)
    keeper = os.getpid()
    helper = os.fork()
    if helper == 0:
        os.close(go)
        os.read(ready, 1)
        os._exit(guarded(_write_maps, keeper, who))
    call.unshare(flags)
    os.close(go)
    _, status = os.waitpid(helper, 0)
    if status:
        raise OSError(0, "newuidmap or newgidmap failed (see above)")


def _write_maps(keeper: int, who: Script) -> int:
    for program, inner, outer, subordinate in (
        ("newuidmap", who["uid"], who["outer"][0], who["subordinate"][0]),
        ("newgidmap", who["gid"], who["outer"][1], who["subordinate"][1]),
    ):
        words = [program, str(keeper), "0", str(outer), "1"]
        # A process in group 0 has the caller's own group there. One subordinate id is mapped all the same: without any,
        # newgidmap forbids setgroups, and the caller's other groups could not be dropped.
        words += [str(inner or 1), str(subordinate), "1"]
        status = os.spawnvp(os.P_WAIT, program, words)
        if status:
            return 1
    return 0


def _keep(script: Script, init: int, starter: int, answer: int, group: cgroup.Group | None) -> str:
    """Wait until init has ended; return what it told, with how the command ended in the last line."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to the command as well, which decides
    signal.signal(signal.SIGQUIT, signal.SIG_IGN)
    for number in PASSED_ON:
        signal.signal(number, lambda received, _frame: os.kill(init, received))
    poll = select.poll()
    poll.register(starter, select.POLLIN)
    poll.register(answer, select.POLLIN)
    told = b""
    while True:
        ready = {descriptor for descriptor, _ in poll.poll()}
        if starter in ready:
            end_all([init])
            return f"exit {128 + int(signal.SIGKILL)}"  # nobody is left to read it
        chunk = os.read(answer, 4096)
        told += chunk
        if not chunk:
            break
    _, status = os.waitpid(init, 0)
    text = told.decode(errors="replace")
    if script["trapped"]:
        # Nobody would answer what is left of it: without a supervisor each call fails that it would have judged.
        end_all(children())
        if not text.strip():
            return f"{SUPERVISOR_ENDED} ({how(status)}), and everything in it was killed\nexit {NOT_SUPERVISED}"
    if group and group.killed() and text.strip() in ("", "signal 9"):
        # Only where the command itself (or init) was the victim: a child that was killed is the command's affair.
        return "memory"
    return text


def end_all(victims: list[int]) -> None:
    """Kill these children, and without a process namespace of their own also all that is handed to this subreaper."""
    while victims:
        for pid in victims:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return
        victims = children()


def children() -> list[int]:
    """Return the process ids of this process's children."""
    try:
        with open(f"/proc/self/task/{os.getpid()}/children", encoding="ascii") as file:
            return [int(word) for word in file.read().split()]
    except OSError:  # this /proc shows another process namespace: init's death took everything along
        return []


def _end_as(script: Script, told: str) -> int:
    """End the way the command ended, so that whoever waits for the keeper sees no difference."""
    *errors, last = told.splitlines() or ["signal 9"]
    for line in errors:
        print(f"envguard: `{script['name']}` {line}", file=sys.stderr)
    kind, _, value = last.partition(" ")
    if kind == "exit":
        return int(value)
    if kind == "memory":
        return OUT_OF_MEMORY
    end_by(int(value))
    return 128 + int(value)


def end_by(number: int) -> None:
    """End by this signal, as a process did that this one has waited for."""
    if number != signal.SIGKILL:
        signal.signal(number, signal.SIG_DFL)
    limits.apply({"CORE": [0, 0]})  # that process has dumped its core already, if it was to
    os.kill(os.getpid(), number)
    signal.pause()


# -- init --------------------------------------------------------------------------------------------------------------


def guarded(function: Callable[..., Any], *arguments: object) -> int:
    """Call ``function`` in a forked child, whose exceptions must not run the parent's code any further."""
    try:
        return int(function(*arguments) or 0)
    except BaseException as error:  # noqa: BLE001  # see the docstring
        os.write(2, f"envguard: {type(error).__name__}: {error}\n".encode())
        return CANNOT_ENTER


def _init(script: Script, command: list[str], tell: int) -> int:
    call.prctl(call.PR_SET_PDEATHSIG, signal.SIGKILL)
    call.prctl(call.PR_SET_CHILD_SUBREAPER, 1)
    # Closes the race of PR_SET_PDEATHSIG too: with the keeper gone the write fails and init ends.
    if refused := build(script):
        os.write(tell, f"{refused}\nexit {CANNOT_ENTER}\n".encode())
        return CANNOT_ENTER
    spare = {1, *start_resolver(script)}
    try:
        noted = supervise(script)
    except (OSError, KeyError) as error:
        os.write(tell, f"could not be entered: {error}\nexit {CANNOT_ENTER}\n".encode())
        return CANNOT_ENTER
    main_process = processes.fork()
    if main_process == 0:
        os._exit(guarded(_become, {**script, "noted": noted}, command, tell))
    for number in PASSED_ON:
        signal.signal(number, lambda received, _frame: os.kill(main_process, received))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    watchdog = start_watchdog(script, spare)
    killed = False
    while True:
        pid, status = os.wait()
        if pid == watchdog and os.WIFEXITED(status) and os.WEXITSTATUS(status) == 0:
            killed = True
            os.kill(-1, signal.SIGKILL)
        if pid == main_process:
            break
    os.write(tell, (("memory" if killed else how(status)) + "\n").encode())
    return 0


def build(script: Script) -> str:
    """Make what the plan says inside of new namespaces; return the step that failed, "" if none did."""
    step = "start"
    try:
        for step, arguments in script["steps"]:
            _STEPS[step](**arguments)
        step = "capabilities"
        drop_bounding(script)
    except OSError as error:
        return f"could not be entered: {step}: {error.strerror or error}"
    return ""


def supervise(script: Script) -> str:
    """Put this thread and its children under the filter that the plan asks for; return where refusals are noted.

    A list of refusals that can't be had is done without; what the filter enforces can't.
    """
    if not script["trapped"] and not script["ledger"] and script["rules"]["symlinks"]:
        return ""
    # Not for everybody: the imports take 4 ms.
    from pytest_envguard.seccomp.ledger import Ledger
    from pytest_envguard.seccomp.supervisor import Supervisor, enforce

    who = script["identity"]
    ids = (who["uid"], who["gid"]) if who["how"] in ("real", "subordinate") else None
    wanted = script["ledger"]  # True, or the descriptors of one that somebody outside will read
    ledger = (Ledger.at(wanted) if isinstance(wanted, str) else Ledger.make()) if wanted else None
    if script["trapped"]:
        around = enforce(script["rules"], ledger, ids, script["capabilities"])
        return "!the environment around this one lists it" if around else str(ledger or "")
    try:
        Supervisor(script["rules"], enforces=False, ledger=ledger).start(ids, script["capabilities"])
    except (OSError, KeyError) as error:
        if script["rules"]["symlinks"]:
            return f"!{error}"
        forbid_links(error)
        return "!the environment around this one lists it" if ledger else ""
    return str(ledger or "")


def forbid_links(refused: Exception | None = None) -> None:
    """Let the supervisor of the environment around refuse symbolic links to this process and all that it starts.

    Args:
        refused: Why none can be started here.
    """
    from pytest_envguard.seccomp import handover

    if refused is not None and getattr(refused, "errno", None) != errno.EBUSY:
        raise refused
    try:
        handover.ask_for_no_links()
    except OSError as error:
        if error.errno != errno.EBADF:
            raise
        reason = "no process outside of this one can refuse it symbolic links; give the test its own: `fresh=True`"
        raise OSError(0, reason) from None


def drop_bounding(script: Script) -> None:
    """While privileged still: the bounding set is what an exec as uid 0 would give back."""
    if script["capabilities"] is not None:
        identity.drop_bounding(script["capabilities"])


def start_server(script: Script, command: list[str]) -> int | None:
    """Start what serves hosts from folders, if the plan asks for it; return its process id.

    Before the namespaces are left: it stays outside, where it reads folders that the environment hides, counts for no
    limit, and can't be seen, traced or killed by what runs inside. The sockets come to it from init, which makes them.

    Args:
        script: The plan's.
        command: What is started inside: the bundles of certificates of the environments in it are to be covered as well.
    """
    if not script.get("origins"):
        return None
    from pytest_envguard.origins import bundles, outside

    for step, arguments in script["steps"]:
        if step == "trust":
            arguments["paths"] += [path for path in bundles.beside(command) if path not in arguments["paths"]]
    return outside.start(script["origins"])


def end_server(server: int | None) -> None:
    """End what `start_server` has started; where this isn't come to, the kernel does so (PR_SET_PDEATHSIG)."""
    if server is None:
        return
    try:
        os.kill(server, signal.SIGKILL)
        os.waitpid(server, 0)
    except (ProcessLookupError, ChildProcessError):  # it went with all the others already
        pass


def start_resolver(script: Script) -> set[int]:
    """Start what answers that no name exists, if the plan asks for it."""
    if not script["resolver"]:
        return set()
    resolver = os.fork()
    if resolver == 0:
        os._exit(guarded(network.serve_nxdomain))
    return {resolver}


def how(status: int) -> str:
    """Return how a process ended, by its wait status: "exit 0" or "signal 9"."""
    if os.WIFSIGNALED(status):
        return f"signal {os.WTERMSIG(status)}"
    return f"exit {os.WEXITSTATUS(status)}"


def start_watchdog(script: Script, spare: set[int]) -> int | None:
    """Start what ends with 0 once the memory limit is passed, if the plan asks for it."""
    wanted = script["memory"]
    if not wanted or wanted["by"] != "watchdog":
        return None
    watchdog = os.fork()
    if watchdog == 0:
        spare.add(os.getpid())
        memory.watch(wanted["limit"], wanted["folders"], frozenset(spare))
        os._exit(0)
    return watchdog


_taken: dict[str, int] = {}


def holding_proc(script: Script, variable: str) -> Script:
    """Return ``script`` with a step that keeps a writable ``/proc`` for environments inside of this one.

    It's held before the visible one is made read-only; its descriptor stands in the environment variable.
    """
    steps = list(script["steps"])
    names = [name for name, _ in steps]
    if "private" in names:
        steps.insert(names.index("proc" if "proc" in names else "private") + 1, ("hold", {"variable": variable}))
    return {**script, "steps": steps}


def _hold(variable: str) -> None:
    _held[variable] = mounts.processes_only()


def held(variable: str) -> int | None:
    """Return the descriptor that was held for ``variable``, in the process that made the mounts."""
    return _held.get(variable)


_held: dict[str, int] = {}


def _take(path: str) -> None:
    _taken[path] = mounts.take(path)


def _put(path: str, readonly: bool) -> None:
    mounts.put(_taken.pop(path), path, readonly=readonly)


def _link(path: str, target: str) -> None:
    if not os.path.lexists(path):
        os.makedirs(os.path.dirname(path), 0o755, exist_ok=True)
        os.symlink(target, path)


def _folder(path: str) -> None:
    os.makedirs(path, 0o755, exist_ok=True)


def _relocate(**arguments: Any) -> None:
    from pytest_envguard.linux import relocation

    relocation.relocate(**arguments)


def _listen(addresses: list[str]) -> None:
    from pytest_envguard.origins import outside

    outside.listen(addresses)


def _share(path: str) -> None:
    """Make a folder as /tmp is; one of that name that another user has made is his."""
    try:
        os.mkdir(path)
        os.chmod(path, 0o1777)
    except FileExistsError:
        pass


_STEPS: dict[str, Callable[..., None]] = {
    "folder": _folder,
    "private": mounts.private,
    "relocate": _relocate,
    "hold": _hold,
    "take": _take,
    "put": _put,
    "link": _link,
    "share": _share,
    "files": mounts.replace_files,
    "readonly": mounts.readonly_everywhere,
    "change": mounts.change,
    "exec_paths": mounts.no_execution,
    "tmpfs": mounts.tmpfs,
    "hide": mounts.hide,
    "proc": mounts.procfs,
    "dev": devices.build,
    "seal_dev": devices.seal,
    "network": network.configure,
    "listen": _listen,
    "trust": mounts.add_to_files,
    "hostname": call.sethostname,
}


# -- command -----------------------------------------------------------------------------------------------------------


def restrict(script: Script) -> None:
    """Give this process, which is inside already, its limits and its identity; there is no way back."""
    limits.apply(script["limits"])
    if script["cpus"]:
        limits.pin(script["cpus"])
    who = script["identity"]
    if who["how"] in ("real", "subordinate"):
        identity.become(who["uid"], who["gid"])
    if script["capabilities"] is not None:
        identity.drop_capabilities(script["capabilities"] if os.geteuid() == 0 else 0)
    # Another uid or user namespace makes /proc/self root's, until an exec; a process that doesn't exec could not read its
    # own, and no supervisor its memory.
    call.prctl(call.PR_SET_DUMPABLE, 1)
    if script["namespaces"]:
        descriptors.close_files()
        descriptors.copy_input()
        descriptors.leave_keyring()
        descriptors.forbid_typing()
    # After the change of ids, which clears it.
    call.prctl(call.PR_SET_PDEATHSIG, signal.SIGKILL)
    if not (script["rules"]["symlinks"] or script["trapped"] or "noted" in script):
        forbid_links()  # a test's own process, which has joined what nobody supervises
    if script["mappings"]:
        forbid_mappings(script["mappings"])


def forbid_mappings(forbidden: Script) -> None:
    """Refuse this process and all that it starts some memory to execute, and mappings that are too large."""
    from pytest_envguard.seccomp import mappings as refused

    if forbidden["deny"]:
        execution.deny_write_execute()
    if forbidden["ways"] or forbidden["limit"] is not None:
        execution.refuse(refused.program(os.uname().machine, forbidden["ways"], forbidden["limit"]))


def _become(script: Script, command: list[str], tell: int) -> int:
    step = "limits and identity"
    try:
        restrict(script)
        step = f"working folder {script['folder']}"
        os.chdir(script["folder"])
        environ = environment(script)
        if script["mappings"] and script["mappings"]["limit"] is not None:
            step = "`mmap_limit`"
            execution.try_interpreter(command[0], environ)
        if script["noted"]:
            from pytest_envguard.seccomp.ledger import VARIABLE

            if not script["noted"].startswith("!"):
                for word in script["noted"].split(":")[:2]:
                    os.set_inheritable(int(word), True)
            environ[VARIABLE] = script["noted"]
        for variable, descriptor in _held.items():
            os.set_inheritable(descriptor, True)
            environ[variable] = str(descriptor)
        for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGPIPE, *PASSED_ON):
            signal.signal(number, signal.SIG_DFL)
        step = f"exec `{command[0]}`"
        os.execvpe(command[0], command, environ)
    except OSError as error:
        code = {2: 127, 13: 126}.get(error.errno or 0, CANNOT_ENTER) if step.startswith("exec") else CANNOT_ENTER
        os.write(tell, f"could not be entered: {step}: {error.strerror or error}\n".encode())
        return code
    return CANNOT_ENTER


def environment(script: Script) -> dict[str, str]:
    """Return this process's environment variables as the plan changes them."""
    environ = changed_variables(script)
    if "PATH" in environ:
        environ["PATH"] = usable_path(script, environ["PATH"])
    return environ


def changed_variables(script: Script) -> dict[str, str]:
    """Return the same, as far as the process's identity doesn't matter."""
    environ = dict(os.environ)
    if script.get("moved"):
        from pytest_envguard.model.relocation import Move

        environ.update(Move(*script["moved"]).variables(environ))
    for pattern in script["environ"]["unset"]:
        if pattern.endswith("*"):
            for name in [name for name in environ if name.startswith(pattern[:-1])]:
                del environ[name]
        else:
            environ.pop(pattern, None)
    environ.update(script["environ"]["set"])
    return environ


def usable_path(script: Script, path: str) -> str:
    """Return PATH without folders of the caller's own that another uid may not search.

    A missing program would be EACCES, where a deployment, which has no such folder in its PATH, answers ENOENT.
    """
    if script["identity"]["how"] not in ("real", "subordinate"):
        return path
    return os.pathsep.join(filter(_reachable, path.split(os.pathsep)))


def _reachable(folder: str) -> bool:
    try:
        os.stat(os.path.join(folder, "."))
    except PermissionError:
        return False
    except OSError:
        pass
    return True


if __name__ == "__main__":
    # Nothing is left to clean up, and to tear down the interpreter would take 3 ms.
    os._exit(main(sys.argv[1:]))
