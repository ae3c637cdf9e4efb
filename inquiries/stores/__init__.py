"""Databases and the keyring: rows and files in and out; no cryptography, no decisions, no Flask."""
