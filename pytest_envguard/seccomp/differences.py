"""Where answered system calls are not what namespaces would have been; each is shown by a test."""

from __future__ import annotations

DIFFERENCES = (
    "/tmp, /dev/shm and other private folders are the machine's own, with what lies in them, and their modes stay.",
    (
        "Sizes are guarded by the files that are made: writes below 64 KiB are noticed at the next large one, and a write "
        "that would fill the folder fails as a whole."
    ),
    (
        "A path that is absent (/dev/shm) can't be opened to write and has no statvfs, but os.path.exists, os.stat and "
        "opening to read still find it."
    ),
    "Files of /proc that a container masks can be read.",
    (
        "Where no other user can be become, the uid is only shown, by getuid, stat and chown: permissions stay those of the "
        "real one, /proc/self/status shows it, and each stat takes about as long as a call that is judged."
    ),
    "Where root plays a user, what is root's looks like the user's own: a writable root can be written.",
    "The passwd entry is answered to the C library; /etc/passwd itself stays the machine's.",
    "Interfaces other than loopback can be seen, and a socket that was sent nowhere says so by getpeername.",
    "Names in `offline-nxdomain` fail with EAI_AGAIN, because the machine's own resolver can't be replaced.",
    "os.cpu_count() counts all processors, although only some may be used.",
    "io_uring is refused with ENOSYS, and 32-bit programs are killed, because nobody would judge their calls.",
    "Memory limits and hidden folders need namespaces; an environment that asks for them is refused.",
    "It is no wall against hostile code, which could change a path between the judgement and the call.",
)
