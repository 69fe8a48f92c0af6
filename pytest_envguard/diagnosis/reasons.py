"""Which dimension of an environment an error comes from, by its errno and path or by what it says. Pure.

Only what can come of it is blamed: a connection that is refused on a network that is merely cut isn't the network's fault.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from pytest_envguard.diagnosis.because import changes
from pytest_envguard.diagnosis.relocated import hard_coded
from pytest_envguard.diagnosis.remedies import below_home, home_folder, is_in, network
from pytest_envguard.diagnosis.ties import (
    EXECUTION,
    FAILED_TO_MAP,
    LOOK_UP,
    NETWORK,
    NOT_REACHED,
    error_of,
    host_of,
    is_noexec,
    is_timeout,
    mapped_path,
    path_of,
)
from pytest_envguard.model.diagnosis import Setting
from pytest_envguard.model.evidence import Evidence, Raised
from pytest_envguard.model.refusal import Refusal

_SHM = "/dev/shm"
_SEMAPHORES = ("multiprocessing", "_multiprocessing", "_posixshmem")
_STARTING = ("subprocess", "_posixsubprocess", "os", "asyncio.base_subprocess")
_TALKING = (
    "socket",
    "ssl",
    "urllib",
    "http",
    "urllib3",
    "requests",
    "httpx",
    "httpcore",
    "aiohttp",
    "anyio",
    "asyncio",
)
_BY_ERROR = {
    "EMFILE": "open_files",
    "ENFILE": "open_files",
    "ENOMEM": "memory",
    "EAGAIN": "processes",
    "EDQUOT": "tmp_size",
    "ELOOP": "",
}
_LOOPBACK = re.compile(r"(?<![\w.])(?:127\.\d+\.\d+\.\d+|localhost|::1|0\.0\.0\.0)(?![\w.])")
_KEY = re.compile(r"^'?(\w+)'?$")
_TEXTS = (
    ("user", re.compile(r"getpwuid\(\)|uid not found|No username set in the environment")),
    (
        "home",
        re.compile(
            r"home directory|could not find a default download directory|HOME (?:is )?not (?:set|defined)",
            re.IGNORECASE,
        ),
    ),
    ("processes", re.compile(r"can't start new thread")),
    ("open_files", re.compile(r"[Tt]oo many open files")),
    ("memory", re.compile(r"killed for memory|[Cc]annot allocate memory|[Uu]nable to allocate")),
    ("locale", re.compile(r"unsupported locale setting|codec can't (?:en|de)code")),
    ("timezone", re.compile(r"ZoneInfo|[Nn]o time zone found|tzlocal")),
    ("shm", re.compile(r"/dev/shm|shared memory")),
    ("tmp_size", re.compile(r"not enough (?:free )?(?:disk )?space|disk (?:is )?full", re.IGNORECASE)),
)
_OF_HOME = re.compile(
    r"\bexpanduser\b|\bPath\.home\b|\bgethome|\bget_app_dir\b|\s~/|'~/|\buser_(?:cache|config|data|state)_(?:dir|path)\b"
)
# What code asks of the machine, as pytest shows calls and as `ast.unparse` writes code: what it makes of the answer isn't
# known, so that it counts only where the environment changes it, and never for certain.
_ASKED = (
    ("user", re.compile(r"\bgetuser\b|\bgetpw(?:uid|nam)\b|\bgetlogin\b|\bpwd\.|\.owner\(|\bwhoami\b")),
    ("uid", re.compile(r"\bget(?:res|e)?uid\b")),
    ("gid", re.compile(r"\bget(?:res|e)?gid\b|\bgetgroups\b|\bgetgrgid\b|\.group\(\)")),
    ("home", _OF_HOME),
    ("tmp_exec", re.compile(r"\bX_OK\b|\bshutil\.which\b|\bwhich\(|'#!/")),
    ("root", re.compile(r"\bW_OK\b|\bcompileall\b|\b__pycache__\b|\.pyc\b|\bcache_from_source\b")),
    ("open_files", re.compile(r"\bRLIMIT_NOFILE\b|\bSC_OPEN_MAX\b")),
    ("processes", re.compile(r"\bRLIMIT_NPROC\b")),
    ("stack", re.compile(r"\bRLIMIT_STACK\b")),
    ("memory", re.compile(r"\bRLIMIT_AS\b|\bvirtual_memory\b|\bSC_PHYS_PAGES\b")),
    ("tmp_size", re.compile(r"\bdisk_usage\b|\bstatvfs\b")),
    ("cpus", re.compile(r"\bcpu_count\b|\bsched_getaffinity\b|\bSC_NPROCESSORS")),
    ("shm", re.compile(r"/dev/shm\b")),
    ("timezone", re.compile(r"\btzname\b|\btzset\b|\bastimezone\b|\blocaltime\b|'TZ'")),
    ("locale", re.compile(r"\bgetlocale\b|\bgetdefaultlocale\b|\bgetpreferredencoding\b|\bsetlocale\b|'LANG'")),
    ("hostname", re.compile(r"\bgethostname\b|\bgetfqdn\b|\bnodename\b|\bplatform\.node\b")),
    ("folder", re.compile(r"\bgetcwd\b|\bPath\.cwd\b")),
    ("cwd", re.compile(r"\bgetcwd\b|\bPath\.cwd\b|\b__file__\b|'PWD'")),
    ("uid", re.compile(r"['/]git'|\bgit\.Repo\b")),  # which trusts what belongs to who runs it, and nothing else
)
# llvmlite's, cffi's, libffi's and others' words.
_NO_CODE = re.compile(r"(?:executable|write\+execute) memory")
_DUMP = re.compile(r"environ\(\{.*?\}\)", re.DOTALL)  # as pytest shows os.environ: all variables that there are
_VARIABLE = re.compile(
    r"(?:environb?(?:\.(?:get|pop|setdefault))?|getenv|\bget)[\[(]b?'(\w+)'"
    r"|'(\w+)' (?:not )?in (?:os\.)?environ|\bexpandvars\([^)]*?\$\{?(\w+)"
)


def of_refusal(refusal: Refusal, evidence: Evidence, setting: Setting) -> str:
    """Return the dimension that a refusal comes from, "" where that isn't known."""
    if refusal.operation in NETWORK:
        return _of_network(refusal.error, host_of(refusal.target), setting, asked=refusal.operation == LOOK_UP)
    if refusal.operation == "symlink" and refusal.error == "EPERM" and changes(setting.values, "symlinks"):
        return "symlinks"
    if refusal.operation in EXECUTION and refusal.error in ("EACCES", "EPERM"):
        if not _is_in_noexec(refusal.target, evidence, setting):
            return _changed("root", setting)
        return _of_noexec(refusal.target, setting)
    return _of_file(refusal.error, refusal.target, setting)


