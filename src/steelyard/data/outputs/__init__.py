"""What can be wrong with outputs, a file for each family of problems; the check puts it together."""
