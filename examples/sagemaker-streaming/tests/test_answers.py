"""The bot's answers against an endpoint that cuts them as SageMaker does: every 8,192 bytes, wherever that is."""

import pytest

QUESTION = "长江流经哪些省？"
PARAGRAPH = "长江发源于唐古拉山脉，流经青海、西藏、四川、云南、重庆、湖北、湖南、江西、安徽、江苏、上海，最后注入东海。"
ANSWER = PARAGRAPH * 125
LINES = [ANSWER[start : start + 50] for start in range(0, len(ANSWER), 50)]


@pytest.fixture(params=["uncut", "last_line", "paragraphs", "joined"])
def endpoint(request, envguard_stream):
    """A model that says a long answer. Its last line has all of it once more, and is 20 KB long.

    uncut: every line arrives whole. last_line: the same lines, of which only the last one is longer than a part.
    paragraphs: some lines in the middle are, too. joined: many lines come in one part, which ends anywhere.
    """
    match request.param:
        case "uncut":
            return envguard_stream.sagemaker(LINES, cut=None)
        case "last_line":
            return envguard_stream.sagemaker(LINES)
        case "paragraphs":
            return envguard_stream.sagemaker([PARAGRAPH * 55, "然后，", PARAGRAPH * 65, "谢谢!"])
        case "joined":
            return envguard_stream.sagemaker(LINES, joined=True)


@pytest.fixture(params=["sync", "async"])
def ask(request, loop):
    """The bot, in both of its ways."""
    from answers.ask import answer, answer_async

    return answer if request.param == "sync" else lambda *words: loop.run_until_complete(answer_async(*words))


def test_answer(ask, endpoint):
    """The text, all of it: a test that waits for an exception sees nothing of an answer that lacks a part."""
    answer = ask(QUESTION, endpoint.url)
    assert answer == endpoint.text, f"{len(answer):,} of {len(endpoint.text):,} characters, and no error"
