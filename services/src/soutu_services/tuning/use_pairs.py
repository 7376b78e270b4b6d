"""Weighted pairs of a text and a photo, from what people did with what they found.

People look at what stands first: that a photo far down was opened tells more than that the first one was. A deed is weighted by
the inverse of the propensity that its rank is looked at, (1/rank)^eta, clipped (Joachims, Swaminathan & Schnabel 2017,
arXiv:1608.04468). That is the paper's model of a list; nobody has measured it in this house.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from soutu_services.tuning.use_record import Deed, Use

__all__ = ["UsePair", "UseWeights", "texts_of_photos", "use_pairs"]


@dataclass(frozen=True, slots=True)
class UseWeights:
    """How much deeds count, beside a pair of a data set, which counts 1.

    Attributes:
        of_deeds: Of a deed at the first rank.
        eta: How fast attention falls with the rank; 0: not at all.
        most_for_rank: A weight is raised by the rank so many times at most: a few deeds far down are not to outweigh all others.
    """

    of_deeds: dict[Deed, float] = field(
        default_factory=lambda: {Deed.OPEN: 1.0, Deed.DOWNLOAD: 2.0, Deed.FAVOURITE: 2.0, Deed.NOT_THIS: 5.0}
    )
    eta: float = 1.0
    most_for_rank: float = 5.0

    def of(self, use: Use) -> float:
        """Return the weight of a deed. "Not this" is said of what was looked at, whatever its rank."""
        weight = self.of_deeds[use.did]
        return weight if use.did is Deed.NOT_THIS else weight * min(self.most_for_rank, use.rank**self.eta)


@dataclass(frozen=True, slots=True)
class UsePair:
    """A text and a photo that it means, or does not mean, and how much that counts."""

    query: str
    photo_id: str
    is_wanted: bool
    weight: float


def use_pairs(uses: Iterable[Use], weights: UseWeights | None = None) -> list[UsePair]:
    """Return a pair for each query and photo that something was done with, in the order of their first deeds.

    What a person does again and again with a pair comes to twice the most that one deed counts, and never more; persons add up.
    Where a pair was both taken and said not to be it, what was done last decides.

    Args:
        uses: Deeds, the oldest first.
        weights: How much they count.
    """
    weights = weights or UseWeights()
    by_pair: dict[tuple[str, str], list[Use]] = defaultdict(list)
    for use in uses:
        by_pair[use.query, use.photo_id].append(use)
    pairs = []
    for (query, photo_id), deeds in by_pair.items():
        left = _without_taken_back(deeds)
        if left:
            is_wanted = left[-1].did is not Deed.NOT_THIS
            counted = [use for use in left if (use.did is not Deed.NOT_THIS) == is_wanted]
            pairs.append(UsePair(query, photo_id, is_wanted, _together(counted, weights)))
    return pairs


def texts_of_photos(pairs: Iterable[UsePair], *, least: float) -> dict[str, tuple[str, ...]]:
    """Return, by photo id, the queries that mean a photo with a weight of so much at least, as captions of it."""
    texts: dict[str, list[str]] = defaultdict(list)
    for pair in pairs:
        if pair.is_wanted and pair.weight >= least:
            texts[pair.photo_id].append(pair.query)
    return {photo_id: tuple(queries) for photo_id, queries in texts.items()}


def _without_taken_back(deeds: Sequence[Use]) -> list[Use]:
    """Leave out what a person said was not it, and then took back."""
    left: list[Use] = []
    for use in deeds:
        if use.did is Deed.TAKE_BACK:
            left = [one for one in left if one.did is not Deed.NOT_THIS or one.who != use.who]
        else:
            left.append(use)
    return left


def _together(uses: Sequence[Use], weights: UseWeights) -> float:
    of_persons: dict[str, list[float]] = defaultdict(list)
    for use in uses:
        of_persons[use.who].append(weights.of(use))
    return sum(max(each) * (2 - 0.5 ** (len(each) - 1)) for each in of_persons.values())
