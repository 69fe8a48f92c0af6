"""What the audit hook can't see or can't answer as the kernel would, one sentence each, for the user."""

from __future__ import annotations

BLIND_SPOTS: tuple[str, ...] = (
    # Who isn't heard at all.
    "Child processes: a program that a test starts may write, execute and connect as on this machine.",
    "C, C++ and Rust: what extension modules and libraries open, write or connect to by themselves is not refused.",
    "Subinterpreters: Python code in an interpreter of its own is not refused anything.",
    "SQLite: only making a new database is refused; an existing one on a read-only mount can be written to.",
    "os.mkfifo and os.mknod: Python does not announce them, so they work on a read-only mount.",
    "Files that were opened for writing before the environment began can still be written to.",
    # What Python asks, and is told about this machine.
    (
        "Questions: os.access, os.statvfs, shutil.disk_usage, os.stat and os.path.exists tell of this machine's files; even a "
        "path that is absent in the environment exists for them, although it can't be opened."
    ),
    "Identity: os.getuid, os.getgid and the permissions that follow from them are those of whoever runs the tests.",
    "Host name: socket.gethostname and os.uname tell this machine's.",
    "Sizes: a /tmp that would be full is not, so there is no ENOSPC.",
    # What is announced without what would be needed.
    "os.open with dir_fd, and open with an opener: the path is judged as if it began in the working folder.",
    (
        "follow_symlinks=False of os.chmod, os.chown, os.utime and the extended attributes: what the link leads to is judged, "
        "not the link."
    ),
    "os.chmod and os.chown of an open file's number: the refusal has no file name, as that of os.fchmod.",
    # Programs and libraries below a noexec mount.
    "mmap with PROT_EXEC: a file on a noexec mount can be mapped for execution; memory that is written and executed, too.",
    "mmap_limit: only mmap.mmap is refused; libraries, threads, mmap.resize and whatever C maps by itself are not.",
    "Libraries that the loader finds by their name alone, or that another library needs, load from a noexec mount.",
    (
        "Programs started by a name without a folder: a search that would pass over one on a noexec mount, because a later "
        "folder of PATH has another, executes the first; and os.posix_spawn is taken for os.posix_spawnp."
    ),
    "On Windows, subprocess.Popen without executable= does not say which file it starts, so noexec does not hold for it.",
    # Networks.
    "socket.connect_ex: a refused connection raises the error instead of returning its number.",
    (
        "Names given to connect, bind, sendto and sendmsg are looked up by the C library before the hook hears of them, so "
        "that the question leaves this machine."
    ),
    (
        "Flags of socket.getaddrinfo and socket.getnameinfo: with AI_NUMERICHOST the error is the one of a name look-up, and "
        "with NI_NUMERICHOST a foreign address is refused although nobody would be asked."
    ),
    "In a network that drops everything, a connection without a time-out ends after 10 seconds, not after two minutes.",
    "In a network that drops everything, a non-blocking socket seems to be connected at once, because nothing was begun.",
    (
        "In a network that drops or refuses everything, UDP gets EPERM, a local firewall's answer, as what is sent can't be "
        "made to vanish."
    ),
    "Sockets that are connected before the environment begins go on to send and receive.",
    "Listening: a server on one of this machine's addresses can be reached from outside.",
)
