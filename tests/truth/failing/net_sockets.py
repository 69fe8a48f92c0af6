# case: net_sockets
# packages: stdlib
# shows: the standard library's own network: names, datagrams, mail, downloads; a machine's own address
# env: SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
# conditions: offline docker
# cause.*: library=- dimension=network
import contextlib
import ftplib
import smtplib
import socket
import urllib.request

import pytest


def own_address():
    with contextlib.closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as sock:
        sock.connect(("203.0.113.9", 80))
        return sock.getsockname()[0]


def is_online():
    try:
        socket.create_connection(("pypi.org", 443), timeout=3).close()
    except OSError:
        return False
    return True


def test_name():
    assert socket.gethostbyname("pypi.org")


def test_addresses():
    assert socket.getaddrinfo("pypi.org", 443, type=socket.SOCK_STREAM)


def test_own_address():
    assert own_address() != "127.0.0.1"


def test_datagram():
    with contextlib.closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as sock:
        assert sock.sendto(b"x:1|c", ("203.0.113.9", 8125)) == 5


def test_mail():
    with pytest.raises((smtplib.SMTPException, TimeoutError)):
        smtplib.SMTP("pypi.org", 80, timeout=2)


def test_ftp():
    with pytest.raises((ftplib.Error, EOFError, TimeoutError)):
        ftplib.FTP(timeout=2).connect("pypi.org", 80)


def test_download(tmp_path):
    urllib.request.urlretrieve("https://pypi.org/simple/six/", tmp_path / "six.html")


def test_online():
    assert is_online()


def test_address_by_number():
    sock = socket.socket()
    sock.settimeout(3)
    assert sock.connect_ex((socket.gethostbyname("pypi.org"), 443)) == 0


def test_loopback():
    server = socket.create_server(("127.0.0.1", 0))
    socket.create_connection(server.getsockname()).close()
