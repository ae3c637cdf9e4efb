"""The policy file as frozen objects, its loader, and the notice made from it; knows no store, no web."""
