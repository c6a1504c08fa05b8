"""Families are compared with what a walk along every link reaches."""

import random

from course_utils.pictures.families import Families


def reached(start, links):
    """Everything that is linked with `start`, found by walking."""
    found, waiting = set(), [start]
    while waiting:
        member = waiting.pop()
        if member not in found:
            found.add(member)
            waiting += [other for link in links if member in link for other in link]
    return found


def test_families_are_what_a_walk_along_the_links_reaches():
    for seed in range(20):
        draw = random.Random(seed)
        links = [(draw.randrange(40), draw.randrange(40)) for _ in range(30)]
        families = Families()
        for one, other in links:
            families.join(one, other)
        members = {member for link in links for member in link}
        for member in members:
            family = {other for other in members if families.head(other) == families.head(member)}
            assert family == reached(member, links)
        assert {frozenset(family) for family in families.listed()} == {frozenset(reached(m, links)) for m in members}


def test_who_was_never_joined_is_a_family_of_one_and_not_listed():
    families = Families()
    families.join("a", "b")
    assert families.head("c") == "c"
    assert families.listed() == [["a", "b"]]
