"""What is wrong with an input, said to the person who gave it."""

from collections.abc import Iterable


class InputError(ValueError):
    """One or more problems of the input, each a full sentence that says what to do.

    Parameters
    ----------
    problems : str or iterable of str
        Each names the file or argument, what is wrong with it and the remedy.

    Notes
    -----
    The command line prints them, a line each, and ends with exit code 2. Anything else that is
    raised is a defect of commissure.
    """

    def __init__(self, problems: str | Iterable[str]) -> None:
        self.problems = (problems,) if isinstance(problems, str) else tuple(problems)
        super().__init__("\n".join(self.problems))
