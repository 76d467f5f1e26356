"""What a run will ask, and what it may take, before anything is spent."""
