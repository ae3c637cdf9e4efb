"""The live store: one file per aggregate, each a handful of statements over `tables.py`."""
