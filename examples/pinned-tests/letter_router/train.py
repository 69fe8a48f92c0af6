"""Make the tokenizer, the weights and the vendor's encoding of `models`: `python -m letter_router.train`."""

import base64
import hashlib
import re
import string

import numpy as np
from safetensors.numpy import save
from tokenizers import Tokenizer, normalizers, pre_tokenizers
from tokenizers.models import WordPiece

from letter_router import MODELS, billing, tokenizer
from letter_router.model import DESKS, WEIGHTS


def examples() -> list[tuple[str, str]]:
    """Return the letters that people sorted, each as desk and text."""
    lines = (MODELS / "letters.tsv").read_text(encoding="utf-8").splitlines()
    return [(desk, text) for desk, _, text in (line.partition("\t") for line in lines)]


def pieces() -> Tokenizer:
    """Return a WordPiece tokenizer that knows the words of all letters and spells the others."""
    words = {word for _, text in examples() for word in re.findall(r"\w+|[^\w\s]", text.lower())}
    signs = [*string.ascii_lowercase, *string.digits]
    vocabulary = ["[UNK]", *signs, *(f"##{sign}" for sign in signs), *sorted(words - set(signs))]
    made = Tokenizer(WordPiece({piece: number for number, piece in enumerate(vocabulary)}, unk_token="[UNK]"))
    made.normalizer = normalizers.Sequence([normalizers.NFD(), normalizers.Lowercase(), normalizers.StripAccents()])
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    return made


def weights(by: Tokenizer) -> np.ndarray:
    """Return what each piece says for each desk, as naive Bayes has it."""
    counts = np.full((by.get_vocab_size(), len(DESKS)), 0.1)
    for desk, text in examples():
        np.add.at(counts[:, DESKS.index(desk)], by.encode(text).ids, 1)
    return np.log(counts / counts.sum(axis=0)).astype(np.float32)


def merges() -> bytes:
    """Return the vendor's encoding: all bytes, then the frequent words and what they are merged from."""
    text = " ".join(text for _, text in examples()).lower()
    ranks = [bytes([number]) for number in range(256)]
    known = set(ranks)
    for word in re.findall("[a-z]+", text):
        for end in range(2, len(word) + 1):
            piece = word[:end].encode()
            if piece not in known:
                known.add(piece)
                ranks.append(piece)
    return b"".join(base64.b64encode(piece) + b" %d\n" % rank for rank, piece in enumerate(ranks))


def main() -> None:
    """Write the files."""
    made = pieces()
    made.save(str(tokenizer.LETTERS / "tokenizer.json"))
    WEIGHTS.write_bytes(save({"weights": weights(made)}))
    billing.BLOB.write_bytes(merges())
    print("SHA256 of the vendor's encoding:", hashlib.sha256(billing.BLOB.read_bytes()).hexdigest())


if __name__ == "__main__":
    main()
