"""What the sealing tests share: fixed keys, Hypothesis strategies, one byte changed."""

from __future__ import annotations

from hashlib import sha256

from hypothesis import strategies as st

#: Text as it may be sealed: all of Unicode but lone surrogates, which are no text.
texts = st.text(alphabet=st.characters(exclude_categories=["Cs"]))
names = st.text(alphabet=st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
ids = st.integers(min_value=0, max_value=2**63 - 1)
keys = st.binary(min_size=32, max_size=32)

#: Two receipt codes that differ in their last character.
CODE = "01234-56789-ABCDE-FGHJK-MNPQR"
OTHER_CODE = "01234-56789-ABCDE-FGHJK-MNPQS"


def fixed(name: str) -> bytes:
    """A key of 32 bytes that is the same in every run."""
    return sha256(f"test key: {name}".encode()).digest()


def flipped(blob: bytes, index: int, mask: int = 1) -> bytes:
    """The blob with one byte changed."""
    changed = bytearray(blob)
    changed[index] ^= mask
    return bytes(changed)
