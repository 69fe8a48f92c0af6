# case: tok_hub_download
# packages: huggingface-hub
# shows: a file of a model from a hub on loopback goes into the cache of the home folder
# env: HF_HUB_DISABLE_TELEMETRY=1 HF_HUB_DISABLE_XET=1
# conditions: roroot nohome openshift lambda lambdapw docker
# cause.test_download: library=huggingface-hub dimension=root|home|user|uid remedy=roroot,openshift,lambda,lambdapw,docker
# cause.test_snapshot: library=huggingface-hub dimension=root|home|user|uid remedy=roroot,openshift,lambda,lambdapw,docker
# cause.test_download: in=nohome library=huggingface-hub|python|pathlib dimension=root|home|user|uid remedy=nohome
# cause.test_snapshot: in=nohome library=huggingface-hub|python|pathlib dimension=root|home|user|uid remedy=nohome
# cause.test_download_beside_project: library=huggingface-hub|- dimension=root|home|user|uid
import http.server
import json
import os
import threading

import pytest
from huggingface_hub import hf_hub_download, snapshot_download

COMMIT = "5" * 40
BODY = b'{"model_type": "tiny"}'


@pytest.fixture(scope="module")
def endpoint():
    class Handler(http.server.BaseHTTPRequestHandler):
        def answer(self, body, kind="application/json"):
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("X-Repo-Commit", COMMIT)
            self.send_header("ETag", '"' + "a" * 40 + '"')
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        def do_GET(self):
            if "/resolve/" in self.path:
                return self.answer(BODY)
            files = [
                {"type": "file", "path": "config.json", "rfilename": "config.json", "size": len(BODY), "oid": "a" * 40}
            ]
            if "/tree/" in self.path:
                return self.answer(json.dumps(files).encode())
            self.answer(json.dumps({"id": "acme/tiny", "sha": COMMIT, "siblings": files}).encode())

        do_HEAD = do_GET

        def log_message(self, *args):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()


def test_download(endpoint):
    path = hf_hub_download("acme/tiny", "config.json", endpoint=endpoint)
    assert open(path, "rb").read() == BODY


def test_snapshot(endpoint):
    folder = snapshot_download("acme/tiny", endpoint=endpoint)
    assert os.listdir(folder) == ["config.json"]


def test_download_beside_project(endpoint):
    hf_hub_download("acme/tiny", "config.json", endpoint=endpoint, local_dir="models")


def test_download_to_tmp(endpoint, tmp_path):
    hf_hub_download("acme/tiny", "config.json", endpoint=endpoint, cache_dir=tmp_path)
