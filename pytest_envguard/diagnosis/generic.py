"""What may help where no library's rule says it: guesses, which are worth nothing until they were tried.

A guess follows from the dimension of the environment that the failure comes from, its errno and its path. Where nothing ties a
failure to the environment there is none: a test may pass with a variable for a reason that has nothing to do with it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence

from pytest_envguard.diagnosis.reasons import asked_variables, asks_for_home, is_removed, missing_variable
from pytest_envguard.diagnosis.remedies import below_home, executable_folder, home_folder, resolve, writable_folder
from pytest_envguard.diagnosis.rules import Offer
from pytest_envguard.diagnosis.ties import error_of
from pytest_envguard.model.diagnosis import Diagnosis, Remedy, Seed, Setting
from pytest_envguard.model.dimensions import show_size
from pytest_envguard.model.evidence import Evidence, looks_secret
from pytest_envguard.model.refusal import Refusal

LookUp = Callable[[str], Sequence[str]]
"""Variables that a library looks up near a place such as "tiktoken/load.py:78": `lookups.variables_of` for one folder."""

_MOST_VARIABLES = 4
_LONGEST_VALUE = 100
_REFUSED_WRITES = ("EROFS", "EACCES", "EPERM", "ENOENT")
# Of the refusal of one of these it's known that something was to be written; "open" may be to read.
_WRITING = ("mkdir", "mknod", "symlink", "link", "unlink", "rename", "rmdir", "write", "truncate", "bind", "fallocate")
_XDG = {  # specifications.freedesktop.org/basedir-spec: variable, and the folder of a home that it moves
    ".cache": "XDG_CACHE_HOME",
    ".config": "XDG_CONFIG_HOME",
    ".local/share": "XDG_DATA_HOME",
    ".local/state": "XDG_STATE_HOME",
}
_HUB = ("huggingface_hub", "transformers", "sentence_transformers", "datasets", "diffusers", "tokenizers")
_HUB_SWITCHES = {"transformers": "TRANSFORMERS_OFFLINE", "datasets": "HF_DATASETS_OFFLINE", "": "HF_HUB_OFFLINE"}
_USER = "app"
_USUAL = {
    "USER": _USER,
    "LOGNAME": _USER,
    "SHELL": "/bin/sh",
    "TERM": "dumb",
    **dict.fromkeys(("TMPDIR", "TEMP", "TMP", "XDG_RUNTIME_DIR"), "{tmp}"),
    **{variable: f"{{tmp}}/{folder}" for folder, variable in _XDG.items()},
}
_SEEDED = re.compile(r"CACHE|HOME|DATA|MODEL")  # in names of variables: what a library would find in such a folder
_FIRST = re.compile(r"CACHE|HOME$|CONFIG_?DIR$|TE?MP|^\w+?_(?:DIR|DATA)$")
_NO_FIRST = re.compile(r"INCLUDE|LOG|SOURCE|SRC|LIB|BIN|NODE|TEST|PROFILE|TRACE|DUMP|DEBUG")


def guesses(
    diagnosis: Diagnosis,
    evidence: Evidence,
    refusals: Sequence[Refusal],
    setting: Setting,
    look_up: LookUp = lambda _place: (),
    *,
    asked: str = "",
) -> tuple[Remedy, ...]:
    """Return what may help, the likeliest first; nothing where the failure isn't known to come from the environment.

    Args:
        diagnosis: Why it failed, as far as that's known without a rule.
        evidence: What the failure left behind; without exceptions something was lost silently, and there's no advice.
        refusals: What was refused.
        setting: The environment.
        look_up: Returns which variables the failing library reads; without it none is guessed. It takes up to a second.
        asked: Code or a message that asks for what the environment changes, see `mechanical.Told`.
    """
    if not asked and not _is_related(diagnosis, evidence):
        return ()
    guess = _BY_DIMENSION.get(diagnosis.dimension, _nothing)
    found = guess(_Failure(diagnosis, evidence, refusals, setting, look_up, asked=asked))
    advises = bool(evidence.raised) and not diagnosis.rule  # a rule has its own advice
    resolved = (resolve(Offer(remedy._replace(guess=True)), setting, evidence) for remedy in found)
    several = [remedy for remedy in resolved if remedy is not None and (remedy.can_be_tried or advises)]
    return tuple(remedy for at, remedy in enumerate(several) if remedy not in several[:at])


def _is_related(diagnosis: Diagnosis, evidence: Evidence) -> bool:
    """What is merely likely counts if the library that was refused something is involved in the failure."""
    involved = {frame.library for raised in evidence.raised for frame in raised.frames} | {*evidence.mentions}
    library = diagnosis.place.partition("/")[0]
    return diagnosis.certain or bool(
        {diagnosis.library, diagnosis.library.replace("-", "_"), library} & (involved - {""})
    )


class _Failure:
    """All that a guess may depend on."""

    def __init__(
        self,
        diagnosis: Diagnosis,
        evidence: Evidence,
        refusals: Sequence[Refusal],
        setting: Setting,
        look_up: LookUp,
        *,
        asked: str,
    ) -> None:
        self.diagnosis = diagnosis
        self.evidence = evidence
        self.setting = setting
        self.asked = asked
        self._look_up = look_up
        about = diagnosis.error, diagnosis.target
        self.operations = {refusal.operation for refusal in refusals if (refusal.error, refusal.target) == about}
        self.target = diagnosis.target
        self.text = "\n".join(raised.message for raised in evidence.raised)

    @property
    def error(self) -> str:
        """The errno, as the diagnosis or the first exception that has one says it."""
        return self.diagnosis.error or next(filter(None, map(error_of, self.evidence.raised)), "")

    def libraries(self) -> set[str]:
        """Return all packages that are involved."""
        frames = (frame.library for raised in self.evidence.raised for frame in raised.frames)
        return {*frames, *self.evidence.mentions, self.diagnosis.library.replace("-", "_")} - {""}

    def places(self) -> list[str]:
        """Return a line of each library that it went through, the one to blame first; paths aren't of a library."""
        first: dict[str, str] = {}
        own = [self.diagnosis.place] if self.diagnosis.library else []
        for place in (*own, *(frame.place for raised in self.evidence.raised for frame in raised.frames)):
            library, found, _ = place.partition("/")
            if found and library:
                first.setdefault(library, place)
        return list(first.values())

    def own_variables(self) -> Sequence[str]:
        """Return the variables that the code to blame looks up itself."""
        return self._look_up(self.places()[0]) if self.places() else ()

    def variables(self) -> list[str]:
        """Return the variables that these libraries look up, those that something overwrites left out."""
        taken = {overwritten.variable for overwritten in self.evidence.overwritten}
        found: list[str] = []
        for place in self.places():
            found += [name for name in self._look_up(place) if name not in taken and name not in found]
            if len(found) >= _MOST_VARIABLES:
                break
        return sorted(found, key=_unlikeliness)[:_MOST_VARIABLES]


