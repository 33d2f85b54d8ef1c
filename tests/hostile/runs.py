"""B2: what is averaged or compared is alike in everything but what is meant to differ."""

import json
import shutil

import nibabel as nib
import numpy as np
import pandas as pd

from tests.hostile.harness import Said, World, demand, refused, survives, told, works
from tests.hostile.worlds import raw_image
from tests.study import studies

SPACE = studies.SPACE
SEVERAL = (
    "several",
    "choose",
    "differ",
    "more than one",
    "alike",
    "same",
    "twice",
    "not the",
    "mix",
)


def name_of(who: int, *entities: str, desc: str = "clean", space: str = SPACE) -> str:
    middle = "_".join(entities)
    return f"sub-{who:02d}_{middle}_space-{space}_desc-{desc}_bold"


def add_run(who: int, *entities: str, seed: int = 50, tr: float = 2.0, n: int = 60, **named: str):
    """Give somebody another clean run."""

    def change(world: World) -> None:
        path = world.path(f"in/sub-{who:02d}/func/{name_of(who, *entities, **named)}.nii.gz")
        studies.save_series(studies.series_of(seed + who)[:, :n], path)
        img = nib.load(path)
        img = nib.Nifti1Image(np.asarray(img.dataobj), img.affine, img.header)
        img.header["pixdim"][4] = tr
        nib.save(img, path)
        sidecar = {"RepetitionTime": tr, "EffectiveDegreesOfFreedom": 50.0}
        world.write(str(path).replace(".nii.gz", ".json"), json.dumps(sidecar))

    return change


def move_run(who: int, *entities: str, **named: str):
    """Call somebody's run otherwise."""

    def change(world: World) -> None:
        folder = world.path(f"in/sub-{who:02d}/func")
        for end in (".nii.gz", ".json"):
            old = folder / (name_of(who, "task-rest") + end)
            old.rename(folder / (name_of(who, *entities, **named) + end))

    return change


def everyone(make, *entities: str, **named: str):
    def change(world: World) -> None:
        for who in range(1, 7):
            make(who, *entities, **named)(world)

    return change


def all_of(*changes):
    def change(world: World) -> None:
        for one in changes:
            one(world)

    return change


def option(*arguments: str):
    return lambda world: world.add(*arguments)


def only_rest(world: World, said: Said) -> None:
    tasks = pd.read_csv(world.out / "quality.tsv", sep="\t", dtype=str)["task"]
    demand(set(tasks) == {"rest"}, f"tasks {sorted(set(tasks))} were taken")


def rows(n: int):
    def check(world: World, said: Said) -> None:
        found = len(pd.read_csv(world.out / "quality.tsv", sep="\t"))
        demand(found == n, f"{found} runs, not {n}")

    return check


def magnitude_only(world: World, said: Said) -> None:
    """The phase of an image is not averaged with its magnitude: it is never taken."""
    rows(6)(world, said)
    sources = [
        json.loads(path.read_text())["Sources"]
        for path in world.out.rglob("func/*_stat-cfh_*boldmap.json")
    ]
    demand(len(sources) == 6, "not 6 maps")
    demand(not any("part-phase" in str(source) for source in sources), "a phase was taken")


def raw_run(who: int, *entities: str, shape=(5, 4, 4, 24), tr: float = 2.0, json_: object = None):
    def change(world: World) -> None:
        stem = f"in/sub-{who:02d}/func/sub-{who:02d}_" + "_".join(entities) + "_bold"
        raw_image(world.path(f"{stem}.nii.gz"), shape, tr)
        if json_ is not None:
            world.write(f"{stem}.json", json.dumps(json_))

    return change


def raw_without_rest(who: int):
    def change(world: World) -> None:
        world.path(f"in/sub-{who:02d}/func/sub-{who:02d}_task-rest_bold.nii.gz").unlink()

    return change


def rest_taken_in_raw(world: World) -> None:
    """Rest and n-back, and something else that stops before anything is computed."""
    for who in range(1, 7):
        raw_run(who, "task-nback")(world)


REST_GONE = all_of(*(raw_without_rest(i) for i in range(1, 7)))
TIMES = {"RepetitionTime": 2.0, "SliceTiming": [0.0, 1.0, 0.5, 1.5]}


def sub_01_is_a_file(world: World) -> None:
    shutil.rmtree(world.path("in/sub-01"))
    world.write("in/sub-01", "a file\n")


def nested(world: World) -> None:
    shutil.copytree(world.path("in"), world.path("in/copy of in"))


