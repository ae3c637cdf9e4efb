"""Cryptography, pure: keys come in as arguments, bytes go out; no SQL, no Flask, no settings."""
