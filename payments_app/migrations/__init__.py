"""The business tables, one numbered step after another. The queue ships its own schema."""
