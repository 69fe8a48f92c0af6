"""Passwd entries, as the name service cache daemon would answer them."""

from __future__ import annotations

import struct

import pytest

from pytest_envguard.seccomp.users import Users

PASSWD = """\
root:x:0:0:root:/root:/bin/sh
sbx:x:993:990:A B:/home/sbx:/sbin/nologin
broken line
second:x:993:1::/:/bin/sh
"""
BY_NAME, BY_UID = 0, 1
NOBODY = struct.pack("=4i2I3i", 2, 0, 0, 0, 2**32 - 1, 2**32 - 1, 0, 0, 0)


@pytest.mark.parametrize(("kind", "key"), [(BY_NAME, "sbx"), (BY_UID, "993")])
def test_an_entry_is_found_by_name_and_by_uid(kind: int, key: str) -> None:
    """The numbers come first, then the texts with their lengths; of two entries of a uid, the first one counts."""
    answer = Users(PASSWD).answer(kind, key)
    numbers = struct.unpack_from("=4i2I3i", answer)
    assert numbers == (2, 1, 4, 2, 993, 990, 4, 10, 14)
    assert answer[struct.calcsize("=4i2I3i") :] == b"sbx\0x\0A B\0/home/sbx\0/sbin/nologin\0"


@pytest.mark.parametrize(
    ("kind", "key"), [(BY_NAME, "nobody"), (BY_UID, "1000"), (BY_UID, "-1"), (BY_UID, "²"), (BY_UID, ""), (BY_NAME, "")]
)
def test_who_is_not_there_is_not_found(kind: int, key: str) -> None:
    """A certain no, which keeps the C library from asking elsewhere."""
    assert Users(PASSWD).answer(kind, key) == NOBODY


def test_a_name_that_is_no_text_is_kept() -> None:
    """Bytes that aren't UTF-8 come back as they were."""
    users = Users(b"caf\xe9:x:5:5::/:/bin/sh".decode("utf-8", "surrogateescape"))
    assert users.answer(BY_UID, "5").endswith(b"caf\xe9\0x\0\0/\0/bin/sh\0")
