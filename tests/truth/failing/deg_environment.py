# case: deg_environment
# packages: stdlib
# shows: tests that compare what the environment sets: variables, time zone, language, limits, name of the machine
# conditions: lambdapw docker
# cause.test_shell: library=- dimension=env|env_unset remedy=lambdapw,docker
# cause.test_term: library=- dimension=env|env_unset remedy=lambdapw,docker
# cause.test_language: library=- dimension=locale|env
# cause.test_zone: library=- dimension=timezone|env remedy=lambdapw
# cause.test_threads: library=- dimension=processes
# cause.test_tmpdir: library=- dimension=env|env_unset|tmp remedy=lambdapw,docker
# cause.test_shm_exists: library=- dimension=shm
# env: SHELL=/bin/sh TERM=dumb TMPDIR=/tmp TZ=Europe/Berlin
import datetime
import os
import resource


def test_shell():
    assert os.environ["SHELL"]


def test_term():
    assert os.environ.get("TERM") == "dumb"


def test_language():
    assert os.environ["LANG"] == "C.UTF-8"


def test_zone():
    assert datetime.datetime(2026, 7, 1, tzinfo=datetime.timezone.utc).astimezone().hour == 2


def test_threads():
    assert resource.getrlimit(resource.RLIMIT_NPROC)[0] in (-1,) or resource.getrlimit(resource.RLIMIT_NPROC)[0] > 1000


def test_tmpdir():
    assert os.environ["TMPDIR"] == "/tmp"


def test_shm_exists():
    assert os.path.isdir("/dev/shm")


def test_utc():
    assert datetime.datetime.now(datetime.timezone.utc).tzname() == "UTC"
