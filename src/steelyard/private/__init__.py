"""Private data in texts: found, masked, replaced. Pure functions over the rules of ``data/private.yaml``."""
