"""Environments of which one thing is missing that the shipped ones have."""

from __future__ import annotations

PROFILES = """
[tool.pytest.ini_options]
# No folder for temporary files: all that tempfile tries is read-only, the project too.
[tool.envguard.profiles.sealed]
root = "read-only"
shm = "absent"
env_unset = ["TMPDIR", "TEMP", "TMP"]

# Little room.
[tool.envguard.profiles.small]
root = "read-only"
tmp = "private"
tmp_size = "1M"
shm = "private"
shm_size = "1M"

# A user without an entry in /etc/passwd, and without HOME.
[tool.envguard.profiles.nameless]
uid = 4711
gid = 4711
user = ""
home = "unset"
capabilities = "none"
env_unset = ["USER", "LOGNAME", "XDG_*"]
"""

SETTINGS = {"pyproject.toml": PROFILES}
