"""What texts hold besides their words: languages, damage, facts."""
