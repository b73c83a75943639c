"""Stands in for the source systems: deliveries of a small web shop with a known truth.

    python -m simulator --out landing --from 2026-03-02 --days 5 --seed 7

Deterministic by seed; a day does not depend on the days before it.
"""

from simulator.deliveries import Defects, Planted, write_correction, write_deliveries
from simulator.truth import Truth, expected

__all__ = ["Defects", "Planted", "Truth", "expected", "write_correction", "write_deliveries"]
