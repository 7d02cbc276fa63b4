"""`--max-minutes`: a short measurement turns a time budget into a number of steps."""

from __future__ import annotations

import statistics

_SETTLING_STEPS = 3  # the first ones pay for allocations and kernel choices
_LEAST_STEPS, _LEAST_SECONDS = 12, 5.0
_SPARE = 0.98  # machines slow down more often than they speed up


class Measurement:
    """Collects the durations of steps until they say enough about those to come."""

    def __init__(self) -> None:
        self._settling = _SETTLING_STEPS
        self._durations: list[float] = []

    def add(self, seconds: float) -> None:
        """One more step's duration."""
        if self._settling:
            self._settling -= 1
        else:
            self._durations.append(seconds)

    def enough(self, budget_seconds: float) -> bool:
        """At least 12 steps over 5 seconds, or a tenth of the budget spent on measuring."""
        total = sum(self._durations)
        return (len(self._durations) >= _LEAST_STEPS and total >= _LEAST_SECONDS) or total > 0.1 * budget_seconds

    def steps_in(self, seconds: float) -> int:
        """How many more steps fit into `seconds`; at least one."""
        return max(1, int(_SPARE * seconds / statistics.median(self._durations)))  # a hiccup must not decide


def overhead(left: float, *, validation_period: float, validation: float, saving_period: float, saving: float) -> float:
    """Seconds of the `left` ones that validations and checkpoints will take, the closing ones included."""
    times_validated = int(left / validation_period) + 1
    times_saved = int(left / saving_period) + 1
    # nearly every early validation is a new best, which is saved as well
    return times_validated * (validation + saving) + times_saved * saving
