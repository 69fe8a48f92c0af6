"""Which class of tokenizer reads which files (transformers 4.57.6, models/*/tokenization_*.py, `vocab_files_names`)."""

from __future__ import annotations

#: Names of SentencePiece models; some of them are files of tiktoken all the same.
PIECES = frozenset(
    {
        "tokenizer.model",
        "spiece.model",
        "sentencepiece.bpe.model",
        "sentencepiece.model",
        "spm.model",
        "spm_char.model",
        "source.spm",
        "target.spm",
    }
)
#: Ends of names of files with tiktoken's ranks, and of Mistral's, which have them inside.
TIKTOKEN = (".tiktoken", "tiktoken.model", "tekken.json")

#: Classes without a vocabulary in a file: they count bytes or code points.
WITHOUT_FILES = frozenset({"ByT5Tokenizer", "CanineTokenizer", "PerceiverTokenizer", "DiaTokenizer", "RagTokenizer"})

#: Classes that read tokenizer.json, whatever is in it.
GENERIC = frozenset({"PreTrainedTokenizerFast", "TokenizersBackend"})

_WORDPIECE = "Bert ConvBert CpmAnt DistilBert Electra Esm Funnel LayoutLM LayoutLMv2 Lxmert MPNet MobileBert RoFormer"
_WORDPIECE += " Splinter SqueezeBert Tapas RetriBert DPRContextEncoder DPRQuestionEncoder DPRReader"
_BPE = "Bart BioGpt CLIP CTRL Clvp CodeGen Deberta Flaubert GPT2 Herbert LED LayoutLMv3 Longformer Mvp OpenAIGPT Qwen2"
_BPE += " Roberta XLM Blenderbot BlenderbotSmall Whisper MarkupLM"
_SPIECE = "Albert BertGeneration BigBird Cpm FNet GPTSw3 Pegasus Reformer Siglip T5 MT5 XLNet Udop"
_SENTENCEPIECE_BPE = "Barthez Camembert MBart50 MBart Nllb SeamlessM4T XGLM XLMRoberta PLBart"

_FILES: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(_WORDPIECE.split(), ("vocab.txt",)),
    **dict.fromkeys(_BPE.split(), ("vocab.json", "merges.txt")),
    **dict.fromkeys(_SPIECE.split(), ("spiece.model",)),
    **dict.fromkeys(_SENTENCEPIECE_BPE.split(), ("sentencepiece.bpe.model",)),
    **dict.fromkeys(("Llama", "CodeLlama", "Gemma"), ("tokenizer.model",)),
    **dict.fromkeys(("Bertweet", "Phobert"), ("vocab.txt", "bpe.codes")),
    **dict.fromkeys(("M2M100", "Speech2Text"), ("vocab.json", "sentencepiece.bpe.model")),
    "DebertaV2": ("spm.model",),
    "RemBert": ("sentencepiece.model",),
    "SpeechT5": ("spm_char.model",),
    "Marian": ("source.spm", "target.spm", "vocab.json"),
}

_SLOW_ONLY = "BioGpt CTRL Clvp CpmAnt Esm Flaubert XLM Bertweet Phobert Tapas M2M100 Speech2Text SpeechT5 Marian"
_SLOW_ONLY += " BertGeneration GPTSw3 Siglip"
#: Classes that have no form of the tokenizers library in either 4.57.6 or 5.23.0.
SLOW_ONLY = frozenset(f"{stem}Tokenizer" for stem in _SLOW_ONLY.split())

EVERY_NAME = ("tokenizer.json", *sorted(PIECES), "vocab.txt", "vocab.json", "tekken.json", "tiktoken.model")


def files_of(cls: str) -> tuple[str, ...]:
    """Return the files that a class needs where there is no tokenizer.json; () where that isn't known."""
    return _FILES.get(cls.removesuffix("Fast").removesuffix("Tokenizer"), ())
