"""What may be chosen for a study: classes with limits, presets, how a file is read."""
