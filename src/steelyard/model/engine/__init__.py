"""The local engine: one shared prefix computed once, packed batches, decoding free or along a trie."""
