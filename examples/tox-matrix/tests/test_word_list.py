"""Nothing in here knows where it runs, or with which releases."""

import time

import word_list


def test_deployed_words():
    assert {"coffee", "tea"} <= set(word_list.words())


def test_own_words(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    word_list.own().mkdir(parents=True)
    (word_list.own() / "words.txt").write_text("zither\n", encoding="utf-8")

    assert word_list.words()[-1] == "zither"
    assert not list(tmp_path.rglob("*.lock"))


def test_words_are_there_at_once():
    start = time.monotonic()
    word_list.words()

    seconds = time.monotonic() - start
    assert seconds < word_list.PATIENCE, f"after {seconds:.0f} s"
