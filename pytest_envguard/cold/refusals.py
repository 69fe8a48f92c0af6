"""What native code and other programs were refused, beside what Python's own calls tell of themselves."""

from __future__ import annotations

import errno
from collections.abc import Iterable
from typing import TYPE_CHECKING

from pytest_envguard.blame import author, frames, plain_name, shortened
from pytest_envguard.model.noise import is_noise
from pytest_envguard.model.refusal import Refusal, grouped

if TYPE_CHECKING:
    from pytest_envguard.seccomp.ledger import Entry


def merged(told: tuple[Refusal, ...], entries: Iterable[Entry]) -> tuple[Refusal, ...]:
    """Return what the interpreter has told of, and of the ledger's ``entries`` those that it could not know.

    Both see a call of Python's own: the same line, and the same errno.
    """
    known = {(refusal.place, refusal.error) for refusal in told}
    names = {refusal.place for refusal in told if refusal.error.startswith("EAI_")}
    found = []
    for _, call, target, number, words, text in entries:
        library, place = author(tuple(frames(text)), "")
        error = errno.errorcode.get(number, str(number))
        asks_a_name = target.endswith(":53") and place in names
        if is_noise(target) or asks_a_name or (place, error) in known:
            continue
        process = "" if place else shortened(words)
        found.append(Refusal(plain_name(call), target, error, library, place, process=process))
    return (*told, *grouped(found))