def of_exception(raised: Raised, evidence: Evidence, setting: Setting) -> str:
    """Return the dimension that an exception comes from, "" where nothing ties it to the environment."""
    if FAILED_TO_MAP in raised.message:  # also the text of a memory limit and of a system call filter
        path = mapped_path(raised)
        if not is_noexec(evidence, path):
            return _changed("mmap_limit", setting)
        return _changed(_of_noexec(path, setting), setting)
    if _NO_CODE.search(raised.message):
        return _changed("executable_mappings", setting)
    if hard_coded(raised, setting, setting.project):
        return "cwd"
    error = error_of(raised)
    if error:
        return _of_error(error, raised, evidence, setting)
    return _of_words(raised, setting)


def of_comparison(raised: Raised, setting: Setting) -> str:
    """Return the dimension that an assertion may be about, "" for none: it compares it, which doesn't make it wrong."""
    if "AssertionError" not in raised.bases:
        return ""
    home = str(setting.values.get("user_home", ""))
    if home.strip("/") and home in raised.message:
        return _changed("home", setting)
    return of_question(raised.message, setting)


def of_question(text: str, setting: Setting) -> str:
    """Return the dimension that a text asks about, be it code or a message with calls, "" for none that is changed."""
    text = _DUMP.sub("environ", text)
    for name in asked_variables(text):
        if is_removed(name, setting.values) or _is_another(name, setting):
            return "home" if name == "HOME" else "env"
    found = (_changed(dimension, setting) for dimension, pattern in _ASKED if pattern.search(text))
    return next(filter(None, found), "")


