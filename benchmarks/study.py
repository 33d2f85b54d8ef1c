"""What a whole study costs: indexing, participants on more processes, doing nothing, many maps.

Run by `make bench-study`; writes docs/benchmarks/study.md. Each command is run as users run it.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from scipy.ndimage import gaussian_filter

from benchmarks.measure import DOCS, machine, table
from commissure.inputs import read_scans
from commissure.simulation import Acquisition, simulate_study
from commissure.space.templates import load_template

N_INDEXED = N_MAPS = 1000
SMALL = Acquisition(
    n_volumes=230, matrix=(40, 40, 24), voxel_size=(6.0, 6.0, 6.0), t1w_voxel_size=2.0
)
# Prints the peak memory (MB) of the command it runs.
_WATCH = (
    "import resource, subprocess, sys; code = subprocess.call(sys.argv[1:]);"
    "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e3); sys.exit(code)"
)


def command(*arguments: str | Path) -> tuple[float, float]:
    """Run `commissure`; return the seconds and the peak memory (MB) of its largest process."""
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", _WATCH, sys.executable, "-m", "commissure", *map(str, arguments)],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return time.perf_counter() - start, float(done.stdout.split()[-1])


def index(folder: Path) -> float:
    """Return the seconds that reading 1,000 participants with T1w, BOLD and sidecars takes."""
    img: Any = nib.Nifti1Image(np.zeros((2, 2, 2, 12), np.int16), np.diag([3.0, 3, 3, 1]))
    img.set_sform(img.affine, 1)
    img.set_qform(img.affine, 1)
    img.header.set_zooms((3, 3, 3, 2))
    img.header.set_xyzt_units("mm", "sec")
    sidecar = json.dumps({"TaskName": "rest", "RepetitionTime": 2.0, "SliceTiming": [0.0, 1.0]})
    for i in range(N_INDEXED):
        subject = f"sub-{i:04d}"
        for kind in ("func", "anat"):
            (folder / subject / kind).mkdir(parents=True)
        nib.save(img, folder / subject / "func" / f"{subject}_task-rest_bold.nii.gz")
        nib.save(img.slicer[..., 0], folder / subject / "anat" / f"{subject}_T1w.nii.gz")
        (folder / subject / "func" / f"{subject}_task-rest_bold.json").write_text(sidecar)
    start = time.perf_counter()
    assert len(read_scans(folder, "bids", n_trim=10)) == N_INDEXED
    return time.perf_counter() - start


def make_maps(folder: Path) -> Path:
    """Write 1,000 smooth maps on the 3 mm grid, their table and participants.tsv."""
    template, rng = load_template(3), np.random.default_rng(0)
    lines, people = ["participant_id\tpath"], ["participant_id\tgroup\tage"]
    folder.mkdir()
    for i in range(N_MAPS):
        values = gaussian_filter(rng.standard_normal(template.grey.shape), 1.0).astype(np.float32)
        name = f"sub-{i:04d}_space-MNI152NLin2009aSym_stat-cfh_boldmap.nii"
        img = nib.Nifti1Image(np.where(template.grey > 0.2, values, 0), template.affine)
        img.set_sform(template.affine, 4)
        nib.save(img, folder / name)
        lines.append(f"sub-{i:04d}\t{name}")
        people.append(f"sub-{i:04d}\t{'patient' if i % 2 else 'control'}\t{rng.integers(20, 70)}")
    (folder / "participants.tsv").write_text("\n".join(people) + "\n")
    (folder / "maps.tsv").write_text("\n".join(lines) + "\n")
    return folder / "maps.tsv"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n-participants", type=int, default=4)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        seconds = index(root / "indexed")
        rows = [[f"index {N_INDEXED:,} raw participants", f"{seconds:.1f} s", ""]]
        shutil.rmtree(root / "indexed")

        n = options.n_participants
        bids = simulate_study(root / "bids", n // 2, n - n // 2, 1, acquisition=SMALL)
        took = {}
        for n_procs in (1, 2):
            out = root / f"out{n_procs}"
            run = ("run", bids, out, "participant", "--quiet", "--n-procs", str(n_procs))
            took[n_procs], memory = command(*run)
            rows.append([f"{n} small participants, {n_procs} process(es)",
                         f"{took[n_procs]:.0f} s", f"{memory:,.0f} MB each"])  # fmt: skip
        seconds, _ = command(*run)
        rows.append(["the same run again", f"{seconds:.1f} s", ""])

        maps = make_maps(root / "maps")
        asked = ["group.formula=group + age", "group.contrast=group[patient] - group[control]",
                 "group.clinical=[]", "group.atlas=none",
                 "group.mean_fd_covariate=false", "group.dtype=float32",
                 'group.statistics=["size", "mass"]']  # fmt: skip
        changes = [part for text in asked for part in ("--set", text)]
        seconds, memory = command("run", maps, root / "group", "group", "--quiet", *changes)
        rows.append([f"group stage of {N_MAPS:,} maps, 5,000 permutations (float32)",
                     f"{seconds:.0f} s", f"{memory:,.0f} MB"])  # fmt: skip
    text = "\n".join(
        [
            "# A whole study\n",
            f"{machine()}. Made by `make bench-study`.\n",
            table(["what", "time", "peak memory"], rows),
            f"\nTwo processes take {took[2] / took[1]:.2f} of the time of one.\n",
        ]
    )
    (DOCS / "study.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
