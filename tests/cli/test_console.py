"""What the terminal shows of a study."""

from commissure.cli import console


def test_what_is_nobody_is_not_counted_among_the_participants(monkeypatch):
    told = []

    class Recorded(console.Progress):
        def update(self, task_id, **changes):
            told.append(changes.get("description"))
            super().update(task_id, **changes)

    monkeypatch.setattr(console, "Progress", Recorded)
    with console.study_shown(2, quiet=True) as show:
        for who in ("simulation", "sub-01", "sub-02", "group"):
            show(who, "done", 1.0)
    counts = [text for text in told if text and " of " in text]
    assert counts == ["1 of 2 participants", "2 of 2 participants"]
