"""Private data in texts and files: found by rules, masked, and replaced by stable placeholders."""
