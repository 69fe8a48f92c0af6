"""Which of a rule's remedies hold in an environment, and what they are there: the placeholders filled with its folders."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

from pytest_envguard.diagnosis.rules import Conditions, Offer
from pytest_envguard.model.diagnosis import Remedy, Setting
from pytest_envguard.model.evidence import Evidence

_TMP, _SHM = "/tmp", "/dev/shm"
_LASTING_TMP = "/var/tmp"  # 1777 on every system that keeps the Filesystem Hierarchy Standard 3.0, section 5.15
_OTHERS_MAY_WRITE = 0o002
_YES = ("1", "true", "yes", "on")


def resolve(offer: Offer, setting: Setting, evidence: Evidence, library: str = "") -> Remedy | None:
    """Return what ``offer`` is in an environment, None where it doesn't hold there.

    Args:
        offer: What a rule has.
        setting: The environment.
        evidence: What the failure left behind: the variables, and what was measured.
        library: Distribution that the offer's ``versions`` are of; without it they hold.
    """
    version = setting.version(library) if library and offer.versions else ""
    if not version_fits(version, offer.versions) or not holds(offer.when, setting, evidence):
        return None
    remedy = filled(offer.remedy, setting, evidence)
    return None if remedy is None or _is_so_already(remedy, setting, evidence) else remedy


def holds(when: Conditions, setting: Setting, evidence: Evidence) -> bool:
    """Whether the environment is as ``when`` says: its network, variables, facts, and versions of distributions.

    What is about a refusal or an exception isn't looked at.
    """
    measured = {fact.name for fact in evidence.facts}
    return (
        (not when.network or network(setting) in when.network)
        and measured.issuperset(when.facts)
        and measured.isdisjoint(when.without_facts)
        and all(_has(variable(name, setting, evidence), pattern) for name, pattern in when.set.items())
        and not any(is_given(name, setting, evidence) for name in when.unset)
        and all(_installed(setting.version(name), wanted) for name, wanted in when.requires.items())
    )


def version_fits(version: str, specifier: str) -> bool:
    """Whether ``version`` meets a specifier such as ">=1.40.9,<2"; one that nobody knows does."""
    if not version or not specifier:
        return True
    from packaging.specifiers import SpecifierSet
    from packaging.version import InvalidVersion, Version

    try:
        known = Version(version)
    except InvalidVersion:  # of a fork, say
        return True
    return SpecifierSet(specifier).contains(known, prereleases=True)


def is_given(name: str, setting: Setting, evidence: Evidence) -> bool:
    """Whether a variable was set by the user, the environment or the project: what a library made of nothing isn't.

    Of one whose name looks secret nobody knows, which is taken for no.
    """
    written = [one for one in evidence.overwritten if one.variable == name]
    if any(one.before is None for one in written):
        return any(not one.library for one in written)
    return bool(written) or variable(name, setting, evidence) is not None


def value_set(name: str, setting: Setting, evidence: Evidence) -> str | None:
    """Return what a variable was last set to by code, else its value (see `variable`)."""
    written = next((one.value for one in reversed(evidence.overwritten) if one.variable == name), None)
    return variable(name, setting, evidence) if written is None else written


def is_switched_on(name: str, setting: Setting, evidence: Evidence) -> bool:
    """Whether a variable says yes, as "1" and "true" do."""
    return (variable(name, setting, evidence) or "").lower() in _YES


def variable(name: str, setting: Setting, evidence: Evidence) -> str | None:
    """Return the value of an environment variable where the failure was, None where it isn't set or nobody knows."""
    kept = next((value for known, value in evidence.variables if known == name), None)
    home = setting.values.get("home", "")
    if kept is not None or (name == "HOME" and str(home).startswith("/")):
        return str(home) if kept is None else kept
    own = setting.values.get("env", {})
    assert isinstance(own, Mapping)
    return own.get(name)


def network(setting: Setting) -> str:
    """Return what the environment's network is, "open" where it has the host's."""
    return str(setting.values.get("network", "open"))


# -- placeholders ------------------------------------------------------------------------------------------------------


def filled(remedy: Remedy, setting: Setting, evidence: Evidence) -> Remedy | None:
    """Return ``remedy`` with its placeholders filled, None where the environment has no such folder."""
    places: dict[str, Callable[[], str]] = {
        "tmp": lambda: writable_folder(setting),
        "exec": lambda: executable_folder(setting),
        "home": lambda: home_folder(setting, evidence),
    }
    texts = [remedy.says, *remedy.set.values(), *((remedy.seed.command, *remedy.seed.sources) if remedy.seed else ())]
    used = {name for text in texts for name in re.findall(r"\{(tmp|exec|home)\}", text)}
    folders = {f"{{{name}}}": places[name]() for name in used}
    if not all(folders.values()):
        return None

    def fill(text: str) -> str:
        return re.sub(r"\{(?:tmp|exec|home)\}", lambda match: folders[match[0]], text)

    seed = remedy.seed
    if seed:
        seed = seed._replace(command=fill(seed.command), sources=tuple(map(fill, seed.sources)))
    values = {name: _one_slash(text, fill(text)) for name, text in remedy.set.items()}
    return remedy._replace(says=fill(remedy.says), set=values, seed=seed)


