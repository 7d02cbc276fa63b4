"""Going back to the last good state of a run that diverges, at half the learning rate.

`loop` loads the state that `go_back` returns as if the run was resumed there. The number of rollbacks belongs to the
state of the run, so a resumed run continues with the same learning rate.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainer_core.errors import UserError
from trainer_core.training.checkpoint import TrainingState, load_checkpoint
from trainer_core.training.failures import Diverged
from trainer_core.workspace.branches import set_aside_newer
from trainer_core.workspace.checkpoints import list_checkpoints
from trainer_core.workspace.layout import Workspace

MAX_ROLLBACKS = 3


@dataclass(frozen=True)
class GoodState:
    """The state to which a run goes back.

    Attributes:
        state: state in the newest good checkpoint; None for the start of the run.
        checkpoint: that checkpoint.
        folder: where the files of the abandoned steps are; None if there were none.
    """

    state: TrainingState | None
    checkpoint: Path | None
    folder: Path | None

    @property
    def step(self) -> int:
        """The step to which the run goes back."""
        return self.state.step if self.state else 0


def go_back(workspace: Workspace, failure: Diverged, *, can_restart: bool) -> GoodState:
    """Load the newest good checkpoint and set aside what is newer.

    Args:
        workspace: the locked workspace of the run.
        failure: its `healthy_step` limits the checkpoints that are good.
        can_restart: whether the run may go back to its start; else its oldest checkpoint counts as good.

    Raises:
        OSError: files cannot be moved.
    """
    state, checkpoint, damaged = None, None, []
    known = list_checkpoints(workspace)
    limit = failure.healthy_step
    good = [path for step, path in known if limit is None or step <= limit]
    for path in good or ([] if can_restart else [path for _, path in known[-1:]]):
        try:
            state, checkpoint = load_checkpoint(path), path
            break
        except UserError:
            damaged.append(path)
    folder = set_aside_newer(workspace, state.step if state else 0, damaged=damaged)
    return GoodState(state, checkpoint, folder)


def read_rollbacks(state: TrainingState, learning_rate: float) -> int:
    """Return the number of rollbacks of a stored run; 0 if the user has changed its learning rate since then."""
    count = stored_history(state).get("rollbacks")
    is_same = state.config.get("learning_rate") == learning_rate
    return count if is_same and type(count) is int and 0 <= count <= MAX_ROLLBACKS else 0


def stored_history(state: TrainingState) -> dict[str, Any]:
    """Return what a checkpoint holds of the detector and the rollbacks."""
    history = state.plan.get("divergence")
    return history if isinstance(history, dict) else {}


def give_up(failure: Diverged, checkpoint: Path | None, learning_rate: float, precision: str) -> Diverged:
    """Return the failure of a run that diverges after all its rollbacks, with advice.

    Some GPUs compute values that are not finite in fp16 (pytorch issue 77955), so there the advice is fp32.
    """
    kept = "The last good state is kept." if checkpoint else "It had not saved a checkpoint before."
    how = "resume with --resume latest and" if checkpoint else "start again with"
    advice = f"a lower --lr than {learning_rate:.3g}, or other photos or loss weights"
    if precision == "fp16":
        advice = f"--no-amp, because this GPU computes in fp16, which is the likely cause; or with {advice}"
    return Diverged(
        f"The run diverged: {failure}. It went back {MAX_ROLLBACKS} times, each time to half the learning rate, and "
        f"diverged again. {kept} To continue, {how} {advice}."
    )
