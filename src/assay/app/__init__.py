"""The only wiring: which adapter stands behind which port. Each file brings in no more than it wires."""
