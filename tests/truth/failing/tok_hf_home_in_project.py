# case: tok_hf_home_in_project
# packages: huggingface-hub, transformers, tokenizers
# shows: caches that the project's settings put beside the code; a deployment can set them otherwise
# env: HF_HOME=.hf TIKTOKEN_CACHE_DIR=.tiktoken MPLCONFIGDIR=.mpl NUMBA_CACHE_DIR=.numba HF_HUB_DISABLE_TELEMETRY=1 HF_HUB_DISABLE_XET=1
# timeout: 150
# conditions: roroot lambdapw docker
# cause.test_hub: library=huggingface-hub dimension=root remedy=all
# cause.test_tiktoken: library=tiktoken dimension=root remedy=all
# cause.test_numba: library=numba dimension=root remedy=all
# cause.test_save_tokenizer: library=transformers|tokenizers|- dimension=root
import base64
import http.server
import threading

import pytest

COMMIT = "7" * 40
VOCABULARY = b"\n".join(base64.b64encode(bytes([i])) + b" " + str(i).encode() for i in range(256))


@pytest.fixture(scope="module")
def url():
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            body = VOCABULARY if self.path.endswith(".tiktoken") else b"{}"
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("X-Repo-Commit", COMMIT)
            self.send_header("ETag", '"' + "b" * 40 + '"')
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        do_HEAD = do_GET

        def log_message(self, *args):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()


def test_hub(url):
    from huggingface_hub import hf_hub_download

    assert hf_hub_download("acme/tiny", "config.json", endpoint=url)


def test_tiktoken(url):
    from tiktoken.load import load_tiktoken_bpe

    assert len(load_tiktoken_bpe(url + "/bytes.tiktoken")) == 256


def test_numba():
    import numba

    @numba.njit(cache=True)
    def double(x):
        return 2 * x

    assert double(2) == 4


def test_save_tokenizer():
    import tokenizers
    from transformers import PreTrainedTokenizerFast

    inner = tokenizers.Tokenizer(tokenizers.models.WordLevel({"a": 0, "?": 1}, unk_token="?"))
    PreTrainedTokenizerFast(tokenizer_object=inner, unk_token="?").save_pretrained("tokenizer")


def test_in_memory():
    import tokenizers

    tokenizers.Tokenizer(tokenizers.models.WordLevel({"a": 0, "?": 1}, unk_token="?")).encode
