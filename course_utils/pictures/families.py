"""What belongs together: from pairs to families, whoever is linked with whom through any number of others."""

from collections import defaultdict
from collections.abc import Hashable
from typing import Generic, TypeVar

Member = TypeVar("Member", bound=Hashable)


class Families(Generic[Member]):
    """Families that grow by `join`; whoever was never joined is a family of one, and not listed.

    Tarjan 1975, "Efficiency of a Good But Not Linear Set Union Algorithm", with paths halved on the way.
    """

    def __init__(self) -> None:
        self._elder: dict[Member, Member] = {}

    def join(self, one: Member, other: Member) -> None:
        """Make one family of the two families of `one` and `other`."""
        first, second = self.head(one), self.head(other)
        self._elder[first] = self._elder[second] = first

    def head(self, member: Member) -> Member:
        """Return the member that stands for the family of `member`; itself where it was never joined."""
        elder = self._elder
        while elder.get(member, member) != member:
            elder[member] = elder.get(elder[member], elder[member])
            member = elder[member]
        return member

    def listed(self) -> list[list[Member]]:
        """Return each family of two and more, its members in the order in which they were first joined."""
        members = defaultdict(list)
        for member in self._elder:
            members[self.head(member)].append(member)
        return list(members.values())
