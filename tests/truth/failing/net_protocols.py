# case: net_protocols
# packages: paramiko, redis
# shows: other protocols than HTTP: secure shell and redis, each against a server that speaks something else
# timeout: 60
# conditions: offline docker
# cause.test_paramiko: library=paramiko|- dimension=network
# cause.test_redis: library=redis dimension=network
# cause.test_redis_wrapped: library=redis|- dimension=network
import paramiko
import pytest
import redis


def test_paramiko():
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    with pytest.raises(paramiko.SSHException):
        client.connect("pypi.org", 80, timeout=3, banner_timeout=1)


def ping(host):
    try:
        redis.Redis(host, 80, socket_timeout=2, socket_connect_timeout=2, retry=None).ping()
    except (redis.InvalidResponse, redis.TimeoutError):
        return True
    except redis.ConnectionError as error:
        if "Protocol" in str(error) or "closed by server" in str(error):
            return True
        raise
    return True


def test_redis():
    assert ping("pypi.org")


def test_redis_wrapped():
    try:
        ping("203.0.113.80")
    except redis.ConnectionError:
        raise RuntimeError("no session store")
