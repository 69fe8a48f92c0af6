# case: id_gnupg
# packages: stdlib
# shows: programs that make a folder of their own in the home folder
# conditions: roroot openshift lambdapw docker
# cause.test_gpg: library=-|gpg dimension=home|root|user|uid remedy=roroot,openshift,lambdapw,docker
# cause.test_python_history: library=-|readline dimension=home|root|user|uid remedy=roroot,openshift,lambdapw,docker
# cause.test_shell_home: library=- dimension=home|root|user|uid remedy=roroot,openshift,lambdapw,docker
import os
import readline
import subprocess


def test_gpg():
    done = subprocess.run(["gpg", "--batch", "--list-keys"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_python_history():
    readline.add_history("print(1)")
    readline.write_history_file(os.path.expanduser("~/.acme_history"))


def test_shell_home():
    subprocess.run("echo 1 > ~/.acme_last_run", shell=True, check=True, capture_output=True)


def test_gpg_version():
    assert b"GnuPG" in subprocess.check_output(["gpg", "--version"], stderr=subprocess.DEVNULL)
