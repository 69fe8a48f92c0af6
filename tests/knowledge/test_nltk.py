"""nltk: data in the home, and downloads whose failure is only printed."""

from __future__ import annotations

from typing import Any

import pytest

from tests.knowledge.conftest import KnowledgeRun, explained, heavy, not_explained, refused, rules

PACKAGES = ["nltk==3.10.4"]
FORMER = ["nltk==3.8.1"]

PROFILES = """
[tool.pytest.ini_options]
[tool.envguard.profiles.nobody]
home = "unset"
user = ""
uid = 10001
gid = 10001
tmp = "private"
"""

SOURCE = """
import pytest


def test_import():
    import nltk


def test_find():
    import nltk

    nltk.data.find("corpora/letters")


def test_download():
    import nltk

    assert nltk.download("letters") is False


def test_download_and_use():
    import nltk

    nltk.download("numbers")
    nltk.data.find("corpora/numbers")


def test_find_what_is_nowhere():
    import nltk

    nltk.data.find("corpora/numbers")
"""
FILES = {"pyproject.toml": PROFILES, "~/nltk_data/corpora/letters/a.txt": "a b"}


@pytest.fixture(scope="module")
def facts(knowledge_run: KnowledgeRun) -> dict[str, Any]:
    """Data in the home of the host's user."""
    return knowledge_run(PACKAGES, SOURCE, "--envguard=lambda,offline,nobody", files=FILES)


def test_import_without_a_home(facts: dict[str, Any], knowledge_run: KnowledgeRun) -> None:
    """It already fails at import; NLTK_DATA spares the question if its folder exists and can be written."""
    assert "Could not find a default download directory" in facts["messages"]["nobody"]["test_import"]
    explained(facts, "nobody", "test_import", "nltk/no-home")

    options = ("--envguard=nobody", "-k", "test_import")
    assert knowledge_run(PACKAGES, SOURCE, *options, files=FILES, env={"NLTK_DATA": "/tmp"})["code"] == 0


def test_data_in_the_home(facts: dict[str, Any], knowledge_run: KnowledgeRun) -> None:
    """It's there, but the home is another one; NLTK_DATA names it."""
    assert facts["outcomes"]["offline"]["test_find"] == "passed"
    assert facts["outcomes"]["lambda"]["test_find"] == "failed"
    explained(facts, "lambda", "test_find", "nltk/data-in-home")
    not_explained(facts, "lambda", "test_find", "nltk/no-home")
    not_explained(facts, "lambda", "test_find", "nltk/download-in-home")

    files = {"pyproject.toml": PROFILES, "baked/corpora/letters/a.txt": "a b"}
    options = ("--envguard=lambda,nobody", "-k", "test_find and not nowhere")
    remedied = knowledge_run(PACKAGES, SOURCE, *options, files=files, env={"NLTK_DATA": "baked"})
    assert remedied["outcomes"]["lambda"]["test_find"] == "passed"


def test_download_without_a_network(facts: dict[str, Any]) -> None:
    """It returns False; what is missing because of it is not found."""
    assert facts["outcomes"]["offline"]["test_download"] == "passed"
    assert {one[1:] for one in refused(facts, "offline", "test_download")} == {
        ("raw.githubusercontent.com", "ENETUNREACH", "nltk")
    }
    explained(facts, "offline", "test_download_and_use", "nltk/download-without-network")


def test_data_that_nobody_downloads(facts: dict[str, Any]) -> None:
    """Data that is missing without anybody having asked for it isn't missing because of the network."""
    assert facts["outcomes"]["offline"]["test_find_what_is_nowhere"] == "failed"
    not_explained(facts, "offline", "test_find_what_is_nowhere", "nltk/download-without-network")
    not_explained(facts, "offline", "test_find_what_is_nowhere", "nltk/download-lost")


def test_silent_download(knowledge_run: KnowledgeRun) -> None:
    """Where nothing is missing, nobody hears of it."""
    found = knowledge_run(PACKAGES, SOURCE, "--envguard=offline", "-k", "test_download and not use", files=FILES)
    assert rules(found, "offline", "test_download") == ["nltk/download-lost"]


@heavy
def test_download_in_the_home(knowledge_run: KnowledgeRun) -> None:
    """Up to 3.9 that its folder can't be made is an error; later ones refuse to ask the loopback interface."""
    source = """
        import hashlib, http.server, io, threading, zipfile

        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr("letters/a.txt", "a b")
        DATA = buffer.getvalue()
        INDEX = '''<?xml version="1.0"?><nltk_data><packages><package id="letters" name="Letters" subdir="corpora"
            size="%d" unzipped_size="3" checksum="%s" unzip="1" url="%s/letters.zip"/></packages><collections/></nltk_data>'''

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                index = INDEX % (len(DATA), hashlib.md5(DATA).hexdigest(), URL)
                body = index.encode() if self.path.endswith(".xml") else DATA
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        URL = f"http://127.0.0.1:{server.server_address[1]}"

        def test_it():
            from nltk.downloader import Downloader
            assert Downloader(server_index_url=f"{URL}/index.xml").download("letters") is True
    """
    found = knowledge_run(FORMER, source, "--envguard=lambda")
    assert "'/home/sbx_user1051'" in found["messages"]["lambda"]["test_it"]
    explained(found, "lambda", "test_it", "nltk/download-in-home")
    assert knowledge_run(FORMER, source, "--envguard=lambda", env={"NLTK_DATA": "/tmp"})["code"] == 0