def asks_for_home(text: str) -> bool:
    """Whether code asks for the home folder."""
    return "HOME" in asked_variables(text) or _OF_HOME.search(text) is not None


def asked_variables(text: str) -> list[str]:
    """Return the environment variables that code asks for, in its order."""
    about = "environ" in text or "getenv" in text or "expandvars" in text
    return [next(filter(None, found)) for found in _VARIABLE.findall(text)] if about else []


def is_ambiguous(raised: Raised, setting: Setting) -> bool:
    """Whether something is full and the exception doesn't say which of two: /tmp, or /dev/shm."""
    full = error_of(raised) == "ENOSPC" and not path_of(raised)
    bus = "/dev/shm or /tmp" in raised.message  # of SIGBUS nothing more is known
    limited = "tmp_size" in setting.values and setting.values.get("shm", "host") == "private"
    return limited and (full or bus)


def missing_variable(raised: Raised, setting: Setting) -> str:
    """Return the variable that an exception complains about and that the environment removes, "" for none."""
    found = _KEY.match(raised.message.strip()) if "KeyError" in raised.bases else None
    return found[1] if found and is_removed(found[1], setting.values) else ""


def _of_error(error: str, raised: Raised, evidence: Evidence, setting: Setting) -> str:
    through = {frame.library for frame in raised.frames}
    if error == "ETIMEDOUT" or is_timeout(raised):
        return _of_timeout(raised, setting)
    if error in NOT_REACHED or error in ("ECONNREFUSED", "ECONNRESET"):
        return "" if _LOOPBACK.search(raised.message) else _of_network(error, "", setting, asked="EAI" in error)
    if error in ("ENOENT", "ENOSYS", "EROFS") and not raised.path and not through.isdisjoint(_SEMAPHORES):
        return _changed("shm", setting)  # the C library doesn't tell Python which file it wanted
    if error == "EPERM" and "' -> '" in raised.message and changes(setting.values, "symlinks"):
        return "symlinks"
    if error in ("EACCES", "EPERM") and not raised.path and changes(setting.values, "executable_mappings"):
        return "executable_mappings"  # a mapping has no name
    if error == "ENOMEM":
        return _changed("mmap_limit", setting)
    started = error in ("EACCES", "EPERM") and not through.isdisjoint(_STARTING)
    if started and _is_in_noexec(raised.path, evidence, setting):
        return _of_noexec(raised.path, setting)
    return _of_file(error, _shared_memory(raised), setting)


def _shared_memory(raised: Raised) -> str:
    """Return the path that an exception names; a name of shared memory ("/psm_1fc19c7c") is a file of /dev/shm."""
    through = {frame.library for frame in raised.frames}
    if raised.path.count("/") == 1 and not through.isdisjoint(_SEMAPHORES):
        return _SHM + raised.path
    return raised.path


def _of_file(error: str, path: str, setting: Setting) -> str:
    if path == _SHM or path.startswith((f"{_SHM}/", "/psm_", "/sem.")):
        return _changed("shm", setting)
    if error == "EROFS":
        return _changed("root", setting) if setting.values.get("root") == "read-only" else ""
    if error in ("EACCES", "EPERM"):
        return _of_owner(path, setting)
    if error == "ENOSPC":
        return _changed("tmp_size", setting) if not path or is_in(path, "/tmp") else ""
    if error == "ENOENT":
        return _of_missing(path, setting)
    return _changed(_BY_ERROR.get(error, ""), setting)


