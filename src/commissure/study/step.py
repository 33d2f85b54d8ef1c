"""A step: what is made once, and again only if its inputs, its settings or its code change."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from commissure.files.shared_paths import without_folders
from commissure.settings.tables import StudySettings
from commissure.workspace.keys import Made, code_of, hash_of, plain
from commissure.workspace.step_name import StepName

Of = TypeVar("Of")
Slice = TypeVar("Slice")
Stamp = Callable[[Path], str]


@dataclass(frozen=True, eq=False)
class Step(Generic[Of, Slice]):
    """A step of a pipeline.

    Attributes
    ----------
    made : str
        What it makes; names the code that counts, see `commissure.workspace.keys`.
    about : callable
        What it works on -> its name in the ledger, and the file that is blamed for what goes wrong;
        None where there is nothing to be done.
    chosen : callable
        Settings of the study and what it works on -> the slice of them that it depends on.
    given : callable
        What it works on, its slice, and a function that stamps the content of files -> all else
        that it depends on, beside the step before it.
    make : callable
        What it works on, its slice, and an empty folder for its files -> facts for the ledger. It
        is not given the settings: what is not in the slice cannot change what it makes.
    """

    made: Made
    about: Callable[[Of], tuple[str, Path] | None]
    chosen: Callable[[StudySettings, Of], Slice]
    given: Callable[[Of, Slice, Stamp], list[Any]]
    make: Callable[[Of, Slice, Path], dict[str, Any]]

    def name(self, of: Of) -> StepName | None:
        """Return what ledgers call it; None where there is nothing to be done."""
        about = self.about(of)
        return None if about is None else StepName.named(self.made, about[0])

    def key(self, of: Of, settings: StudySettings, stamp: Stamp, before: str) -> str:
        """Return a hash of all that what it makes depends on.

        Parameters
        ----------
        of : object
            What it works on.
        settings : StudySettings
        stamp : callable
            Returns a hash of a file's content.
        before : str
            Key of the step before it; empty for the first.
        """
        slice_ = self.chosen(settings, of)
        given = self.given(of, slice_, stamp)
        # Of files it counts what they hold, which is in `given`, and their names, which are told:
        # a study may be moved, with its mask and its regions.
        told = without_folders({"": plain(slice_)})
        return hash_of(code_of(self.made), before, told, given)
