"""The methods section: facts, sentences, references."""
