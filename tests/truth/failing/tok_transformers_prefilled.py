# case: tok_transformers_prefilled
# packages: transformers, tokenizers, huggingface-hub
# shows: a tokenizer that was downloaded into the developer's home folder; the deployment has another home, and no hub
# env: HF_HUB_OFFLINE=1
# prepare: python -c "import os, pathlib, tokenizers as t; c = '5' * 40; r = pathlib.Path.home() / '.cache/huggingface/hub/models--acme--tiny'; s = r / 'snapshots' / c; s.mkdir(parents=True); (r / 'refs').mkdir(); (r / 'refs/main').write_text(c); k = t.Tokenizer(t.models.WordLevel({'a': 0, 'b': 1, '?': 2}, unk_token='?')); k.pre_tokenizer = t.pre_tokenizers.Whitespace(); k.save(str(s / 'tokenizer.json')); (s / 'tokenizer_config.json').write_text('{\"tokenizer_class\": \"PreTrainedTokenizerFast\"}'); (s / 'config.json').write_text('{\"model_type\": \"bert\"}')"
# timeout: 120
# conditions: openshift lambdapw docker
# cause.test_auto_tokenizer: library=transformers|huggingface-hub|tokenizers dimension=home|user|root|uid remedy=all
# cause.test_config: library=transformers|huggingface-hub dimension=home|user|root|uid remedy=all
# cause.test_hub_file: library=huggingface-hub dimension=home|user|root|uid remedy=all
from huggingface_hub import hf_hub_download
from transformers import AutoConfig, AutoTokenizer


def test_auto_tokenizer():
    assert AutoTokenizer.from_pretrained("acme/tiny")("a b")["input_ids"][:2] == [0, 1]


def test_config():
    assert AutoConfig.from_pretrained("acme/tiny").model_type == "bert"


def test_hub_file():
    assert hf_hub_download("acme/tiny", "config.json")
