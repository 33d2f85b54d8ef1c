"""What folders of public data sets hold, each of which was met in one."""

import json
import logging
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd

from tests.hostile.harness import (
    COMPUTED,
    Case,
    Said,
    UnmetError,
    World,
    demand,
    fails,
    refused,
    run,
    works,
)
from tests.hostile.runs import all_of, option, raw_run, rows
from tests.hostile.worlds import TIMES, raw_image
from tests.study import studies

ABOUT = "in/dataset_description.json"


def bold_of(who: int, desc: str = "clean", space: str = studies.SPACE) -> str:
    return f"in/sub-{who:02d}/func/sub-{who:02d}_task-rest_space-{space}_desc-{desc}_bold"


def called(desc: str, space: str = studies.SPACE) -> Callable[[World], None]:
    """Call everybody's series otherwise."""

    def change(world: World) -> None:
        for who in range(1, 7):
            for end in (".nii.gz", ".json"):
                new = world.path(bold_of(who, desc, space) + end)
                world.path(bold_of(who) + end).rename(new)

    return change


def confounds(who: int, n: int = studies.N_VOLUMES) -> Callable[[World], None]:
    def change(world: World) -> None:
        names = [f"{kind}_{axis}" for kind in ("trans", "rot") for axis in "xyz"]
        names += ["white_matter", "csf", "global_signal"]
        rng = np.random.default_rng(who)
        table = pd.DataFrame(rng.standard_normal((n, len(names))) / 1e4, columns=names)
        stem = world.path(f"in/sub-{who:02d}/func/sub-{who:02d}_task-rest")
        table.to_csv(f"{stem}_desc-confounds_timeseries.tsv", sep="\t", index=False)

    return change


def longer(
    who: int, n: int = 120, tr: float = 2.0, desc: str = "preproc"
) -> Callable[[World], None]:
    """Give somebody a preprocessed run that is long enough, or too short."""

    def change(world: World) -> None:
        rng = np.random.default_rng(who)
        places = studies.domain()
        path = world.path(bold_of(who, desc) + ".nii.gz")
        studies.save_series(100 + rng.standard_normal((places.n_places, n)), path)
        img = nib.load(path)
        img = nib.Nifti1Image(np.asarray(img.dataobj), img.affine, img.header)
        img.header["pixdim"][4] = tr
        nib.save(img, path)
        world.write(bold_of(who, desc) + ".json", json.dumps({"RepetitionTime": tr}))
        confounds(who, n)(world)

    return change


def made_by(*names: str) -> Callable[[World], None]:
    about = {"Name": "x", "BIDSVersion": "1.10.0", "DatasetType": "derivative"}
    about["GeneratedBy"] = [{"Name": name} for name in names]
    return lambda world: world.write(ABOUT, json.dumps(about)) and None


PREPROC = all_of(called("preproc"), *(longer(who) for who in range(1, 7)))


def first_stage(world: World) -> None:
    world.arguments[world.arguments.index("all")] = "participant"


def settings_of(world: World) -> list[dict[str, object]]:
    return [
        json.loads(path.read_text())
        for path in sorted(world.out.rglob("func/*_desc-clean_bold.json"))
    ]


def cleaned(world: World, said: Said) -> None:
    """The series were regressed, filtered and smoothed here."""
    rows(6)(world, said)
    about = settings_of(world)
    demand(len(about) == 6, f"{len(about)} clean runs")
    demand(all(not a["StepsDoneBefore"] for a in about), f"{about[0]['StepsDoneBefore']}")


def six_of_motion(world: World, said: Said) -> None:
    rows(1)(world, said)
    (about,) = settings_of(world)
    # Waves 1 to 7 of 90 volumes are in the band; 6 + 3 regressors and the trend are taken away.
    df = float(str(about["NominalDegreesOfFreedom"]))
    demand(abs(df - 4) < 1e-6, f"{df} degrees of freedom")


