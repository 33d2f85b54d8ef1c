"""Clean time series to interhemispheric maps."""
