"""The search behind ``optimized_prompt``: instructions, formats, shots and their order, on a budget."""
