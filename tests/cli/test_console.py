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


def test_there_is_no_bar_before_there_is_something_to_show(capsys):
    with console.study_shown(20, quiet=False):
        pass
    assert "participants" not in capsys.readouterr().err
    with console.study_shown(20, quiet=False) as show:
        show("sub-01", "clean", 0.5)
    assert "0 of 20 participants" in capsys.readouterr().err
