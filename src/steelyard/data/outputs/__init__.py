"""What can be wrong with outputs, a file for each family of trouble; the check puts it together."""
