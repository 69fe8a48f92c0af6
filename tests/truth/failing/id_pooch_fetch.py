# case: id_pooch_fetch
# packages: pooch, platformdirs
# shows: sample data fetched from a server on loopback into the user's cache folder
# conditions: roroot openshift lambda lambdapw container
# cause.test_retrieve: library=pooch|platformdirs dimension=root|home|user|uid remedy=all
# cause.test_registry: library=pooch|platformdirs dimension=root|home|user|uid remedy=all
# cause.test_own_folder: library=pooch|- dimension=root
import hashlib
import http.server
import threading

import pooch
import pytest

BODY = b"station,temperature\nA,3.5\n"
DIGEST = "sha256:" + hashlib.sha256(BODY).hexdigest()


@pytest.fixture(scope="module")
def url():
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Length", str(len(BODY)))
            self.end_headers()
            self.wfile.write(BODY)

        def log_message(self, *args):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/"
    server.shutdown()


def test_retrieve(url):
    path = pooch.retrieve(url + "stations.csv", known_hash=DIGEST, progressbar=False)
    assert open(path, "rb").read() == BODY


def test_registry(url):
    samples = pooch.create(
        path=pooch.os_cache("weather"), base_url=url, registry={"stations.csv": DIGEST}, env="WEATHER_DATA_DIR"
    )
    assert open(samples.fetch("stations.csv"), "rb").read() == BODY


def test_own_folder(url):
    path = pooch.retrieve(url + "stations.csv", known_hash=DIGEST, path="data")
    assert open(path, "rb").read() == BODY


def test_temporary_folder(url, tmp_path):
    assert pooch.retrieve(url + "stations.csv", known_hash=DIGEST, path=tmp_path)
