"""Exit codes with which a launcher ends where its command didn't."""

from __future__ import annotations

NOT_SUPERVISED = 124  # the supervisor (see `seccomp.supervisor`) has ended, and everything with it
CANNOT_ENTER = 125  # as of docker run: the environment could not be entered, the command did not start
OUT_OF_MEMORY = 137  # as of docker: the watchdog killed everything
