"""An output folder that survives anything: ledger, staging, locks."""