def _unlikeliness(variable: str) -> int:
    return 2 if _NO_FIRST.search(variable) else 0 if _FIRST.search(variable) else 1


# -- writing -----------------------------------------------------------------------------------------------------------


def _nothing(_failure: _Failure) -> Iterator[Remedy]:
    return iter(())


def _write_refused(failure: _Failure) -> Iterator[Remedy]:
    if failure.error not in _REFUSED_WRITES:
        return
    inside = below_home(failure.target, home_folder(failure.setting, failure.evidence))
    if not failure.target and asks_for_home(failure.asked):
        inside = ""
    if inside is not None and not failure.own_variables():
        yield from _another_home(inside)  # what others than the failing library look up is less likely
    yield from _own_variables(failure, "{tmp}")
    if inside is not None:
        yield from _another_home(inside)
    elif failure.error == "EROFS" or not failure.operations.isdisjoint(_WRITING):
        yield from _elsewhere(failure)


def _own_variables(failure: _Failure, folder: str) -> Iterator[Remedy]:
    for variable in failure.variables():
        name = failure.diagnosis.library or variable.partition("_")[0].lower()
        yield Remedy(f"{name} looks up {variable}", {variable: f"{folder}/{name}"})


def _another_home(inside: str = "") -> Iterator[Remedy]:
    yield Remedy("what is kept in the home folder goes there", {"HOME": "{tmp}"})
    for folder, variable in _XDG.items():
        if inside == folder or inside.startswith(f"{folder}/"):
            yield Remedy(f"what is kept in ~/{folder} goes there", {variable: f"{{tmp}}/{folder}"})
            return
    if not inside:
        yield Remedy("what keeps to the XDG folders goes there", {name: f"{{tmp}}/{at}" for at, name in _XDG.items()})


def _elsewhere(failure: _Failure) -> Iterator[Remedy]:
    folder = writable_folder(failure.setting)
    target = failure.target
    if not target or not folder or "/site-packages/" in target or "/dist-packages/" in target:
        return
    if target.startswith("/"):
        yield Remedy(f"let the program write below {folder} instead of {target}")
    else:
        yield Remedy(
            f"give the program an absolute path below {folder} instead of {target}, which lies in the working folder"
        )


def _no_home(failure: _Failure) -> Iterator[Remedy]:
    if failure.target and failure.error:
        yield from _write_refused(failure)
        return
    yield from _own_variables(failure, "{tmp}")
    if failure.diagnosis.dimension == "user":
        yield from _a_user()
        yield from _another_home()
    else:
        yield from _another_home()
        yield from _a_user()


def _a_user() -> Iterator[Remedy]:
    """What `getpass.getuser` asks before it looks the uid up: LOGNAME, USER, LNAME, USERNAME."""
    yield Remedy("getpass.getuser then has a name without an entry in /etc/passwd", {"USER": _USER, "LOGNAME": _USER})


def _no_tmp(failure: _Failure) -> Iterator[Remedy]:
    """Tried in vain were TMPDIR, TEMP, TMP, /tmp, /var/tmp, /usr/tmp and the working folder."""
    if "usable temporary directory" in failure.text:
        yield Remedy("tempfile takes the first folder that it can write to", {"TMPDIR": "{tmp}"})


