"""What happens: one verb per function; session in, values out. Never commits, never calls out."""
