"""Hostile streams as a test has them: in every environment, and read by the clients that people use."""

from __future__ import annotations

import subprocess
from pathlib import Path
from textwrap import dedent

from tests.knowledge.conftest import interpreter

from .conftest import Result, Run, plain_environment, run_where_forbidden, write

CLIENTS = ("boto3==1.44.5", "httpx-sse==0.4.3", "openai==2.54.0")
OLD_CLIENT = ("httpx==0.28.1", "httpx-sse==0.4.1")
READ = """
    import http.client, json

    def said(served):
        connection = http.client.HTTPConnection(served.base_url.removeprefix("http://"))
        connection.request("GET", "/")
        return "".join(json.loads(line)["text"] for line in connection.getresponse().read().split(b"\\n") if line)
"""


def run_with(packages: tuple[str, ...], folder: Path, source: str) -> Result:
    """Run tests in a virtual environment that has some clients."""
    (folder / "test_it.py").write_text(dedent(source))
    (folder / "pytest.ini").write_text("[pytest]\n")
    words = [str(interpreter(packages)), "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    keys = {"AWS_ACCESS_KEY_ID": "none", "AWS_SECRET_ACCESS_KEY": "none", "AWS_DEFAULT_REGION": "us-east-1"}
    env = {name: value for name, value in plain_environment().items() if not name.lower().endswith("_proxy")}
    done = subprocess.run(
        words, cwd=folder, env={**env, **keys, "HOME": str(folder)}, capture_output=True, text=True, timeout=120
    )
    return Result(done)


# -- where it runs -----------------------------------------------------------------------------------------------------


def test_a_stream_is_read_in_every_environment(project: Path, run: Run) -> None:
    """Whatever happens to packets elsewhere, loopback works: as a run's environment and as a test's own."""
    write(
        project,
        dedent(READ)
        + dedent("""
        def test_run(envguard_stream):
            served = envguard_stream.json_lines()
            assert said(served) == served.text

        @pytest.mark.envguard("lambda+offline-drop")
        def test_marked(envguard_stream, envguard_environment):
            served = envguard_stream.json_lines()
            assert (said(served), envguard_environment) == (served.text, "lambda+offline-drop")
        """),
    )
    found = run("--envguard=lambda,offline-drop,offline-refuse", "-k", "test_run", "--envguard-baseline=never")
    found.check(0, "3 passed")
    run("-k", "test_marked").check(0, "1 passed")


def test_a_stream_is_read_where_namespaces_are_forbidden(project: Path) -> None:
    """There the network is cut at the system call, and loopback isn't."""
    source = """
        def test_run(envguard_stream):
            served = envguard_stream.json_lines()
            assert said(served) == served.text
            with pytest.raises(OSError, match="unreachable"):
                socket.create_connection(("192.0.2.1", 443), 5)
    """
    write(project, dedent(READ) + dedent(source))
    run_where_forbidden(project, "docker", "--envguard=offline", "--envguard-baseline=never").check(0, "1 passed")


def test_a_mistake_has_no_traceback_of_the_plugins(project: Path, run: Run) -> None:
    """The line of the test, what is wrong, and what to do."""
    write(
        project,
        """
def test_cut(envguard_stream):
    envguard_stream.sagemaker(["长江"])

def test_split(every_split):
    every_split("长江".encode()).check(lambda parts: [part.decode() for part in parts])
""",
    )
    found = run()
    found.check(1, "2 failed")
    assert "test_it.py:5: EnvguardError" in found.out
    assert "nothing is cut: the largest of 1 writes has" in found.out
    assert "hint: `cut=" in found.out
    assert "5 of 5 split points tried" in found.out
    assert "pytest_envguard/streams" not in found.out


# -- who reads it ------------------------------------------------------------------------------------------------------


def test_botocore_reads_the_frames_at_every_split(tmp_path: Path) -> None:
    """Its own decoder of AWS's event stream, checksums and all; the parts and the text are what was sent."""
    found = run_with(
        CLIENTS,
        tmp_path,
        """
        import pytest
        from botocore.eventstream import ChecksumMismatch, EventStreamBuffer

        def payloads(parts):
            buffer, found = EventStreamBuffer(), []
            for part in parts:
                buffer.add_data(part)
                found += [event.payload for event in buffer]
            return found

        def test_every_split(envguard_stream, every_split):
            served = envguard_stream.sagemaker(["长江" * 60, "黄河"], cut=100)
            assert str(every_split(served.body, most=3000).check(payloads, list(served.parts)))

        def test_a_byte_that_changes_is_noticed(envguard_stream):
            body = bytearray(envguard_stream.sagemaker().body)
            body[5000] ^= 1
            with pytest.raises(ChecksumMismatch):
                payloads([bytes(body)])
        """,
    )
    found.check(0, "2 passed")


def test_boto3_invokes_the_endpoint(tmp_path: Path) -> None:
    """By its variable, with the request signed; a break in the stream is its own exception."""
    found = run_with(
        CLIENTS,
        tmp_path,
        """
        import boto3, json, pytest
        from botocore.exceptions import EventStreamError

        @pytest.fixture
        def invoke(monkeypatch):
            def invoke(served):
                monkeypatch.setenv("AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME", served.base_url)
                client = boto3.client("sagemaker-runtime")
                answer = client.invoke_endpoint_with_response_stream(EndpointName="poet", Body=b"{}")
                for event in answer["Body"]:
                    yield event["PayloadPart"]["Bytes"]
            return invoke

        def test_parts(invoke, envguard_stream):
            served = envguard_stream.sagemaker()
            assert tuple(invoke(served)) == served.parts
            (asked,) = served.requests
            assert asked.path == "/endpoints/poet/invocations-response-stream"
            assert asked.headers["authorization"].startswith("AWS4-HMAC-SHA256")

        @pytest.mark.parametrize("error", ["ModelStreamError", "InternalStreamFailure"])
        def test_error(invoke, envguard_stream, error):
            served = envguard_stream.sagemaker(error=error, after=2)
            parts = invoke(served)
            assert (next(parts), next(parts)) == served.parts
            with pytest.raises(EventStreamError, match=error):
                next(parts)

        def test_truncated(invoke, envguard_stream):
            with pytest.raises(Exception, match="IncompleteRead"):
                list(invoke(envguard_stream.sagemaker(truncated=3)))
        """,
    )
    found.check(0, "4 passed")


STANDARD = """
    import json, pytest
    import httpx
    from httpx_sse import connect_sse

    @pytest.mark.parametrize("newline", ["lf", "crlf", "cr", "mixed"])
    def test_events(envguard_stream, newline):
        served = envguard_stream.sse(newline=newline, multiline=True)
        with httpx.Client(trust_env=False) as client, connect_sse(client, "POST", served.url) as source:
            assert tuple(event.data for event in source.iter_sse()) == served.events
"""


def test_httpx_sse_reads_the_events_since_it_follows_the_standard(tmp_path: Path) -> None:
    """Whatever ends a line and wherever it's cut; 0.4.1 ended lines at U+2028 (florimondmanca/httpx-sse, issue 34)."""
    run_with(CLIENTS, tmp_path, STANDARD).check(0, "4 passed")
    run_with(OLD_CLIENT, tmp_path, STANDARD).check(1, "4 failed")


def test_openais_client_reads_a_chat(tmp_path: Path) -> None:
    """Sync and async, with all that the standard allows; the text is compared."""
    found = run_with(
        CLIENTS,
        tmp_path,
        """
        import asyncio, pytest
        from openai import AsyncOpenAI, OpenAI

        ASK = {"model": "m", "messages": [], "stream": True}

        @pytest.mark.parametrize("options", [{}, {"newline": "crlf"}, {"multiline": True}, {"final_newline": False}])
        def test_text(envguard_stream, options):
            served = envguard_stream.sse(**options)
            chunks = OpenAI(base_url=served.base_url, api_key="none").chat.completions.create(**ASK)
            assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == served.text

            async def asynchronously():
                chunks = await AsyncOpenAI(base_url=served.base_url, api_key="none").chat.completions.create(**ASK)
                return "".join([chunk.choices[0].delta.content or "" async for chunk in chunks])

            assert asyncio.run(asynchronously()) == served.text
        """,
    )
    found.check(0, "4 passed")
