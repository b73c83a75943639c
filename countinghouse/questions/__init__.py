"""What people ask of the ledger and the published tables."""
