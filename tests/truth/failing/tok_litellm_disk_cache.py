# case: tok_litellm_disk_cache
# packages: litellm, diskcache
# shows: answers kept on disk, budgets in the home folder, tokens counted with what litellm brings along
# env: LITELLM_LOCAL_MODEL_COST_MAP=True
# timeout: 150
# conditions: roroot lambdapw docker
# cause.test_disk_cache: library=litellm|diskcache|sqlite3|- dimension=root
# cause.test_disk_cache_in_home: library=litellm|diskcache|- dimension=root|home|user|uid remedy=all
import os

import litellm
from litellm.caching.caching import Cache


def test_count():
    assert litellm.token_counter(model="gpt-4", text="hello world") == 2


def test_disk_cache():
    Cache(type="disk")


def test_disk_cache_in_home():
    Cache(type="disk", disk_cache_dir=os.path.expanduser("~/.acme/llm"))


def test_mock():
    answer = litellm.completion("gpt-4", messages=[{"role": "user", "content": "hi"}], mock_response="ok")
    assert answer.choices[0].message.content == "ok"