def cifti(path: Path) -> None:
    """Write a dense series as fMRIPrep does."""
    path.parent.mkdir(parents=True, exist_ok=True)
    brain = nib.cifti2.BrainModelAxis.from_mask(np.ones((3, 3, 3), bool), affine=np.eye(4))
    series = nib.cifti2.SeriesAxis(0, 2, 20)
    data = np.random.default_rng(0).standard_normal((20, 27)).astype(np.float32)
    nib.save(nib.Cifti2Image(data, (series, brain)), path)


def table_names(name: str) -> Callable[[World], None]:
    def change(world: World) -> None:
        cifti(world.path(f"in/scans/{name}"))
        world.edit("in/files.tsv", "scans/2.nii.gz", f"scans/{name}")

    return change


def mask_is_cifti(world: World) -> None:
    cifti(world.path("in/brain.dscalar.nii"))
    world.option("--mask", world.path("in/brain.dscalar.nii"))


def maps_are_cifti(world: World) -> None:
    cifti(world.path("in/a.dscalar.nii"))
    text = world.path("in/maps.tsv").read_text().splitlines()
    text[2] = "sub-02\ta.dscalar.nii"
    world.write("in/maps.tsv", "\n".join(text) + "\n")


def names_of_people(change: Callable[[str], str]) -> Callable[[World], None]:
    def edit(world: World) -> None:
        lines = world.path("in/participants.tsv").read_text().splitlines()
        world.write("in/participants.tsv", "\n".join([lines[0], *map(change, lines[1:])]) + "\n")

    return edit


def many_raw(n: int, json_: object = None, tr: float = 2.0) -> Callable[[World], None]:
    """Add people to a raw dataset, none with slice times."""

    def change(world: World) -> None:
        for who in range(7, 7 + n):
            raw_run(who, "task-rest", shape=(5, 4, 4, 24), tr=tr, json_=json_)(world)

    return change


def sidecar(name: str = "in/task-rest_bold.json", **content: object) -> Callable[[World], None]:
    about = {"RepetitionTime": 2.0, "TaskName": "rest", "SliceTiming": TIMES, **content}
    about = {key: value for key, value in about.items() if value is not None}
    return lambda world: world.write(name, json.dumps(about)) and None


def trim(n: int) -> Callable[[World], None]:
    def change(world: World) -> None:
        place = world.arguments.index("preprocessing.n_trim=2")
        world.arguments[place] = f"preprocessing.n_trim={n}"

    return change


def header_tr(*who: int, tr: float) -> Callable[[World], None]:
    return all_of(*(raw_run(one, "task-rest", tr=tr) for one in who))


def fieldmaps(world: World) -> None:
    for who in range(1, 7):
        stem = f"in/sub-{who:02d}/fmap/sub-{who:02d}"
        for direction in ("AP", "PA"):
            raw_image(world.path(f"{stem}_dir-{direction}_epi.nii.gz"), (5, 4, 4))


