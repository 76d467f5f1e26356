"""Fit for hosted fine-tuning: the providers' documented rules, and what training would cost."""
