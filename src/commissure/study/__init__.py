"""A study as its people describe it: from files to files."""
