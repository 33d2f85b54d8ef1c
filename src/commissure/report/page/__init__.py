"""Pages: their parts, their HTML, the page of a study."""
