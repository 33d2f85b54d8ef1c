"""Which run a row of quality.tsv is of, and how its reasons read."""

KEYS = ["participant_id", "session", "task", "run"]

# How the reason of a run begins that is left out by name.
LEFT_OUT = "left out: "
