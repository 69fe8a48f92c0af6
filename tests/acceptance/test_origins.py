"""Hosts that are served from folders: whole runs, as a user starts them, with clients of the standard library and curl."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.processes import carrying

from .conftest import Run, plain_environment, run_where_forbidden, start, write

BLOBS = "openaipublic.blob.core.windows.net"
HELPERS = f"""
import json, ssl, urllib.error, urllib.request

BLOBS = "{BLOBS}"

def get(path, host=BLOBS, **headers):
    request = urllib.request.Request(f"https://{{host}}/{{path}}", headers=headers)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return answer.read()
"""


@pytest.fixture
def served(project: Path) -> Path:
    """A project with a folder of blobs and a folder of repositories."""
    (project / "blobs" / "encodings").mkdir(parents=True)
    (project / "blobs" / "encodings" / "x.tiktoken").write_text("IQ== 0\n")
    (project / "blobs" / "large.bin").write_bytes(bytes(range(256)) * 1000)
    (project / "models" / "acme" / "tiny").mkdir(parents=True)
    (project / "models" / "acme" / "tiny" / "config.json").write_text('{"model_type": "tiny"}')
    (project / "models" / "acme" / "tiny" / "model.safetensors").write_bytes(b"weights")
    return project


def in_toml(project: Path, origins: str, rest: str = "") -> None:
    """Write a profile `mine` with these origins."""
    (project / "pytest.ini").unlink()
    text = f'[tool.pytest.ini_options]\n[tool.envguard.profiles.mine]\ninherits = "lambda"\norigins = {origins}\n{rest}'
    (project / "pyproject.toml").write_text(text)


ALL = f'{{ "{BLOBS}" = "blobs", "huggingface.co" = "models" }}'


def test_a_suite_downloads_in_an_environment_what_its_folders_have(served: Path, run: Run) -> None:
    """The header says what is served; names, certificates and files are right; nothing else can be reached."""
    in_toml(served, ALL)
    write(
        served,
        HELPERS
        + """
def test_blob():
    assert get("encodings/x.tiktoken") == b"IQ== 0\\n"

def test_hub():
    assert json.loads(get("acme/tiny/resolve/main/config.json", "huggingface.co")) == {"model_type": "tiny"}
    assert get("acme/tiny/resolve/main/model.safetensors", "huggingface.co") == b"weights"  # by way of another host

def test_curl():
    words = ["curl", "-sSfL", f"http://{BLOBS}/encodings/x.tiktoken"]
    assert subprocess.run(words, capture_output=True).stdout == b"IQ== 0\\n"

def test_nothing_else():
    with pytest.raises(OSError) as refused:
        socket.create_connection(("192.0.2.1", 443))
    assert refused.value.errno == errno.ENETUNREACH
    with pytest.raises(socket.gaierror) as unknown:
        socket.getaddrinfo("example.com", 443)
    assert unknown.value.errno == socket.EAI_AGAIN

def test_no_process_of_ours_is_seen():
    shown = [pathlib.Path(f"/proc/{name}/cmdline").read_bytes() for name in os.listdir("/proc") if name.isdigit()]
    assert len(shown) <= 3, shown  # init, this process, and perhaps the resource tracker
""",
    )
    result = run("--envguard=mine", "--envguard-baseline=never")
    result.check(0, "5 passed")
    words = " ".join(result.out.split())
    assert (
        f"network: only {BLOBS} (from blobs) and huggingface.co (hub, from models), no other network (ENETUNREACH)"
        in words
    )


@pytest.mark.parametrize("profile", ["offline", "container", "openshift"])
def test_it_works_in_other_environments(served: Path, run: Run, profile: str) -> None:
    """Whoever the process is and whatever is writable: the names lead to the server, which is trusted."""
    write(served, HELPERS + "def test_it():\n    assert get('encodings/x.tiktoken') == b'IQ== 0\\n'")
    run(f"--envguard={profile}:origins={BLOBS}=blobs", "--envguard-baseline=never").check(0, "1 passed")


@pytest.mark.parametrize("mode", ["none", "drop", "refuse", "nxdomain"])
def test_the_rest_of_the_network_is_as_the_profile_says(served: Path, run: Run, mode: str) -> None:
    """The served names are known by DNS too, with no IPv6 address; other ones fail as they do without origins."""
    numbers = {"none": "EAI_AGAIN", "refuse": "EAI_AGAIN", "nxdomain": "EAI_NONAME"}
    other = f"""
def test_other_names():
    with pytest.raises(socket.gaierror) as unknown:
        socket.getaddrinfo("example.com", 443)
    assert unknown.value.errno == socket.{numbers[mode]}
""" if mode in numbers else ""  # fmt: skip
    write(
        served,
        HELPERS
        + """
