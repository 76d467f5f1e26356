"""What finds texts: `Retriever`, and an index of passages per file."""
