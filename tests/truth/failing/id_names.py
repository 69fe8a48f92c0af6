# case: id_names
# packages: stdlib
# shows: who am I, and who owns that: names of users and groups, in Python and in children
# conditions: nohome openshift lambdapw docker
# cause.test_environ_user: library=- dimension=user|uid|env|home|env_unset remedy=nohome,lambdapw
# cause.test_expandvars: library=- dimension=home|user|uid|env remedy=nohome,lambdapw
# cause.test_whoami: library=- dimension=user|uid
# cause.test_id: library=- dimension=user|uid
# cause.test_wrapped_getuser: library=- dimension=user|uid remedy=nohome,openshift,docker
# cause.test_default_user: library=- dimension=user|uid remedy=nohome,openshift,docker
# cause.test_root: library=- dimension=uid|user
# cause.test_ssh: library=- dimension=user|uid
# cause.test_owner_of_own_file: library=- dimension=user|uid
import getpass
import os
import pathlib
import subprocess


def test_environ_user():
    assert os.environ.get("USER", os.environ.get("HOME"))


def test_expandvars():
    assert not os.path.expandvars("$HOME/.netrc").startswith("$")


def test_whoami():
    assert subprocess.check_output(["whoami"], stderr=subprocess.PIPE).strip()


def test_id():
    subprocess.run(["id", "-un"], check=True, capture_output=True)


def test_wrapped_getuser():
    try:
        author = getpass.getuser()
    except (KeyError, OSError):
        raise ValueError("no author for the commit")
    assert author


def test_default_user():
    try:
        name = getpass.getuser()
    except (KeyError, OSError):
        name = ""
    assert name, "reports need an author"


def test_root():
    assert os.getuid() == 0


def test_ssh():
    subprocess.run(["ssh", "-G", "localhost"], check=True, capture_output=True, text=True)


def test_owner_of_own_file(tmp_path):
    path = tmp_path / "mine"
    path.touch()
    assert pathlib.Path(path).owner()


def test_number():
    assert os.getuid() >= 0
