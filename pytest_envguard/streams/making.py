"""The fixture's value: makes streams and serves them until the test ends."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from pytest_envguard.errors import EnvguardError, nearest
from pytest_envguard.streams import lines, sagemaker, sse
from pytest_envguard.streams.cutting import Cutting, decodable, read_cut
from pytest_envguard.streams.server import Asked, Server
from pytest_envguard.streams.stream import Stream, Trouble, read_texts

__tracebackhide__ = True  # for pytest: what is wrong is in the test's line

WHO = "`envguard_stream`"
_SMALL = 61  # bytes of a part: a prime, so that cuts fall on every place of a line sooner or later


class Served:
    """A stream that is served on loopback.

    Attributes:
        url: Its address; of an endpoint of SageMaker's: what streams, as `sagemaker_base_url` of litellm takes it.
        base_url: The address without a path, as `endpoint_url` of boto3 takes it.
        text: What a correct client returns.
        parts: The payload in the parts in which it's sent.
        events: The data of each server-sent event, as the standard reads them.
        body: All bytes of the answer, with AWS's frames where there are any: for `every_split`.
    """

    def __init__(self, stream: Stream, server: Server, path: str) -> None:
        self._server = server
        self.base_url = server.base_url
        self.url = server.base_url + path
        self.text, self.parts, self.events = stream.text, stream.parts, stream.events
        self.body = b"".join(stream.chunks)

    @property
    def requests(self) -> list[Asked]:
        """Every request that came, in order: method, path, headers (their names in small letters) and body."""
        return list(self._server.requests)

    @property
    def undecodable(self) -> int:
        """How many of the parts aren't UTF-8 by themselves."""
        return sum(not decodable(part) for part in self.parts)