class Heard(logging.Handler):
    """Keeps what is logged: what a command says before its work is stopped."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(record.getMessage())


def accepted(name: str, world: str, change: Callable[[World], None], says: list[str]) -> Case:
    """Return a case of raw scans whose computing would begin, with these words said before."""

    def judge(world: World) -> None:
        heard = Heard()
        logging.getLogger("commissure").addHandler(heard)
        try:
            run(world)
        except UnmetError as error:
            demand(str(error) == COMPUTED, str(error))
        else:
            demand(False, "refused, or nothing was to be done")
        finally:
            logging.getLogger("commissure").removeHandler(heard)
        told = " ".join(heard.said)
        demand(all(words in told for words in says), f"of {says} some are not told: {told!r}")

    return Case(name, world, change, judge)


SIDECAR = {"RepetitionTime": 2.0, "SliceTiming": TIMES}
CASES = (
    works("tedana-is-cleaned-here", "study", all_of(PREPROC, made_by("tedana", "fMRIPrep"), first_stage), cleaned),
    fails("short-multiband-is-told-before", "study", all_of(PREPROC, longer(2, 100, 0.8), option("--participant-label", "02"), first_stage), ["sub-02", "motion = 6 would leave"], ("cannot be cleaned",)),
    works("short-multiband-with-six-regressors", "study", all_of(PREPROC, longer(2, 100, 0.8), option("--participant-label", "02", "--set", "preprocessing.motion=6"), first_stage), six_of_motion),
    refused("rapidtide-only", "study", called("lfofilterCleaned"), ["lfofilterCleaned"], ("desc-",)),
    refused("cpac", "study", called("preproc-1", "template"), ["desc-preproc-1"], ("BIDS", "not known", "table")),
    refused("cpac-space", "study", all_of(called("preproc", "template"), *(confounds(w) for w in range(1, 7))), ["template"], ("MNI space by another name",)),
    refused("cifti-in-a-table", "table", table_names("2.dtseries.nii"), ["2.dtseries.nii"], ("CIFTI",)),
    refused("cifti-as-mask", "scan", mask_is_cifti, ["brain.dscalar.nii"], ("CIFTI",)),
    refused("cifti-as-map", "maps", maps_are_cifti, ["a.dscalar.nii"], ("CIFTI",)),
    refused("ids-without-zeros", "study", names_of_people(lambda line: line.replace("sub-0", "sub-")), ["sub-1", "sub-01"], ("zeros",), lines=1),
    refused("ids-of-another-kind", "study", names_of_people(lambda line: line.replace("sub-0", "P")), ["sub-01", "P1"], ("has no row",), lines=1),
    refused("tr-of-1500-seconds", "raw", header_tr(*range(1, 7), tr=1500.0), ["1500", "[input] tr"], ("1500 s by the header",), lines=1),
    accepted("tr-of-1500-seconds-is-overridden", "raw", all_of(header_tr(*range(1, 7), tr=1500.0), sidecar(RepetitionTime=1.5, SliceTiming=None), option("--set", "preprocessing.slice_timing=false", "--set", "input.tr=1.5")), ["[input] tr", "1500", "5 more"]),
    accepted("tr-in-milliseconds-is-overridden", "raw", all_of(sidecar(RepetitionTime=2000), option("--set", "input.tr=2")), ["[input] tr", "its sidecar says 2000", "5 more"]),
    accepted("tr-is-given-where-nobody-says-it", "raw", all_of(sidecar(RepetitionTime=None), option("--set", "input.tr=2")), []),
    refused("tr-that-is-given-is-checked-against-slice-times", "raw", option("--set", "input.tr=1"), ["SliceTiming"], ("past the repetition time",), lines=1),
    accepted("field-maps", "raw", fieldmaps, ["fmap/", "sub-01", "not used"]),
    accepted("volumes-discarded-by-the-scanner", "raw", all_of(sidecar(NumberOfVolumesDiscardedByScanner=2, NumberOfVolumesDiscardedByUser=1), trim(10)), ["NumberOfVolumesDiscardedByScanner is 2", "7 of the 10", "5 more"]),
    accepted("volumes-discarded-are-no-number", "raw", sidecar(NumberOfVolumesDiscardedByUser="n/a"), ["NumberOfVolumesDiscardedByUser is 'n/a'"]),
    accepted("task-of-73-letters", "raw", all_of(*(raw_run(i, "task-" + "Incidental" * 7 + "abc", json_=SIDECAR) for i in range(1, 7)), option("--task", "Incidental" * 7 + "abc")), []),
    refused("name-of-more-than-files-may-have", "raw", raw_run(1, "task-" + "x" * 120, "acq-" + "y" * 60, json_=SIDECAR), ["sub-01", "160"], ("characters",)),
    refused("hundred-without-a-tr", "raw", all_of(lambda w: w.path("in/task-rest_bold.json").unlink(), many_raw(60)), ["RepetitionTime"], ("65 more", "66"), lines=2),
    refused("hundred-without-slice-times", "raw", all_of(lambda w: w.write("in/task-rest_bold.json", '{"RepetitionTime": 2.0}') and None, many_raw(60)), ["SliceTiming"], ("65 more", "66"), lines=1),
)  # fmt: skip
