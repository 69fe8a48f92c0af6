# case: id_privileges
# packages: stdlib
# shows: what only root may do: other owners, low ports, raw sockets, files of root's
# conditions: nohome openshift lambdapw docker
# cause.test_shadow: library=- dimension=root|uid|user|capabilities
# cause.test_home_of_root: library=- dimension=root|uid|user|home|capabilities
# cause.test_setuid: library=- dimension=root|uid|user|capabilities
# cause.test_nice: library=- dimension=root|uid|user|capabilities
# cause.test_low_port: library=-|http dimension=root|uid|user|capabilities
# cause.test_raw_socket: library=- dimension=root|uid|user|capabilities
# cause.test_chown: library=-|shutil dimension=root|uid|user|capabilities
# cause.test_signal: library=- dimension=root|uid|user|capabilities
# cause.test_wrapped: library=-|http dimension=root|uid|user|capabilities
import http.server
import os
import shutil
import socket


def test_shadow():
    with open("/etc/shadow") as file:
        assert file.read()


def test_home_of_root():
    assert os.listdir("/root") is not None


def test_setuid():
    os.setuid(0)


def test_nice():
    os.setpriority(os.PRIO_PROCESS, 0, os.getpriority(os.PRIO_PROCESS, 0) - 1)


def test_low_port():
    http.server.HTTPServer(("127.0.0.1", 87), http.server.BaseHTTPRequestHandler).server_close()


def test_raw_socket():
    socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP).close()


def test_chown(tmp_path):
    path = tmp_path / "a"
    path.touch()
    shutil.chown(path, 65534, 65534)


def test_signal():
    os.kill(1, 0)


def test_wrapped():
    try:
        http.server.HTTPServer(("127.0.0.1", 89), http.server.BaseHTTPRequestHandler).server_close()
    except OSError as error:
        raise RuntimeError("the metrics endpoint can't be started") from error


def test_own():
    os.setuid(os.getuid())
