"""Studies that several tests look at, each written once for all workers."""

import pytest
from filelock import FileLock

from commissure.report.files import write_report
from tests.report.fake_study import fake_study

# In participants.tsv and in the names of folders: it must stay text everywhere.
NASTY = "sub-<script>alert(1)<script>"


def _once(tmp_path_factory, worker_id, name, make):
    root = tmp_path_factory.getbasetemp()
    if worker_id != "master":
        root = root.parent
    out = root / name
    with FileLock(root / f"{name}.lock"):
        if not (out / "report.html").exists():
            make(out)
            write_report(out)
    return out


@pytest.fixture(scope="session")
def worker(request):
    return getattr(request.config, "workerinput", {}).get("workerid", "master")


@pytest.fixture(scope="session")
def finished(tmp_path_factory, worker):
    """Return the folder of a study with a finding, two who moved and one who failed."""

    def make(out):
        names = [f"sub-{i + 1:02d}" for i in range(21)]
        names[3] = NASTY
        fake_study(
            out,
            21,
            effect=0.4,
            moved=(1, 12),
            failed=(4,),
            names=names,
            n_permutations=60,
            rois=("putamen=sphere:-28,0,8,6", "midline=sphere:0,-20,30,10"),
        )

    return _once(tmp_path_factory, worker, "finished", make)


@pytest.fixture(scope="session")
def half_done(tmp_path_factory, worker):
    """Return the folder of a study that goes on: three done, one failed, two to be done."""

    def make(out):
        fake_study(out, 6, failed=(1,), waiting=(4, 5))

    return _once(tmp_path_factory, worker, "half-done", make)
