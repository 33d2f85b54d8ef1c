"""What a step of a ledger is called: what is done, and of what."""

from typing import Self


class StepName(str):
    """The name of a step, as ledgers have it: "clean sub-01_task-rest_bold.nii.gz", "findings"."""

    __slots__ = ()

    @classmethod
    def named(cls, kind: str, of: str = "") -> Self:
        """Return the step that does something of a file, or of all."""
        return cls(f"{kind} {of}".rstrip())

    @property
    def kind(self) -> str:
        """What is done: "clean"."""
        return self.partition(" ")[0]

    @property
    def of(self) -> str:
        """Of which file; empty where it is of all."""
        return self.partition(" ")[2]
