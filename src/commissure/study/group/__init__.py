"""The group stage: who is compared, what is found, what is written."""