def derivative_in_raw(world: World) -> None:
    name = f"in/sub-02/func/{name_of(2, 'task-rest')}.nii.gz"
    raw_image(world.path(name))


CASES = (
    told("rest-and-nback", "study", everyone(add_run, "task-nback"), ["rest"], ("task", "nback"), only_rest),
    told("rest-and-nback-of-patients", "study", all_of(add_run(1, "task-nback"), add_run(3, "task-nback")), ["rest"], ("task", "nback"), only_rest),
    refused("nback-and-movie", "study", all_of(everyone(move_run, "task-nback"), everyone(add_run, "task-movie")), ["nback", "movie", "task"], SEVERAL),
    works("task-is-chosen", "study", all_of(everyone(add_run, "task-nback"), option("--task", "rest")), only_rest),
    told("one-lacks-the-task", "study", all_of(move_run(2, "task-nback"), option("--task", "rest")), ["sub-02"], ("rest", "task", "no ")),
    refused("task-of-nobody", "study", option("--task", "sleep"), ["sleep"], ("task", "no ", "matches"), lines=7),
    refused("acquisitions", "study", all_of(everyone(move_run, "task-rest", "acq-fast"), everyone(add_run, "task-rest", "acq-slow")), ["acq", ("fast", "slow")], SEVERAL),
    refused("slab-beside-whole-brain", "study", all_of(move_run(1, "task-rest", "acq-fullbrain", "run-1"), add_run(1, "task-rest", "acq-fullbrain", "run-2"), add_run(1, "task-rest", "acq-prefrontal", seed=90)), ["acq", "prefrontal"], SEVERAL),
    refused("acquisitions-between-people", "study", all_of(*(move_run(i, "task-rest", "acq-a" if i % 2 else "acq-b") for i in range(1, 7))), ["acq"], SEVERAL),
    refused("directions", "study", all_of(everyone(move_run, "task-rest", "dir-AP"), everyone(add_run, "task-rest", "dir-PA")), ["dir", ("AP", "PA")], SEVERAL),
    refused("reconstructions", "study", all_of(everyone(move_run, "task-rest", "rec-a"), everyone(add_run, "task-rest", "rec-b")), ["rec"], SEVERAL),
    refused("echoes", "study", all_of(everyone(move_run, "task-rest", "echo-1"), everyone(add_run, "task-rest", "echo-2")), ["echo"], SEVERAL),
    works("parts", "study", all_of(everyone(move_run, "task-rest", "part-mag"), everyone(add_run, "task-rest", "part-phase")), magnitude_only),
    told("entity-of-patients-only", "study", all_of(*(move_run(i, "task-rest", "dir-AP") for i in (1, 3, 5))), ["dir"], SEVERAL),
    told("descs", "study", everyone(add_run, "task-rest", desc="cleanToo"), ["desc-cleanToo"], ("not taken",), rows(6)),
    told("spaces", "study", everyone(add_run, "task-rest", space="MNI152NLin6Asym"), ["MNI152NLin"], ("space", "taken", "also in", "there is also")),
    refused("space-of-patients-only", "study", all_of(*(move_run(i, "task-rest", space="MNI152NLin6Asym") for i in (1, 3, 5))), ["space"], (*SEVERAL, "has no BOLD")),
    told("runs-of-different-tr", "study", all_of(move_run(1, "task-rest", "run-1"), add_run(1, "task-rest", "run-2", tr=3.0)), ["sub-01"], ("repetition", "TR", "s and", "differ")),
    told("runs-of-different-length", "study", all_of(move_run(1, "task-rest", "run-1"), add_run(1, "task-rest", "run-2", n=30)), ["sub-01"], ("volumes", "length", "long")),
    told("person-of-other-tr", "study", all_of(move_run(1, "task-rest", "run-1"), lambda w: shutil.rmtree(w.path("in/sub-01")), add_run(1, "task-rest", tr=3.0)), ["sub-01"], ("repetition", "TR", "differ")),
    told("person-of-other-length", "study", all_of(lambda w: shutil.rmtree(w.path("in/sub-01")), add_run(1, "task-rest", n=30)), ["sub-01"], ("volumes", "length", "long")),
    refused("run-1-and-run-01", "study", all_of(move_run(1, "task-rest", "run-1"), add_run(1, "task-rest", "run-01")), ["sub-01", "run"], (*SEVERAL, "1")),
    works("two-runs", "study", all_of(move_run(1, "task-rest", "run-1"), add_run(1, "task-rest", "run-2")), rows(7)),
    refused("run-and-run-less", "study", add_run(1, "task-rest", "run-2"), ["sub-01", "run"], (*SEVERAL, "without", "label")),
    told("participant-is-a-file", "study", sub_01_is_a_file, ["sub-01"], ("file", "folder", "no row", "lacks", "input")),
    works("dataset-within-dataset", "study", nested, rows(6)),
    refused("derivative-within-raw", "raw", derivative_in_raw, ["in"], ("raw", "derived", "derivative", "desc")),
    refused("raw-tasks-without-rest", "raw", all_of(REST_GONE, *(raw_run(i, f"task-{t}", json_=TIMES) for i in range(1, 7) for t in ("nback", "movie"))), ["nback", "movie"], SEVERAL),
    refused("raw-echoes", "raw", all_of(REST_GONE, *(raw_run(i, "task-rest", f"echo-{e}") for i in range(1, 7) for e in (1, 2))), ["echo"], SEVERAL, lines=6),
    refused("raw-directions", "raw", all_of(REST_GONE, *(raw_run(i, "task-rest", f"dir-{d}") for i in range(1, 7) for d in ("AP", "PA"))), ["dir"], SEVERAL, lines=6),
    refused("raw-acquisition-of-patients", "raw", all_of(raw_without_rest(1), raw_run(1, "task-rest", "acq-x")), ["acq", "sub-01"], SEVERAL),
    refused("raw-tr-of-one", "raw", all_of(raw_without_rest(1), raw_run(1, "task-rest", tr=2.5)), ["sub-01", "2.5"], ("header", "sidecar")),
    refused("raw-name-unknown", "raw", raw_run(1, "task-rest", "foo-1"), ["foo"], ("BIDS", "name")),
    refused("raw-of-another-person", "raw", lambda w: raw_image(w.path("in/sub-01/func/sub-02_task-rest_bold.nii.gz")), ["sub-02"], ("another", "participant")),
    refused("raw-one-volume", "raw", all_of(raw_without_rest(1), raw_run(1, "task-rest", shape=(5, 4, 4, 1))), ["sub-01"], ("volume",)),
    refused("raw-3d", "raw", all_of(raw_without_rest(1), raw_run(1, "task-rest", shape=(5, 4, 4))), ["sub-01"], ("volume",)),
    refused("raw-blank-in-name", "raw", lambda w: raw_image(w.path("in/sub-01/func/sub-01_task-rest _bold.nii.gz")), ["rest "], ("name", "BIDS", "letters")),
    refused("raw-copy-by-finder", "raw", lambda w: raw_image(w.path("in/sub-01/func/sub-01_task-rest_bold 2.nii.gz")), ["bold 2"], ("name", "BIDS")),
    refused("raw-onedrive-placeholder", "raw", lambda w: w.write("in/sub-01/func/sub-01_task-rest_bold.nii.gz", b""), ["sub-01"], ("empty", "0 bytes", "read as an image", "content")),
    refused("raw-no-t1w-cut", "raw", lambda w: w.write("in/sub-01/anat/sub-01_T1w.nii.gz", b"abc"), ["sub-01_T1w"], ("image", "damaged")),
    refused("raw-t1w-of-another", "raw", lambda w: shutil.copy(w.path("in/sub-02/anat/sub-02_T1w.nii.gz"), w.path("in/sub-01/anat/sub-01_T1w.nii.gz")), ["sub-01", "sub-02", "T1w"], ("same", "copy")),
    refused("raw-t1w-of-two-kinds", "raw", all_of(lambda w: w.path("in/sub-01/anat/sub-01_T1w.nii.gz").rename(w.path("in/sub-01/anat/sub-01_acq-flash_T1w.nii.gz")), lambda w: raw_image(w.path("in/sub-01/anat/sub-01_acq-mprage_T1w.nii.gz"), (5, 4, 4))), ["sub-01", "acq-flash", "acq-mprage", "t1w"], (*SEVERAL, "several")),
    refused("raw-t1w-of-nobody", "raw", option("--set", 'input.t1w="acq-mprage"'), ["sub-01", "acq-mprage"], ("no T1w",), lines=6),
    refused("t1w-of-clean-scans", "study", option("--set", 'input.t1w="acq-mprage"'), ["t1w"], ("cannot be chosen",)),
    survives("no-sessions-with-session-option", "study", option("--session-id", "1"), rows(0)),
)  # fmt: skip
