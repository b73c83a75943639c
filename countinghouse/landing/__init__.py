"""Landing: archived deliveries become typed raw rows, or quarantined rows with a reason."""
