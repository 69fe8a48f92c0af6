# case: id_library_homes
# packages: scikit-learn, fsspec, uv
# shows: libraries and tools with a folder of their own in the home folder
# env: SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
# timeout: 120
# conditions: roroot openshift lambdapw docker
# cause.test_sklearn: library=scikit-learn|sklearn dimension=root|home|user|uid remedy=all
# cause.test_fsspec: library=fsspec|- dimension=root|home|user|uid remedy=all
# cause.test_uv: library=-|uv dimension=root|home|user|uid remedy=all
# cause.test_uv_wrapped: library=-|uv dimension=root|home|user|uid remedy=all
import os
import subprocess
import sys

import fsspec
import pytest
from sklearn.datasets import get_data_home

UV = os.path.join(os.path.dirname(sys.executable), "uv")


def test_sklearn():
    assert os.path.isdir(get_data_home())


def test_fsspec(tmp_path):
    (tmp_path / "a.txt").write_text("a")
    cached = fsspec.filesystem(
        "filecache", target_protocol="file", cache_storage=os.path.expanduser("~/.cache/acme-files")
    )
    with cached.open(str(tmp_path / "a.txt")) as file:
        assert file.read() == b"a"


def test_uv(tmp_path):
    subprocess.run([UV, "venv", "-q", "--python", sys.executable, str(tmp_path / "v")], check=True, capture_output=True)


def test_uv_wrapped(tmp_path):
    done = subprocess.run([UV, "cache", "clean", "nothing"], capture_output=True, text=True)
    if done.returncode:
        pytest.fail(f"uv: {done.stderr.strip()}")
