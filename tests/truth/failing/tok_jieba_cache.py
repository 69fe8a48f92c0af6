# case: tok_jieba_cache
# packages: jieba
# shows: jieba keeps its dictionary in the temporary folder; where it is told another one that can't be written it only logs that
# timeout: 120
# conditions: roroot lambdapw docker
# cause.test_cache_beside_project: library=jieba dimension=root
import os

import jieba


def test_cut():
    assert "北京" in jieba.lcut("我来到北京")


def test_cache_beside_project():
    tokenizer = jieba.Tokenizer()
    tokenizer.tmp_dir = os.getcwd()
    tokenizer.cache_file = "words.cache"
    tokenizer.initialize()
    assert os.path.exists("words.cache")
