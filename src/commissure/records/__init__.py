"""What one stage tells the next, as types."""
