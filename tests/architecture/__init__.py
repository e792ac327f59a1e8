"""Rules about the code itself, read from its syntax tree."""
