# case: tok_tiktoken_prefilled
# packages: tiktoken, litellm
# shows: a vocabulary that lies in the developer's home folder; the project points tiktoken there unless a deployment says otherwise
# prepare: mkdir -p $HOME/.cache/tiktoken && cp $(python -c "import importlib.util, pathlib; print(pathlib.Path(importlib.util.find_spec('litellm').origin).parent)")/litellm_core_utils/tokenizers/9b5ad71b2ce5302211f9c61530b329a4922fc6a4 $HOME/.cache/tiktoken/
# timeout: 90
# conditions: openshift lambdapw docker offline
# cause.test_count: library=tiktoken|- dimension=home|user|uid|root|network remedy=all
import os

os.environ.setdefault("TIKTOKEN_CACHE_DIR", os.path.expanduser("~/.cache/tiktoken"))

import tiktoken


def test_count():
    assert len(tiktoken.get_encoding("cl100k_base").encode("hello world")) == 2
