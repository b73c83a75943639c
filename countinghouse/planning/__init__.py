"""What is stale, and what to build now from which versions: pure functions over ledger rows."""