def _of_owner(path: str, setting: Setting) -> str:
    hidden = setting.values.get("hidden", ())
    assert isinstance(hidden, tuple)
    if any(is_in(path, folder) for folder in hidden):
        return "hidden"
    return "root" if "uid" in setting.values else _changed("capabilities", setting)


def _of_missing(path: str, setting: Setting) -> str:
    """Return what makes a path be missing: a home that isn't there, or a /tmp that was emptied."""
    homes = {str(setting.values.get("user_home", "")), home_folder(setting, Evidence())} - {""}
    if path and (any(below_home(path, home) is not None for home in homes) or path.startswith("~")):
        return _changed("home", setting)
    return _changed("tmp", setting) if is_in(path, "/tmp") and setting.values.get("tmp") == "private" else ""


def _of_network(error: str, host: str, setting: Setting, *, asked: bool) -> str:
    if not changes(setting.values, "network") or _LOOPBACK.fullmatch(host):
        return ""
    if error == "ECONNREFUSED":
        return "network" if network(setting) == "refuse" or asked else ""
    return "network" if error in NOT_REACHED or error == "ETIMEDOUT" or asked else ""


def _of_timeout(raised: Raised, setting: Setting) -> str:
    """A hang isn't "offline": only where what is sent vanishes, and in what talks to others."""
    talking = any(frame.library in _TALKING for frame in raised.frames)
    return "network" if network(setting) == "drop" and talking and not _LOOPBACK.search(raised.message) else ""


def _of_words(raised: Raised, setting: Setting) -> str:
    if is_timeout(raised):
        return _of_timeout(raised, setting)
    variable = missing_variable(raised, setting)
    if variable:
        return "home" if variable == "HOME" else "env"
    if "AssertionError" in raised.bases:  # compares what a program says, which may be anything
        return ""
    if "MemoryError" in raised.bases:
        return _changed("mmap_limit", setting) or _changed("memory", setting)
    found = [_changed(dimension, setting) for dimension, pattern in _TEXTS if pattern.search(raised.message)]
    if "/dev/shm or /tmp" in raised.message:
        shm = setting.values.get("shm", "host") == "private"
        found = ["shm" if shm else "", _changed("tmp_size", setting)]
    return next(filter(None, found), "")


def is_removed(variable: str, values: Mapping[str, object]) -> bool:
    """Whether an environment of these values removes a variable."""
    if variable == "HOME":
        return values.get("home") == "unset"
    removed = values.get("env_unset", ())
    assert isinstance(removed, tuple)
    return any(variable == name or (name.endswith("*") and variable.startswith(name[:-1])) for name in removed)


def _is_another(variable: str, setting: Setting) -> bool:
    own = setting.values.get("env", {})
    return (isinstance(own, Mapping) and variable in own) or (
        variable == "HOME" and setting.values.get("home", "host") != "host"
    )


def _is_in_noexec(path: str, evidence: Evidence, setting: Setting) -> bool:
    folders = {"tmp_exec": "/tmp", "shm_exec": _SHM}
    return (path != "" and is_noexec(evidence, path)) or any(
        setting.values.get(name) is False and is_in(path, folder) for name, folder in folders.items()
    )


def _of_noexec(path: str, setting: Setting) -> str:
    """Return the dimension by which a folder is noexec: all are but a few where files to execute lie in given places."""
    everywhere = "exec-paths" in tuple(setting.values.get("executable_mappings", ()))  # type: ignore[arg-type]
    in_tmp = setting.values.get("tmp_exec") is False and is_in(path, "/tmp")
    return "executable_mappings" if everywhere and not in_tmp else "tmp_exec"


def _changed(dimension: str, setting: Setting) -> str:
    return dimension if dimension and changes(setting.values, dimension) else ""
