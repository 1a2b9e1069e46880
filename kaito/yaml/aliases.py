"""How much of a document may come from aliases: go-yaml v2's budget (decode.go, allowedAliasRatio)."""

from __future__ import annotations

# The share of all decoded nodes that may come from aliases: 99 % in documents of up to 400,000 nodes, falling to 10 %
# at 4,000,000. A document with at most so many aliased nodes, or so many nodes in all, is not checked.
_FREE_ALIASED = 100
_FREE_NODES = 1_000
_RATIO_LOW = 400_000
_RATIO_HIGH = 4_000_000
_SHARE_LOW = 0.99
_SHARE_HIGH = 0.10


class AliasBudget:
    """A count of a document's nodes. State: how many of them go-yaml would have decoded so far."""

    __slots__ = ("aliased", "nodes")

    def __init__(self) -> None:
        self.nodes = 1  # all of them; the document is one
        self.aliased = 0  # those that came from aliases

    def spend(self, size: int) -> bool:
        """Count an alias for `size` nodes. Return whether the document is still within the budget."""
        self.nodes += 1 + size
        self.aliased += size
        if self.aliased <= _FREE_ALIASED or self.nodes <= _FREE_NODES:
            return True
        above = min(max(self.nodes - _RATIO_LOW, 0) / (_RATIO_HIGH - _RATIO_LOW), 1)
        return self.aliased <= self.nodes * (_SHARE_LOW - (_SHARE_LOW - _SHARE_HIGH) * above)
