"""The fixtures, as a test has them."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator

import pytest

from pytest_envguard.errors import EnvguardError
from pytest_envguard.streams import HARD_TEXT, sse
from pytest_envguard.streams.making import Served, Streams
from tests.unit.streams.test_eventstream import take_apart


@pytest.fixture
def streams() -> Iterator[Streams]:
    """The fixture's value."""
    made = Streams()
    yield made
    made.close()


def fetched(served: Served) -> bytes:
    """Return the body that a client gets."""
    host, _, path = served.url.removeprefix("http://").partition("/")
    connection = http.client.HTTPConnection(host)
    connection.request("POST", f"/{path}")
    body = connection.getresponse().read()
    connection.close()
    return body


def test_sagemaker_without_arguments_is_hostile(streams: Streams) -> None:
    """8 KiB a part, undecodable ones among them; the text is what its tokens say together."""
    served = streams.sagemaker()
    body = fetched(served)
    parts = [payload for _, payload in take_apart(body)]
    assert tuple(parts) == served.parts
    assert served.undecodable >= 1
    assert body == served.body
    tokens = [json.loads(line.removeprefix("data:")) for line in b"".join(parts).decode().split("\n\n") if line]
    assert "".join(token["token"]["text"] for token in tokens) == served.text == tokens[-1]["generated_text"]
    assert served.url == f"{served.base_url}/endpoints/hostile/invocations-response-stream"
    assert [asked.path for asked in served.requests] == ["/endpoints/hostile/invocations-response-stream"]


def test_sse_and_json_lines_without_arguments_are_hostile(streams: Streams) -> None:
    """Both are cut within characters, and a right reader gets the text."""
    served = streams.sse()
    assert served.undecodable > 3
    assert tuple(sse.read(fetched(served))) == served.events
    lines = streams.json_lines()
    assert lines.undecodable > 3
    assert "".join(json.loads(line)["text"] for line in fetched(lines).split(b"\n") if line) == lines.text


def test_parts_are_sent_as_they_are(streams: Streams) -> None:
    """Such as those of `every_split`."""
    served = streams.parts([b"\xe9", b"\x95\xbf"], text="长")
    assert (fetched(served), served.parts, served.text) == ("长".encode(), (b"\xe9", b"\x95\xbf"), "长")


def test_an_uncut_stream_is_there_to_compare_with(streams: Streams) -> None:
    """Nothing has to be undecodable then."""
    assert streams.sagemaker(["长江", "ascii"], cut=None).undecodable == 0
    assert len(streams.sse("ascii", cut=None).parts) == 1


def test_one_text_is_one_event(streams: Streams) -> None:
    """Not as many as it has characters."""
    assert len(streams.json_lines("长江", cut=None).body.splitlines()) == 1


@pytest.mark.parametrize(
    ("kind", "texts", "options", "says"),
    [
        ("sagemaker", ["长江"], {}, "nothing is cut: the largest of 1 writes"),
        ("sagemaker", ["ascii" * 9999], {}, "nothing but ASCII"),
        ("sagemaker", [], {}, "expected texts, one for each event, got none"),
        ("sse", [b"x"], {}, "got bytes \"b'x'\""),
        ("json_lines", ["\ud800"], {}, "can't be sent"),
        ("sagemaker", None, {"error": "ModelStreamError", "after": -1}, "`after`: expected a number of parts, got -1"),
        ("sse", None, {"truncate": 1}, "no argument is named `truncate`"),
        ("sse", None, {"truncated": -1}, "`truncated`: expected a number of parts, got -1"),
        ("sse", None, {"stalled": 1}, "`stalled` and `seconds` belong together"),
        ("sse", None, {"stalled": 1, "seconds": "5"}, "`seconds`: expected seconds, got '5'"),
        ("sse", None, {"cut": "8192"}, "expected a number of bytes"),
    ],
)
def test_a_mistake_is_one_error(
    streams: Streams, kind: str, texts: list[str] | None, options: dict[str, object], says: str
) -> None:
    """It names the method, and says what was expected."""
    with pytest.raises(EnvguardError) as caught:
        getattr(streams, kind)(texts, **options)
    assert says in caught.value.message
    assert caught.value.message.startswith("`envguard_stream")


@pytest.mark.parametrize("parts", [[], b"abc", "abc", [b""], ["x"]])
def test_parts_that_are_none_are_one_error(streams: Streams, parts: object) -> None:
    """An empty chunk would end the body."""
    with pytest.raises(EnvguardError, match="expected parts"):
        streams.parts(parts)  # type: ignore[arg-type]


# -- the fixtures themselves -------------------------------------------------------------------------------------------


def test_the_fixture_serves_until_the_test_ends(envguard_stream: Streams) -> None:
    """And then no more; see `test_the_end_of_a_test_ends_what_stalls`."""
    assert fetched(envguard_stream.json_lines([HARD_TEXT]))


def test_the_fixture_reports_how_many_splits_were_tried(pytester: pytest.Pytester) -> None:
    """As a property of the test, so that a sample isn't taken for all."""
    pytester.makepyfile(
        """
        def test_it(every_split):
            assert str(every_split(b"abcdef", most=3).check(b"".join)) == "3 of 5 split points"
        """
    )
    pytester.runpytest_subprocess("--junitxml=junit.xml", "-p", "no:asyncio").assert_outcomes(passed=1)
    assert '<property name="every_split" value="3 of 5 split points"' in (pytester.path / "junit.xml").read_text()