def writable_folder(setting: Setting) -> str:
    """Return a folder that programs may write in, "" where the environment has none."""
    return next(_writable(setting), "")


def executable_folder(setting: Setting) -> str:
    """Return a folder that programs may write in and be run from, "" where the environment has none."""
    return next((folder for folder in _writable(setting) if _executable(folder, setting)), "")


def home_folder(setting: Setting, evidence: Evidence) -> str:
    """Return what a program takes for its home, writable or not, "" where it has none.

    HOME, else that of the passwd entry: what `os.path.expanduser` does.
    """
    home = variable("HOME", setting, evidence)
    if home:
        return home
    return str(setting.values.get("user_home", "")) if setting.values.get("user") else ""


def below_home(path: str, home: str) -> str | None:
    """Return where in a home a path lies, None if it's in none.

    "~" is what `os.path.expanduser` leaves as it is where there is no home. In a home of "/" only what is hidden is taken for
    a part of it: all else lies there as well.
    """
    path = re.sub(r"^/+", "/", path)
    tilde = re.match(r"(?:.*/)?~(?:/|$)", path)
    if tilde:
        return path[tilde.end() :]
    inside = path == home or path.startswith(home.rstrip("/") + "/")
    if not home or not inside or (home == "/" and not path.startswith("/.")):
        return None
    return path[len(home) :].strip("/")


def _writable(setting: Setting) -> Iterator[str]:
    """The ones to use first come first; the host's own /dev/shm last: nobody knows how large it is, or how mounted."""
    values = setting.values
    open_root = values.get("root", "host") != "read-only"
    private_shm = values.get("shm") == "private"
    further = values.get("writable", ())
    hidden = values.get("hidden", ())
    assert isinstance(further, tuple) and isinstance(hidden, tuple)
    candidates = [_TMP] if _tmp_is_writable(setting, open_root=open_root) else []
    candidates += further
    candidates += [_SHM] if private_shm else []
    candidates += [_LASTING_TMP] if open_root else []
    candidates += [_SHM] if open_root and values.get("shm", "host") == "host" else []
    return (folder for folder in candidates if not any(is_in(folder, top) for top in hidden))


def is_in(path: str, folder: str) -> bool:
    """Whether ``path`` is ``folder``, or lies in it at any depth."""
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def _tmp_is_writable(setting: Setting, *, open_root: bool) -> bool:
    """The machine's own is one of the mounts that a read-only root takes; a fresh one may belong to somebody else."""
    if setting.values.get("tmp") != "private":
        return open_root
    mode = setting.values.get("tmp_mode", 0o1777)
    assert isinstance(mode, int)
    return bool(mode & _OTHERS_MAY_WRITE) or not setting.values.get("uid")


def _executable(folder: str, setting: Setting) -> bool:
    if folder == _TMP:
        return setting.values.get("tmp_exec") is not False
    if folder == _SHM:  # a private one is mounted without execution unless the profile says otherwise
        return bool(setting.values.get("shm_exec", setting.values.get("shm", "host") == "host"))
    return True


def _one_slash(written: str, text: str) -> str:
    """A home of "/" makes "//.cache" of "{home}/.cache"; what an author wrote with two (an URL) stays."""
    return re.sub(r"^//+", "/", text) if written.startswith("{") else text


# -- does it hold ------------------------------------------------------------------------------------------------------


def _has(value: str | None, pattern: re.Pattern[str]) -> bool:
    return value is not None and pattern.search(value) is not None


def _installed(version: str, specifier: str) -> bool:
    """What nobody knows to be installed can't be what a remedy rests on."""
    return bool(version) and version_fits(version, specifier)


def _is_so_already(remedy: Remedy, setting: Setting, evidence: Evidence) -> bool:
    """Whether it would change nothing: variables that have these values, or a version that is installed."""
    if remedy.unset or remedy.seed or not (remedy.set or remedy.upgrade):
        return False
    same = all(variable(name, setting, evidence) == value for name, value in remedy.set.items())
    return same and (not remedy.upgrade or _is_met(remedy.upgrade, setting))


def _is_met(requirement: str, setting: Setting) -> bool:
    from packaging.requirements import Requirement

    wanted = Requirement(requirement)
    return _installed(setting.version(wanted.name), str(wanted.specifier))
