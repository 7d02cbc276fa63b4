"""A blind comparison: the order of its pairs, the answers, and the result with its interval (no torch).

comparison = BlindComparison(["a.png", "b.png"], seed=1)
comparison.pair                 # the pair to show, and whether the first model stands on the left
comparison.answer(LEFT)         # the left image is better
comparison.result               # counts, and the share of the first model among the preferences
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from trainer_core.randomness import Stream, make_generator

LEFT, RIGHT, EQUAL = "left", "right", "equal"
ANSWERS = (LEFT, RIGHT, EQUAL)
FIRST, SECOND = "first", "second"
QUESTION = "Which do you like better?"
CONFIDENCE = 0.95
DEFAULT_PAIRS, MAX_PAIRS = 20, 500
_OF_ONE_PAIR = "Of 1 pair, {first} was better in {in_first}, {second} in {in_second}, and neither in {equal}."
_OF_PAIRS = "Of {count} pairs, {first} was better in {in_first}, {second} in {in_second}, and neither in {equal}."


@dataclass(frozen=True)
class Pair:
    """A photo and the sides of its two images.

    Args:
        index: the photo's place in the list of names.
        name: name of the photo.
        first_is_left: whether the image of the first model stands on the left.
    """

    index: int
    name: str
    first_is_left: bool


@dataclass(frozen=True)
class BlindResult:
    """The answers of a comparison.

    Args:
        first, second: how often the image of the first and of the second model was better.
        equal: how often neither was.
        low, high: limits of the 95 % interval of the share of the first model among the preferences (Clopper and
            Pearson, 1934).
    """

    first: int
    second: int
    equal: int
    low: float
    high: float

    @property
    def is_clear(self) -> bool:
        """Whether the interval excludes that both models are preferred equally often."""
        return not self.low <= 0.5 <= self.high

    @property
    def count(self) -> int:
        """Number of answers."""
        return self.first + self.second + self.equal

    def describe(self, first: str, second: str) -> str:
        """Return the result in sentences with the names of the models: the verdict, then the figures."""
        counts = (_OF_ONE_PAIR if self.count == 1 else _OF_PAIRS).format(
            count=self.count, first=first, in_first=self.first, second=second, in_second=self.second, equal=self.equal
        )
        sentences = [self.describe_verdict(first, second), counts]
        if self.first + self.second:
            sentences.append(self.describe_share(first))
        return " ".join(sentences)

    def describe_share(self, first: str) -> str:
        """Return a sentence on the share of the first model among the preferences; there is at least one."""
        share = f"{100 * self.first / (self.first + self.second):.0f} %"
        interval = f"95 % interval: {100 * self.low:.0f} to {100 * self.high:.0f} %"
        return f"Preferences for {first}: {share} ({interval})."

    def describe_verdict(self, first: str, second: str) -> str:
        """Return in words which model is preferred, how often, and whether that may be chance."""
        count, times = self.first + self.second, max(self.first, self.second)
        name = first if self.first > self.second else second
        if not count:
            return "You saw no difference." if self.count else "No pair was compared."
        if self.first == self.second:
            return "You preferred both equally often."
        if self.is_clear:
            return f"You prefer {name}: {times} of {count} times, which is hardly chance."
        return f"You preferred {name} {times} of {count} times; this may be chance. Compare more photos to be sure."


class BlindComparison:
    """The pairs of a comparison in random order, each with its sides in random order, and the answers so far.

    Args:
        names: names of the photos.
        seed: seed of both orders.
        count: largest number of pairs, at most `MAX_PAIRS`; photos are then chosen at random.
    """

    def __init__(self, names: Sequence[str], *, seed: int, count: int = DEFAULT_PAIRS) -> None:
        generator = make_generator(seed, Stream.BLIND, len(names))
        order = generator.permutation(len(names))[: min(count, MAX_PAIRS)].tolist()
        sides = generator.permutation([place % 2 == 0 for place in range(len(order))]).tolist()
        self.pairs = [Pair(index, names[index], is_left) for index, is_left in zip(order, sides)]
        self._answers: list[str] = []

    @property
    def number(self) -> int:
        """Number of answers so far."""
        return len(self._answers)

    @property
    def pair(self) -> Pair | None:
        """The pair to answer now; None after the last one."""
        return self.pairs[self.number] if self.number < len(self.pairs) else None

    def answer(self, answer: str) -> None:
        """Record which image of the current pair is better: `LEFT`, `RIGHT` or `EQUAL`."""
        assert answer in ANSWERS and self.pair is not None, "a pair has one of three answers"
        self._answers.append(answer)

    def undo(self) -> None:
        """Remove the latest answer, if there is one."""
        del self._answers[-1:]

    @property
    def result(self) -> BlindResult:
        """The result of the answers so far."""
        found = [preference for _, preference in self.preferences]
        first, second = found.count(FIRST), found.count(SECOND)
        return BlindResult(first, second, found.count(EQUAL), *preference_interval(first, first + second))

    @property
    def preferences(self) -> list[tuple[str, str]]:
        """The name of each answered photo with `FIRST`, `SECOND` or `EQUAL`, in the order of the answers."""
        return [(pair.name, _find_preference(pair, answer)) for pair, answer in zip(self.pairs, self._answers)]


def _find_preference(pair: Pair, answer: str) -> str:
    if answer == EQUAL:
        return EQUAL
    return FIRST if (answer == LEFT) == pair.first_is_left else SECOND


def preference_interval(successes: int, trials: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Return the limits of the exact binomial interval of a share; 0 and 1 without trials."""
    tail = (1 - confidence) / 2
    low = _find_share(lambda p: 1 - _cumulate(successes - 1, trials, p), tail) if successes else 0.0
    high = _find_share(lambda p: -_cumulate(successes, trials, p), -tail) if successes < trials else 1.0
    return low, high


def _cumulate(successes: int, trials: int, share: float) -> float:
    """Return the probability of at most `successes` in `trials`."""
    return sum(math.comb(trials, k) * share**k * (1 - share) ** (trials - k) for k in range(successes + 1))


def _find_share(rising: Callable[[float], float], value: float) -> float:
    """Return the share at which a rising function reaches a value, by bisection."""
    low, high = 0.0, 1.0
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if rising(middle) < value else (low, middle)
    return (low + high) / 2
