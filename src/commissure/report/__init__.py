"""Results to figures, tables and pages; computes nothing."""
