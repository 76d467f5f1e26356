"""What users write: sections that refuse what they do not know, YAML with line numbers, errors."""
