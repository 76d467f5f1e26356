"""Models behind an OpenAI-compatible endpoint: one event loop, many requests in flight."""