def _missing_variable(failure: _Failure) -> Iterator[Remedy]:
    for raised in failure.evidence.raised:
        name = missing_variable(raised, failure.setting)
        if name in _USUAL:
            yield Remedy(f"the program asks for {name}", {name: _USUAL[name]})
    for name in asked_variables(failure.asked):
        value = _on_host(name) or _USUAL.get(name)
        if value and is_removed(name, failure.setting.values):
            yield Remedy(f"the program asks for {name}", {name: value})


def _on_host(name: str) -> str:
    """Return the value of a variable where pytest was started, "" of none, of a path of that machine, and of a secret."""
    value = os.environ.get(name, "")
    return "" if looks_secret(name, value) or "/" in value[:2] or len(value) > _LONGEST_VALUE else value


def _host_time(_failure: _Failure) -> Iterator[Remedy]:
    if _on_host("TZ"):
        yield Remedy("the zone is then that of this machine", {"TZ": _on_host("TZ")})
    yield Remedy("the zone is then that of /etc/localtime", unset=("TZ",))


def _any_locale(_failure: _Failure) -> Iterator[Remedy]:
    yield Remedy("a locale that every C library has", {"LC_ALL": "C.UTF-8"})


def _another_user(failure: _Failure) -> Iterator[Remedy]:
    """Git trusts no folder of another user's, unless it's told to: git-config(1), safe.directory and GIT_CONFIG_COUNT."""
    if re.search(r"['/]git'|\bgit\.Repo\b", failure.asked):
        trusted = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory", "GIT_CONFIG_VALUE_0": "*"}
        yield Remedy("git then trusts folders that belong to another user", trusted)


# -- loading, memory, limits -------------------------------------------------------------------------------------------


def _no_execution(failure: _Failure) -> Iterator[Remedy]:
    if not executable_folder(failure.setting):
        yield Remedy(
            f"build it into the image: {failure.setting.name} has no folder that can be both written to and executed from"
        )
        return
    yield from _own_variables(failure, "{exec}")
    yield Remedy("programs and libraries can be run from there", {"TMPDIR": "{exec}"})


def _no_shm(failure: _Failure) -> Iterator[Remedy]:
    if failure.error == "ENOSPC":
        size = failure.setting.values.get("shm_size")
        has = f" (it has {show_size(size)})" if isinstance(size, int) else ""
        yield Remedy(f"make /dev/shm larger{has}, or keep the data out of it: workers that share memory need it")
    else:
        yield Remedy(
            "use threads, or multiprocessing's Process with Pipe: its locks, queues and pools need /dev/shm, "
            "and so does its ThreadPool"
        )


def _full_tmp(failure: _Failure) -> Iterator[Remedy]:
    size = failure.setting.values.get("tmp_size")
    has = f" of {show_size(size)}" if isinstance(size, int) else ""
    larger = "; Lambda gives up to 10 GiB (EphemeralStorage)" if "lambda" in failure.setting.profile else ""
    yield Remedy(f"delete what isn't needed any more, or ask for a larger /tmp than one{has}{larger}")


def _too_many_files(failure: _Failure) -> Iterator[Remedy]:
    limit = failure.setting.values.get("open_files")
    has = f"more than {limit}" if isinstance(limit, int) else "too many"
    yield Remedy(f"close files and connections as soon as they're done with: {has} are open at once")


# -- the network -------------------------------------------------------------------------------------------------------


def _no_network(failure: _Failure) -> Iterator[Remedy]:
    """Switches keep a library from asking; where it has nothing to find it fails all the same, but for a filled folder."""
    involved = failure.libraries()
    hub = [name for name in _HUB if name in involved]
    if hub:
        switches = {_HUB_SWITCHES[name]: "1" for name in ("", *hub) if name in _HUB_SWITCHES}
        yield Remedy("what is in the cache is taken without asking the network", switches)
        yield _filled("HF_HOME", ("$HF_HOME", "~/.cache/huggingface"), switches)
    for variable in filter(_SEEDED.search, failure.variables()):
        if not (hub and variable.startswith(("HF_", "HUGGINGFACE_"))):
            yield _filled(variable, (f"${variable}",))


def _filled(variable: str, sources: Iterable[str], switches: dict[str, str] | None = None) -> Remedy:
    seed = Seed(variable, tuple(sources), command=f"{variable}=DIR python -m pytest")
    return Remedy("the folder is filled where there is a network, and deployed", switches or {}, seed=seed)


_BY_DIMENSION: dict[str, Callable[[_Failure], Iterator[Remedy]]] = {
    "root": _write_refused,
    "hidden": _write_refused,
    "env": _missing_variable,
    "home": _no_home,
    "user": _no_home,
    "timezone": _host_time,
    "locale": _any_locale,
    "uid": _another_user,
    "tmp": _no_tmp,
    "tmp_exec": _no_execution,
    "shm_exec": _no_execution,
    "shm": _no_shm,
    "tmp_size": _full_tmp,
    "open_files": _too_many_files,
    "network": _no_network,
}
