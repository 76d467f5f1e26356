"""How long rows are in a model's tokens."""