def test_names():
    assert get("encodings/x.tiktoken") == b"IQ== 0\\n"
    began = time.monotonic()
    with pytest.raises(socket.gaierror) as none:
        socket.getaddrinfo(BLOBS, 443, socket.AF_INET6)
    assert none.value.errno == socket.EAI_NODATA and time.monotonic() - began < 2

def test_dns():
    question = b"\\x12\\x34\\1\\0\\0\\1\\0\\0\\0\\0\\0\\0" + b"".join(
        bytes([len(label)]) + label.encode() for label in BLOBS.split(".")
    ) + b"\\0\\0\\1\\0\\1"
    with socket.socket(type=socket.SOCK_DGRAM) as client:
        client.settimeout(5)
        client.sendto(question, ("127.0.0.53", 53))
        assert client.recv(512).endswith(bytes([127, 71, 0, 1]))
"""
        + other,
    )
    count = 3 if other else 2
    result = run(f"--envguard=host:network={mode}:origins={BLOBS}=blobs", "--envguard-baseline=never")
    result.check(0, f"{count} passed")


def test_a_test_s_own_environment(served: Path, run: Run) -> None:
    """The marker takes the table, forked or with an interpreter of its own; each environment has a server of its own."""
    write(
        served,
        HELPERS
        + """
HOSTS = {BLOBS: "blobs; status=503:1", "huggingface.co": {"folder": "models"}}

def fails_once():
    with pytest.raises(urllib.error.HTTPError) as failed:
        get("encodings/x.tiktoken")
    assert failed.value.code == 503 and failed.value.headers["Retry-After"] == "1"
    assert get("encodings/x.tiktoken") == b"IQ== 0\\n"

@pytest.mark.envguard("lambda", "container", origins=HOSTS)
def test_forked():
    fails_once()

@pytest.mark.envguard("lambda", origins=HOSTS)
def test_forked_again():
    fails_once()

@pytest.mark.envguard("lambda", origins=HOSTS, fresh=True)
def test_fresh():
    fails_once()

def test_outside():
    assert "PYTEST_ENVGUARD_ORIGINS" not in os.environ
""",
    )
    run().check(0, "5 passed")


def test_cold_starts(served: Path, run: Run) -> None:
    """Code in a fresh interpreter downloads too, in an environment of its own and in the test's; in there nested ones too."""
    write(
        served,
        HELPERS
        + f"""
CODE = "import urllib.request; print(urllib.request.urlopen('https://{BLOBS}/encodings/x.tiktoken').read())"

def test_own(cold_start):
    started = cold_start(CODE, profile="lambda", origins={{BLOBS: "blobs"}}).check()
    assert started.output == "b'IQ== 0\\\\n'\\n"

@pytest.mark.envguard("lambda", origins={{BLOBS: "blobs"}})
def test_inherited(cold_start, envguard_origins):
    assert cold_start(CODE).check().output == "b'IQ== 0\\\\n'\\n"
    assert cold_start(CODE, profile="lambda", memory="512M").check().output == "b'IQ== 0\\\\n'\\n"
    assert [served.path for served in envguard_origins.requests] == ["/encodings/x.tiktoken"] * 2
""",
    )
    run().check(0, "2 passed")


def test_environments_within_an_environment(served: Path, run: Run) -> None:
    """A marker in a run with origins sees the same server; one with a host more gets a server of its own, for both."""
    in_toml(served, f'{{ "{BLOBS}" = "blobs" }}')
    write(
        served,
        HELPERS
        + """
@pytest.mark.envguard("offline", tmp_size="1M", tmp="private")
def test_same():
    assert get("encodings/x.tiktoken") == b"IQ== 0\\n"

@pytest.mark.envguard("offline", origins={"example.org": "models"})
def test_more():
    assert get("encodings/x.tiktoken") == b"IQ== 0\\n"
    assert get("acme/tiny/config.json", "example.org") == b'{"model_type": "tiny"}'
""",
    )
    run("--envguard=mine", "--envguard-baseline=never").check(0, "2 passed")


def test_single_process_options(served: Path, run: Run) -> None:
    """With `-s` pytest itself runs inside."""
    in_toml(served, ALL)
    write(served, HELPERS + "def test_it():\n    assert get('encodings/x.tiktoken') == b'IQ== 0\\n'")
    run("--envguard=mine", "-s").check(0, "1 passed")


# -- the fixture -------------------------------------------------------------------------------------------------------


