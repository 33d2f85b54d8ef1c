"""Raw BOLD to clean BOLD: one module per step."""