class Streams:
    """See `envguard_stream`."""

    def __init__(self) -> None:
        self._servers: list[Server] = []

    def sagemaker(
        self,
        texts: Iterable[str] | str | None = None,
        *,
        cut: int | Sequence[int] | None = sagemaker.PART,
        shape: str = "tgi",
        joined: bool = False,
        error: str = "",
        after: int = 1,
        **trouble: Any,
    ) -> Served:
        """Serve an endpoint of SageMaker's runtime: frames of AWS's event stream with payload parts.

        Args:
            texts: What the model says, a token or more at a time; the last line has all of it as ``generated_text``.
            cut: Bytes of a part, or the offsets to cut at; None: each line is a part, and nothing is hostile.
            shape: What the container writes: "tgi" (``data:{"token":{"text":…}}``), "lines" (without ``data:``) or "chat"
                (chunks of OpenAI's API).
            joined: Whether a part can have more than one line, as where a container writes faster than it's read.
            error: "ModelStreamError" or "InternalStreamFailure": it comes instead of what's left ``after`` so many parts.
            after: See there.
            trouble: ``truncated=PARTS``, ``stalled=PARTS`` and ``seconds=``; see `envguard_stream`.

        Raises:
            EnvguardError: What was given is wrong, or no part is undecodable by itself.
        """
        cutting = Cutting(read_cut(cut, sagemaker.WHO), joined)
        said = read_texts(texts, sagemaker.WHO, characters=10_000)
        stream = sagemaker.stream(said, cutting, shape=shape, error=error, after=after)
        return self._serve(stream, f"/endpoints/hostile{sagemaker.PATH}", trouble)

    def sse(
        self,
        texts: Iterable[str] | str | None = None,
        *,
        cut: int | Sequence[int] | None = _SMALL,
        shape: str = "chat",
        newline: str = "lf",
        comments: bool = True,
        bom: bool = False,
        multiline: bool = False,
        done: bool = True,
        final_newline: bool = True,
        **trouble: Any,
    ) -> Served:
        """Serve server-sent events.

        Args:
            texts: One for each event.
            cut: Bytes of a part, or the offsets to cut at; None: one part.
            shape: "chat": chunks of OpenAI's API, whose client can be given ``base_url``; "text": the text itself.
            newline: "lf", "crlf", "cr" or "mixed": these in turn.
            comments: Whether a comment precedes every event.
            bom: Whether there is a byte order mark at the beginning.
            multiline: Whether JSON is written over several lines of data.
            done: Whether ``[DONE]`` comes last.
            final_newline: Whether the last event is ended; one that isn't is none, as the standard has it.
            trouble: See `sagemaker`.

        Raises:
            EnvguardError: What was given is wrong, or no part is undecodable by itself.
        """
        cutting = Cutting(read_cut(cut, sse.WHO), joined=True)
        stream = sse.stream(
            read_texts(texts, sse.WHO, characters=200),
            cutting,
            shape=shape,
            newline=newline,
            comments=comments,
            bom=bom,
            multiline=multiline,
            done=done,
            final_newline=final_newline,
        )
        return self._serve(stream, "/chat/completions", trouble)

    def json_lines(
        self,
        texts: Iterable[str] | str | None = None,
        *,
        cut: int | Sequence[int] | None = _SMALL,
        key: str = "text",
        newline: str = "lf",
        final_newline: bool = True,
        **trouble: Any,
    ) -> Served:
        """Serve JSON lines, ``{"text":"长江"}`` each.

        Args:
            texts: One for each line.
            cut: Bytes of a part, or the offsets to cut at; None: one part.
            key: Of the text in each object.
            newline: "lf" or "crlf".
            final_newline: Whether the last line is ended.
            trouble: See `sagemaker`.

        Raises:
            EnvguardError: What was given is wrong, or no part is undecodable by itself.
        """
        cutting = Cutting(read_cut(cut, lines.WHO), joined=True)
        said = read_texts(texts, lines.WHO, characters=200)
        stream = lines.stream(said, cutting, key=key, newline=newline, final_newline=final_newline)
        return self._serve(stream, "/lines", trouble)

    def parts(
        self, parts: Iterable[bytes], *, text: str = "", content_type: str = "application/octet-stream", **trouble: Any
    ) -> Served:
        """Serve bytes in just these parts, whatever they are: such as one of ``every_split(body)``.

        Args:
            parts: Each is written, and read, alone.
            text: What a correct client returns, if it's to be remembered.
            content_type: Of the answer.
            trouble: See `sagemaker`.

        Raises:
            EnvguardError: They aren't bytes, or there are none.
        """
        given = tuple(parts) if not isinstance(parts, bytes | str) else ()
        if not given or not all(isinstance(part, bytes) and part for part in given):
            raise EnvguardError(f"{WHO}.parts: expected parts, each of one byte or more, got {str(parts)[:40]!r}")
        return self._serve(Stream(given, given, text, content_type), "/", trouble)

    def _serve(self, stream: Stream, path: str, trouble: dict[str, Any]) -> Served:
        server = Server(stream, _trouble(trouble))
        self._servers.append(server)
        return Served(stream, server, path)

    def close(self) -> None:
        """End all servers."""
        while self._servers:
            self._servers.pop().close()


def _trouble(given: dict[str, Any]) -> Trouble:
    """Return what is to go wrong.

    Raises:
        EnvguardError: It's something else.
    """
    for name, value in given.items():
        if name not in Trouble._fields:
            raise EnvguardError(f"{WHO}: no argument is named `{name}`", nearest(name, Trouble._fields))
        if type(value) not in (int, float) or value < 0 or (name != "seconds" and type(value) is not int):
            expected = "seconds" if name == "seconds" else "a number of parts"
            raise EnvguardError(f"{WHO}: `{name}`: expected {expected}, got {value!r}")
    if ("stalled" in given) != ("seconds" in given):
        raise EnvguardError(f"{WHO}: `stalled` and `seconds` belong together", "for example `stalled=1, seconds=5`")
    return Trouble(**given)
