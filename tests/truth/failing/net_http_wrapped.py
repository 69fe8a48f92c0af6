# case: net_http_wrapped
# packages: requests, httpx, urllib3
# shows: a project's own client for a service outside; what it raises hides the network error more or less
# env: REQUESTS_CA_BUNDLE=/etc/ssl/certs/ca-certificates.crt SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
# conditions: offline docker
# cause.test_raise_from: library=requests|urllib3|- dimension=network
# cause.test_raise_from_none: library=requests|urllib3|- dimension=network
# cause.test_bare_raise: library=httpx|httpcore|- dimension=network
# cause.test_swallowed: library=requests|urllib3|- dimension=network
# cause.test_status_none: library=-|urllib dimension=network
# cause.test_session_with_retries: library=requests|urllib3 dimension=network
# cause.test_pytest_fail: library=httpx|httpcore|- dimension=network
# cause.test_http_client: library=-|http dimension=network
import http.client
import urllib.error
import urllib.request

import httpx
import pytest
import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

URL = "https://pypi.org/simple/six/"


class CatalogError(Exception):
    pass


def catalog():
    try:
        return requests.get(URL, timeout=5).text
    except requests.RequestException:
        return None


def status():
    try:
        with urllib.request.urlopen(URL, timeout=5) as answer:
            return answer.status
    except urllib.error.URLError:
        return None


def test_raise_from():
    try:
        requests.get(URL, timeout=5)
    except requests.RequestException as error:
        raise CatalogError("the catalog is not available") from error


def test_raise_from_none():
    try:
        requests.get(URL, timeout=5)
    except requests.RequestException:
        raise CatalogError("the catalog is not available") from None


def test_bare_raise():
    try:
        httpx.get(URL, timeout=5)
    except httpx.HTTPError:
        raise CatalogError("could not start")


def test_swallowed():
    page = catalog()
    assert "six" in (page or "")


def test_status_none():
    assert status() == 200


def test_session_with_retries():
    session = requests.Session()
    session.mount("https://", HTTPAdapter(max_retries=Retry(total=2, backoff_factor=0.05)))
    assert session.get(URL, timeout=5).ok


def test_pytest_fail():
    try:
        httpx.get(URL, timeout=5)
    except httpx.TransportError as error:
        pytest.fail(f"service unavailable: {error}")


def test_http_client():
    connection = http.client.HTTPConnection("pypi.org", timeout=5)
    connection.request("GET", "/")
    assert connection.getresponse().status < 500
