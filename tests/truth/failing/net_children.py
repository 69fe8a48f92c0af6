# case: net_children
# packages: pip, uv
# shows: child processes that need the network, with and without a look at how they ended
# env: SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt PIP_CERT=/etc/ssl/certs/ca-certificates.crt PIP_CONFIG_FILE=/dev/null
# timeout: 120
# conditions: offline docker
# cause.test_curl: library=-|curl dimension=network
# cause.test_curl_text: library=-|curl dimension=network
# cause.test_pip_download: library=pip|- dimension=network
# cause.test_child_python: library=- dimension=network
# cause.test_git_remote: library=-|git dimension=network
import subprocess
import sys

URL = "https://pypi.org/simple/six/"


def test_curl():
    subprocess.run(["curl", "-fsS", "-m", "10", URL], check=True, capture_output=True)


def test_curl_text():
    done = subprocess.run(["curl", "-s", "-m", "10", URL], capture_output=True, text=True)
    assert "six" in done.stdout


def test_pip_download(tmp_path):
    command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--retries", "0", "-d", str(tmp_path)]
    done = subprocess.run(
        [*command, "--index-url", "https://pypi.org/simple", "six==1.17.0"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_child_python():
    code = "import urllib.request as r; print(r.urlopen('https://pypi.org/simple/six/', timeout=10).status)"
    assert subprocess.check_output([sys.executable, "-c", code], stderr=subprocess.PIPE).strip() == b"200"


def test_git_remote():
    done = subprocess.run(["git", "ls-remote", "https://pypi.org/simple/six/"], capture_output=True, text=True)
    assert "Could not resolve host" not in done.stderr
