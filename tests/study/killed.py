"""A participant's work that is killed in the middle, as where memory is short."""

import os
import signal
from pathlib import Path

from commissure.study import run

VICTIM = "sub-02"
work_on_participant = run.participant_task


def killed_in_the_middle(argument, report, n_threads):
    """Do a participant's work; that of one is killed between two of the files that it writes."""
    if argument[0].participant_id == VICTIM:
        move, moved = Path.replace, []

        def move_or_die(self, to):
            if self.suffix == ".gz":
                moved.append(to)
            if len(moved) == 3:
                os.kill(os.getpid(), signal.SIGKILL)
            return move(self, to)

        Path.replace = move_or_die
    return work_on_participant(argument, report, n_threads)