def test_requests_are_listed_and_faults_are_asked_for(served: Path, run: Run) -> None:
    """Each test sees its own requests in their order, and what it breaks is whole again for the next one."""
    in_toml(served, ALL)
    write(
        served,
        HELPERS
        + """
import http.client

def test_requests(envguard_origins):
    get("encodings/x.tiktoken")
    with pytest.raises(urllib.error.HTTPError):
        get("nothing?really", "huggingface.co")
    first, second = envguard_origins.requests
    assert first == ("GET", BLOBS, "/encodings/x.tiktoken", 200, 7)
    assert (second.host, second.path, second.status) == ("huggingface.co", "/nothing?really", 404)
    assert envguard_origins.url(BLOBS) == f"https://{BLOBS}"

def test_status(envguard_origins):
    envguard_origins.fault(BLOBS, "status=429:2")
    for _ in range(2):
        with pytest.raises(urllib.error.HTTPError, match="429"):
            get("large.bin")
    assert len(get("large.bin")) == 256_000
    assert [served.status for served in envguard_origins.requests] == [429, 429, 200]

def test_left_whole():
    assert len(get("large.bin")) == 256_000

def test_cut(envguard_origins):
    envguard_origins.fault(BLOBS, "cut=1000")
    with pytest.raises(http.client.IncompleteRead) as cut:
        get("large.bin")
    assert (len(cut.value.partial), cut.value.expected) == (1000, 255_000)
    assert envguard_origins.requests[0].bytes == 1000
    envguard_origins.clear()
    assert len(get("large.bin")) == 256_000

def test_corrupt_for_some_paths(envguard_origins):
    envguard_origins.fault(BLOBS, "corrupt", path="*.bin")
    whole = bytes(range(256)) * 1000
    assert sum(a != b for a, b in zip(get("large.bin"), whole, strict=True)) == 1
    assert get("encodings/x.tiktoken") == b"IQ== 0\\n"

def test_left_whole_again():
    assert get("large.bin") == bytes(range(256)) * 1000

def test_reset_and_delay(envguard_origins):
    envguard_origins.fault(BLOBS, "reset:1")
    with pytest.raises(ConnectionResetError):
        get("large.bin")
    envguard_origins.fault(BLOBS, "delay=0.3:1")
    began = time.monotonic()
    get("large.bin")
    assert 0.3 <= time.monotonic() - began < 5

def test_tarpit(envguard_origins):
    envguard_origins.fault(BLOBS, "tarpit")
    with pytest.raises(TimeoutError):
        urllib.request.urlopen(f"https://{BLOBS}/large.bin", timeout=0.3)
    assert envguard_origins.requests == [("GET", BLOBS, "/large.bin", 0, 0)]

def test_a_hub_s_faults_hit_its_large_files(envguard_origins):
    envguard_origins.fault("huggingface.co", "corrupt")
    assert get("acme/tiny/resolve/main/model.safetensors", "huggingface.co") != b"weights"
    assert [served.host for served in envguard_origins.requests] == ["huggingface.co", "cdn-lfs.huggingface.co"]

def test_mistakes(envguard_origins):
    with pytest.raises(Exception, match="`huggingface.com` is not served here\\\\nhint: did you mean `huggingface.co`?"):
        envguard_origins.fault("huggingface.com", "corrupt")
    with pytest.raises(Exception, match="expected a fault .did you mean `tarpit`?"):
        envguard_origins.fault(BLOBS, "tarpitt")
""",
    )
    run("--envguard=mine", "--envguard-baseline=never").check(0, "10 passed")


def test_outside_of_such_an_environment_the_fixture_says_so(served: Path, run: Run) -> None:
    """One sentence and how to do it, in an environment without origins and on the host alike."""
    write(served, "def test_it(envguard_origins):\n    pass")
    for options in ([], ["--envguard=offline", "--envguard-baseline=never"]):
        result = run(*options)
        result.check(1, "`envguard_origins` needs an environment with `origins`, and this test runs in none")
        assert "Traceback" not in result.out and "fixtures.py" not in result.out


# -- mistakes and limits -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("origins", "said"),
    [
        ('{ "example.org" = "nowhere" }', "/nowhere, from which example.org is to be served, does not exist"),
        (
            '{ "example.org" = "pyproject.toml" }',
            "/pyproject.toml, from which example.org is to be served, is no folder",
        ),
        ("{}", "`origins`: expected a table of hosts, each with its folder"),
        ('{ "example.org:8443" = "blobs" }', "has a port"),
        ('{ "*.example.org" = "blobs" }', "is a pattern"),
        ('{ example.org = "blobs" }', "names with dots need quotes"),
        ('{ "example.org" = "blobs; stauts=503" }', "did you mean `status`?"),
    ],
)
def test_mistakes_in_a_profile(served: Path, run: Run, origins: str, said: str) -> None:
    """A usage error that names file and profile, before any test."""
    in_toml(served, origins)
    write(served, "def test_it():\n    pass")
    result = run("--envguard=mine")
    assert result.code == 4 and said in " ".join(result.err.split()), result
    assert "Traceback" not in result.err


