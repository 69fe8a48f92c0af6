"""The run in Markdown: a file, GitHub's summary and annotations."""
