"""What this machine can do, and what lies where on it: facts that planning decides by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pytest_envguard.model.origin import Certificate


class Ability(NamedTuple):
    """One facility of the kernel, tried in a child process.

    Attributes:
        name: Such as "mount namespace".
        answer: "" if it works, otherwise the kernel's own answer, such as "unshare(0x20000): Operation not permitted".
        mend: What makes it work here, where that is known.
    """

    name: str
    answer: str = ""
    mend: str = ""

    @property
    def works(self) -> bool:
        """Whether the kernel let it through."""
        return not self.answer


class Abilities(NamedTuple):
    """All that was tried, by name, and how it was tried.

    Attributes:
        privileged: The caller may make namespaces without a user namespace (root with CAP_SYS_ADMIN).
        facilities: Name to ability.
        subordinate: First subordinate uid and gid of the caller, where ``newuidmap`` can use them.
        may_become: The caller may become another user (CAP_SETUID and CAP_SETGID), as root in most containers.
        mapped_ids: Ranges (first, count) of ids that exist in the caller's own user namespace.
    """

    privileged: bool
    facilities: Mapping[str, Ability]
    subordinate: tuple[int, int] | None = None
    may_become: bool = False
    mapped_ids: tuple[tuple[int, int], ...] = ((0, 2**32 - 1),)

    def has_id(self, number: int) -> bool:
        """Whether ``number`` exists in the caller's user namespace, so that root could become it."""
        return any(first <= number < first + count for first, count in self.mapped_ids)


class Folder(NamedTuple):
    """Owner and mode of a folder on the way to something that is needed, and what is directly in it if that matters."""

    uid: int
    gid: int
    mode: int
    entries: tuple[tuple[str, str], ...] = ()  # name, target of the symbolic link or ""

    def open_to(self, uid: int, gid: int, wanted: int) -> bool:
        """Whether ``uid``:``gid`` has the permission bits ``wanted`` (4 read, 1 search) by the mode alone."""
        shift = 6 if uid == self.uid else 3 if gid == self.gid else 0
        return (self.mode >> shift) & wanted == wanted


class Movable(NamedTuple):
    """The project, as something that an environment may show elsewhere.

    Attributes:
        names: Its root folder as it's named, and with links resolved, which comes last.
        node: The folder's inode.
        beside: How many entries the folder above it has.
        naming: Files of installed packages that name it, such as those of an editable installation, with their texts.
        variables: Names of environment variables that name it, without those that say how tests are run.
    """

    names: tuple[str, ...]
    node: int
    beside: int = 0
    naming: Mapping[str, str] = {}
    variables: tuple[str, ...] = ()


class Surroundings(NamedTuple):
    """The caller and its files.

    Attributes:
        uid: The caller's.
        gid: The caller's.
        project: Absolute path of the folder the tests run in.
        needed: Path to what it is ("the project", "the interpreter", …); all of them must stay visible and usable.
        folders: Every folder on the way to something needed, and the needed folders themselves.
        passwd: Text of ``/etc/passwd``.
        nsswitch: Text of ``/etc/nsswitch.conf``.
        resolver: Text of ``/etc/resolv.conf``.
        present: Paths that exist, of those that planning asks about.
        processors: Processors the caller may use.
        python: Version of the interpreter, such as (3, 12).
        most_files: Hard limit of open files, which only a privileged caller can raise; -1 is unlimited.
        coverage: Whether coverage is measured, which needs a place for its data.
        proc_style: What an environment around has made of ``/proc``, as the dimension `proc` says it; "" outside of any.
        proc: Descriptors of a ``/proc`` to write id maps through; see `pytest_envguard.linux.identity.reach_proc`.
        temporary: Folder below the machine's /tmp that an environment around has given to its tests; "" for none.
        locales: Names of locales that the C library knows, of those that were asked for.
        hosts: Text of ``/etc/hosts``; only where hosts are served, or were in an environment around.
        bundles: Files with the certificates that clients trust, the system's first; only where hosts are served.
        variables: Environment variables that say which certificates are trusted, or name a proxy; only where hosts are served.
        certificate: What the served hosts are trusted by.
        served: The dimension `origins` of an environment around, and its `network`, if it has any.
        movable: The project as something to be shown elsewhere; only where the dimension `cwd` asks for it.
    """

    uid: int
    gid: int
    project: str
    needed: Mapping[str, str]
    folders: Mapping[str, Folder] = {}
    passwd: str = ""
    nsswitch: str = ""
    resolver: str = ""
    present: frozenset[str] = frozenset()
    processors: int = 1
    python: tuple[int, int] = (3, 11)
    most_files: int = -1
    coverage: bool = False
    locales: frozenset[str] = frozenset()
    proc_style: str = ""
    proc: tuple[int, ...] = ()
    temporary: str = ""
    hosts: str = ""
    bundles: tuple[str, ...] = ()
    variables: Mapping[str, str] = {}
    certificate: Certificate | None = None
    served: tuple[Mapping[str, str], str] | None = None
    movable: Movable | None = None
