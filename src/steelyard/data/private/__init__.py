"""Private data in files and in traffic: redacted copies, and what would leave the house."""
