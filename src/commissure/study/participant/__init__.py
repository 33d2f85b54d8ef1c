"""What is done for one participant."""
