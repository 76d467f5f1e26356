"""Finding passages: by their terms (BM25), by their meaning (vectors), or by both."""
