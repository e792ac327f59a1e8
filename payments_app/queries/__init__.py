"""What is shown: read-only selects that return plain rows."""
