"""The time budget of a run (`--max-minutes`): how many steps fit into it, planned again while the run goes on.

`RunClock` passes the steps in and asks at each step boundary whether to plan. The budget is that of the whole run: it
counts all sessions. A plan is one number, the total of steps, which the checkpoint holds: the learning rate of a step
is a function of it alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trainer_core.settings.config import TrainerConfig

_WARM_UP_STEPS = 3  # steps of a session that also pay for allocations and the choice of kernels
_MIN_STEPS, _MIN_SECONDS = 12, 5.0  # of the first measurement
_MAX_MEASURED_SHARE = 0.1  # of the budget, for the first measurement
_CHECK_SHARE = 0.05  # of the budget, from one check of the plan to the next
_TOLERANCE = 0.03  # of the budget; the plan stays if the run would end this close to it
_LAST_SHARE = 0.1  # of the budget; in this last part the plan can only become shorter


class TimeBudget:
    """Budget of a run and the speed of its steps since the latest plan.

    Args:
        seconds: seconds of the whole run.
        step: steps done before this session.
        elapsed: seconds of the run before this session.
    """

    def __init__(self, seconds: float, *, step: int = 0, elapsed: float = 0.0) -> None:
        self.seconds = seconds
        self._warm_up_left = _WARM_UP_STEPS
        self._measured, self._measured_seconds = 0, 0.0
        self._checked_step, self._checked = step, elapsed  # steps and seconds of the run at the latest check

    def add_step(self, seconds: float) -> None:
        """Add the duration of one more step."""
        if self._warm_up_left:
            self._warm_up_left -= 1
        else:
            self._measured, self._measured_seconds = self._measured + 1, self._measured_seconds + seconds

    def is_check_due(self, step: int, total: int | None, elapsed: float) -> bool:
        """Whether to plan now: often enough that a plan from a wrong speed cannot end the run.

        Without a plan, once 12 steps and 5 seconds were measured, or a tenth of the budget. With one, once a twentieth
        of the budget has passed or half of the steps that were left are done.

        Args:
            step: steps done.
            total: steps of the present plan; None without one.
            elapsed: seconds of the run.
        """
        if not self._measured or step == total:
            return False
        if total is None:
            is_long = self._measured >= _MIN_STEPS and self._measured_seconds >= _MIN_SECONDS
            return is_long or self._measured_seconds > _MAX_MEASURED_SHARE * self.seconds
        return elapsed - self._checked >= _CHECK_SHARE * self.seconds or 2 * step >= self._checked_step + total

    def plan_steps(self, step: int, total: int | None, left: float) -> int:
        """Return the total of steps with which the run ends at its budget.

        The present plan stays if it ends within 3 % of the budget. In the last tenth of the budget it can only become
        shorter, so that a learning rate that has almost reached zero does not rise again.

        Args:
            step: steps done.
            total: steps of the present plan; None without one.
            left: seconds left for steps.
        """
        each = self._measured_seconds / self._measured
        fitting = step + max(1, int(left / each))
        if total is None:
            return fitting
        is_close = abs(total - fitting) * each <= _TOLERANCE * self.seconds
        is_too_late = fitting > total and left < _LAST_SHARE * self.seconds
        return total if is_close or is_too_late else fitting

    def record_check(self, step: int, elapsed: float) -> None:
        """Record that the plan was checked after `step` steps, `elapsed` seconds into the run."""
        self._checked_step, self._checked = step, elapsed
        self._measured, self._measured_seconds = 0, 0.0


def resumed_steps(config: TrainerConfig, plan: Mapping[str, Any], step: int) -> int | None:
    """Return the number of steps with which a run resumes; None while its time budget has not become one.

    The speed is then measured again.
    A budget that differs from that of the checkpoint stretches or shortens the plan by the speed of the run so far.

    Args:
        config: the settings to resume with.
        plan: field `plan` of the checkpoint.
        step: step of the checkpoint.
    """
    if config.max_minutes is None:
        return config.steps
    total, seconds = plan.get("total_steps"), plan.get("seconds", 0.0)
    if total is None:  # the seconds of so few steps are mostly those of the first validation
        return None
    if plan.get("max_minutes") == config.max_minutes:
        return int(total)
    return max(step + 1, int(step * 60 * config.max_minutes / seconds)) if step and seconds else None
