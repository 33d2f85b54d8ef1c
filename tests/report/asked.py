"""What stats.json records of a contrast, by what stands in it."""

import re

from commissure.inference.contrasts import read_contrast, what_is_asked
from commissure.records.asked import asked_to_json


def asked_record(text):
    """Read a contrast of factors with the levels that it names, and of covariates."""
    factors = {}
    for factor, level in re.findall(r"(\w+)\[(.*?)\]", text):
        factors.setdefault(factor, []).append(level)
    covariates = re.findall(r"\b[a-z_]+\b", re.sub(r"\w+\[.*?\]", "", text))
    rows = read_contrast(text, factors, [name for name in covariates if name != "mean"])
    return asked_to_json(what_is_asked(text, rows, lambda _: 1))
