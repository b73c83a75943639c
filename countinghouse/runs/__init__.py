"""What a run does from its plan to its report: ingest, land, build."""
