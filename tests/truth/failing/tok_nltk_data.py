# case: tok_nltk_data
# packages: nltk
# shows: a corpus that was downloaded into the developer's home folder isn't found elsewhere
# prepare: mkdir -p $HOME/nltk_data/corpora/wordlist && printf 'alpha\nbeta\n' > $HOME/nltk_data/corpora/wordlist/words
# conditions: nohome openshift lambda docker
# cause.*: library=nltk dimension=home|user|root|uid remedy=all
import nltk
from nltk.corpus.reader import WordListCorpusReader


class SetupError(Exception):
    pass


def words():
    root = nltk.data.find("corpora/wordlist")
    return WordListCorpusReader(root, ["words"]).words()


def test_words():
    assert words() == ["alpha", "beta"]


def test_wrapped():
    try:
        known = words()
    except LookupError as error:
        raise SetupError("the word list is missing") from error
    assert len(known) == 2
