"""Smaller vectors: how many of the ten nearest are kept as 8-bit integers and as bits."""

import numpy as np

from collection import encoder, queries, vectors

exact = np.argsort(-(queries @ vectors.T))[:, :10]


def kept(name: str, scores: np.ndarray) -> None:
    """Print the share of the ten nearest that are the ten nearest by `scores` too."""
    found = np.argsort(-scores, axis=1, kind="stable")[:, :10]
    both = [len(np.intersect1d(one, other)) for one, other in zip(found, exact, strict=True)]
    print(f"{name}: {np.mean(both) / 10:.3f}")


def compare(name: str, stored: np.ndarray, asked: np.ndarray) -> None:
    """Quantise both sides, and rank by what is left."""
    largest = np.abs(stored).max(axis=1, keepdims=True)
    integers = np.rint(stored / largest * 127)
    kept(f"int8, {name}", np.rint(asked / np.abs(asked).max() * 127) @ (integers * largest).T)
    bits = np.sign(asked) @ np.sign(stored).T
    kept(f"bits, {name}", bits)
    first = np.argsort(-bits, axis=1, kind="stable")[:, :40]
    again = np.full_like(bits, -np.inf)
    np.put_along_axis(again, first, np.take_along_axis(asked @ stored.T, first, axis=1), axis=1)
    kept(f"bits, then the first 40 again by float32, {name}", again)


compare("as they are", vectors, queries)
if encoder.name == "starter":
    compare("without constants", *(np.delete(x, np.s_[::256], axis=1) for x in (vectors, queries)))