def test_a_marker_s_mistake_is_found_before_the_first_test(served: Path, run: Run) -> None:
    """A folder that isn't there is a usage error too."""
    write(
        served,
        """
@pytest.mark.envguard("lambda", origins={"example.org": "nowhere"})
def test_it():
    pass
""",
    )
    result = run()
    assert result.code == 4, result
    assert (
        "test_it.py::test_it: profile `lambda:origins=…`: `origins`:" in result.err and "does not exist" in result.err
    )


@pytest.mark.parametrize("fidelity", [[], ["--envguard-fidelity=python"]])
def test_where_no_network_can_be_had_it_is_refused(served: Path, fidelity: list[str]) -> None:
    """No namespace, no server in the network's place: never a run without it."""
    write(served, "def test_it():\n    pass")
    result = run_where_forbidden(served, "docker", f"--envguard=offline:origins={BLOBS}=blobs", *fidelity)
    assert result.code == 4, result
    assert "origins" in result.err and "passed" not in result.out


def test_without_trustme(served: Path, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One sentence with the command that mends it."""
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules" / "trustme.py").write_text("raise ImportError('No module named trustme')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "modules"))
    write(served, "def test_it():\n    pass")
    result = run(f"--envguard=offline:origins={BLOBS}=blobs")
    assert result.code == 4, result
    assert "`origins` needs `trustme`" in result.err and "pip install 'pytest-envguard[origins]'" in result.err


# -- the command -------------------------------------------------------------------------------------------------------


def envguard(project: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the command in the project."""
    command = [sys.executable, "-m", "pytest_envguard", *words]
    return subprocess.run(command, cwd=project, env=plain_environment(), capture_output=True, text=True, timeout=60)


def test_envguard_run(served: Path) -> None:
    """Any program downloads; the folder is found from the project, where the command runs."""
    profile = f"lambda:origins={BLOBS}=blobs"
    done = envguard(served, "run", "-q", profile, "--", "curl", "-sSf", f"https://{BLOBS}/encodings/x.tiktoken")
    assert (done.returncode, done.stdout) == (0, "IQ== 0\n"), done


def test_the_machine_s_certificates_stay_as_they_were(served: Path) -> None:
    """What trusts the server is there in the environment only."""
    bundle = Path("/etc/ssl/certs/ca-certificates.crt")
    before = bundle.read_bytes() if bundle.exists() else b""
    code = "import sys; print(open('/etc/hosts').read().count('127.71.'))"
    done = envguard(served, "run", "-q", f"offline:origins={BLOBS}=blobs", "--", sys.executable, "-c", code)
    assert done.stdout.strip() == "1", done
    assert (bundle.read_bytes() if bundle.exists() else b"") == before
    assert "127.71." not in Path("/etc/hosts").read_text()


def test_a_user_s_own_bundle_is_kept_and_covered(served: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable of the user's stays as it is; the file that it names has its own certificates and one more."""
    own = tmp_path / "own.pem"
    own.write_text("# mine\n")
    own.chmod(0o644)
    monkeypatch.setenv("SSL_CERT_FILE", str(own))
    monkeypatch.setenv("HTTPS_PROXY", "http://192.0.2.9:3128")
    code = (
        "import os, urllib.request; path = os.environ['SSL_CERT_FILE']; print(path, open(path).readline().strip(), "
        f"urllib.request.urlopen('https://{BLOBS}/encodings/x.tiktoken').status)"
    )
    profile = f"host:network=none:origins={BLOBS}=blobs"
    done = envguard(served, "run", "-q", profile, "--", sys.executable, "-c", code)
    assert done.stdout.split() == [str(own), "#", "mine", "200"], done
    assert own.read_text() == "# mine\n"


def in_session(session: int) -> dict[int, int]:
    """Return the processes of a session, with the process group of each; zombies are no processes."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                state, _, group, belongs, *_ = (entry / "stat").read_text().rpartition(") ")[2].split()
            except OSError:
                continue
            if int(belongs) == session and state != "Z":
                found[int(entry.name)] = int(group)
    return found


def test_nothing_is_left_after_kill(served: Path) -> None:
    """The server ends with the environment, also where nobody had time to end it."""
    sleeps = f"""
def test_it():
    subprocess.run([sys.executable, "-c", "import time; time.sleep(600)", {str(served / "sleeps")!r}])
"""
    write(served, sleeps)
    process = start(
        served, f"--envguard=lambda:origins={BLOBS}=blobs", "-p", "no:cacheprovider", start_new_session=True
    )
    end = time.monotonic() + 60
    # The server alone has a process group of its own.
    while set(in_session(process.pid).values()) <= {process.pid} or not carrying(str(served / "sleeps")):
        assert time.monotonic() < end, "the server did not start"
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    end = time.monotonic() + 20
    while left := in_session(process.pid):
        assert time.monotonic() < end, left
        time.sleep(0.05)
