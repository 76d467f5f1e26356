"""A review in the terminal: what is shown, what is pressed, what is kept."""
