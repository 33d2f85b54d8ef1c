"""How things are called and stored: BIDS names, images, tables, text."""
