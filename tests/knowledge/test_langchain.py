"""langchain: splits text with tiktoken, so its failures are tiktoken's."""

from __future__ import annotations

from tests.knowledge.conftest import KnowledgeRun, explained, heavy

PACKAGES = ["langchain-text-splitters==1.1.3", "tiktoken==0.14.0"]


@heavy
def test_splitter_without_a_network(knowledge_run: KnowledgeRun) -> None:
    """The constructor downloads, the encoding gpt2 unless it's told another."""
    source = """
        def test_it():
            from langchain_text_splitters import TokenTextSplitter
            TokenTextSplitter()
    """
    found = knowledge_run(PACKAGES, source, "--envguard=offline")
    assert "/gpt-2/encodings/main/vocab.bpe" in found["messages"]["offline"]["test_it"]
    explained(found, "offline", "test_it", "tiktoken/download-without-network")
