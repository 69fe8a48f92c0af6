"""What is made before anything is deployed: `python build.py`.

- `build/openaipublic`: OpenAI's encodings, as their host serves them, out of the LiteLLM that is installed.
- `build/image`: what goes into the image: encodings under the names that tiktoken looks for, the same under the names that
  people know them by, and a model of the hub.
"""

import hashlib
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

PROJECT = Path(__file__).resolve().parent
BLOBS = PROJECT / "build" / "openaipublic"
IMAGE = PROJECT / "build" / "image"
HOST = "https://openaipublic.blob.core.windows.net"

# What tiktoken expects, from tiktoken_ext/openai_public.py of tiktoken 0.14.0.
SHA256 = {
    "cl100k_base": "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7",
    "o200k_base": "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d",
    "p50k_base": "94b5ca7dff4d00767bc256fdd1b27e5b17361d7b8a5f968547f9f23eb70d2069",
    "r50k_base": "306cd27f03c1a714eca7108e03d66b7dc042abe8c258b44c199a7ed9838dd930",
}


def cache_name(name: str) -> str:
    """Return what tiktoken calls an encoding in a cache: the SHA-1 of its address."""
    return hashlib.sha1(f"{HOST}/encodings/{name}.tiktoken".encode()).hexdigest()


def encodings() -> dict[str, bytes]:
    """Return the encodings: LiteLLM brings three, and GPT-2's is the first 50256 lines of p50k_base."""
    spec = find_spec("litellm")
    assert spec is not None and spec.origin is not None, "LiteLLM is not installed"
    folder = next(Path(spec.origin).parent.glob("*/tokenizers"))
    found = {name: (folder / cache_name(name)).read_bytes() for name in SHA256 if name != "r50k_base"}
    found["r50k_base"] = b"".join(found["p50k_base"].splitlines(keepends=True)[:50256])
    for name, content in found.items():
        assert hashlib.sha256(content).hexdigest() == SHA256[name], f"{name} is not what tiktoken expects"
    return found


def write(file: Path, content: bytes) -> None:
    """Write a file and the folders it lies in."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)


def main() -> None:
    """Make everything."""
    for name, content in encodings().items():
        write(BLOBS / "encodings" / f"{name}.tiktoken", content)
        if name != "r50k_base":
            write(IMAGE / "encodings" / cache_name(name), content)
            write(IMAGE / "encodings-by-name" / f"{name}.tiktoken", content)
    # As the Dockerfile does; `internet` is a network that has nothing but two hosts.
    words = [sys.executable, "-m", "pytest_envguard", "run", "-q", "internet", "--"]
    words += [sys.executable, "-c", "import huggingface_hub; huggingface_hub.snapshot_download('house/labels')"]
    environment = {**os.environ, "HF_HOME": str(IMAGE / "huggingface"), "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
    subprocess.run(words, cwd=PROJECT, env=environment, check=True)


if __name__ == "__main__":
    main()
