"""The post of a whole morning."""

import pytest

from letter_router import batch


@pytest.mark.parametrize("many", [batch.in_processes, batch.in_threads])
def test_desks_stand_in_the_order_of_the_letters(many, letters):
    """Letters that are worked on side by side keep their order."""
    assert many([*letters] * 5) == [*letters.values()] * 5


def test_processes_where_there_is_no_shared_memory(letters, no_shm):
    """A pool of processes makes its locks in /dev/shm."""
    assert batch.in_processes([*letters]) == [*letters.values()]


def test_threads_where_there_is_next_to_nothing(letters, no_shm, readonly_root, noexec_tmp, no_network):
    """The remedy: threads, which need no shared memory, nor anything else that a hardened host may lack."""
    assert batch.in_threads([*letters]) == [*letters.values()]
