"""C: JSON files of any shape, beside images and above them."""

import json

import pandas as pd

from tests.hostile.harness import Said, World, demand, fails, refused, survives, told, works
from tests.study import studies

NAME = f"in/sub-02/func/sub-02_task-rest_space-{studies.SPACE}_desc-clean_bold.json"
ABOUT = "in/dataset_description.json"
RAW = "in/task-rest_bold.json"
OWN = "in/sub-01/func/sub-01_task-rest_bold.json"
SHAPE = ("object", "list", "shape", "JSON", "must be", "dictionary")
NUMBER = ("number", "must be", "above", "below", "more", "finite", "positive")


def put(name: str, content: object):
    """Write a file; what is no text or bytes becomes JSON."""

    def change(world: World) -> None:
        world.write(name, content if isinstance(content, str | bytes) else json.dumps(content))

    return change


def df(value: object):
    """Edit what a sidecar says of the degrees of freedom."""

    def change(world: World) -> None:
        text = json.dumps({"RepetitionTime": 2.0, "EffectiveDegreesOfFreedom": 4711})
        world.write(
            NAME, text.replace("4711", value if isinstance(value, str) else json.dumps(value))
        )

    return change


def raw(**content: object):
    def change(world: World) -> None:
        world.write(OWN, json.dumps(content))

    return change


def folder(name: str):
    def change(world: World) -> None:
        world.path(name).unlink(missing_ok=True)
        world.path(name).mkdir()

    return change


def six(world: World, said: Said) -> None:
    table = pd.read_csv(world.out / "quality.tsv", sep="\t")
    demand(len(table) == 6, f"{len(table)} rows")


CASES = (
    refused("df-is-text", "study", df('"x"'), ["sub-02", "EffectiveDegreesOfFreedom"], NUMBER),
    refused("df-is-a-list", "study", df("[50]"), ["sub-02", "EffectiveDegreesOfFreedom"], NUMBER),
    refused("df-is-true", "study", df("true"), ["sub-02", "EffectiveDegreesOfFreedom"], NUMBER),
    refused("df-is-negative", "study", df("-5"), ["sub-02", "EffectiveDegreesOfFreedom"], NUMBER),
    refused("df-is-nan", "study", df("NaN"), ["sub-02"], (*NUMBER, "JSON", "NaN")),
    refused("df-is-infinite", "study", df("1e999"), ["sub-02"], (*NUMBER, "JSON", "Infinity")),
    refused("df-is-more-than-volumes", "study", df("5000"), ["sub-02", "EffectiveDegreesOfFreedom"], (*NUMBER, "volume")),
    survives("df-is-null", "study", df("null"), six),
    refused("sidecar-is-a-list", "study", put(NAME, [1, 2]), ["sub-02"], SHAPE),
    refused("sidecar-is-a-number", "study", put(NAME, "3"), ["sub-02"], SHAPE),
    refused("sidecar-is-empty", "study", put(NAME, ""), ["sub-02"], ("empty", *SHAPE)),
    refused("sidecar-is-broken", "study", put(NAME, '{"RepetitionTime": 2.0,'), ["sub-02"], SHAPE),
    refused("sidecar-is-latin-1", "study", put(NAME, '{"Institution": "Universität"}'.encode("latin-1")), ["sub-02"], ("UTF-8", "text", *SHAPE)),
    survives("sidecar-is-utf-16", "study", put(NAME, '{"RepetitionTime": 2.0}'.encode("utf-16")), six),
    works("sidecar-has-byte-order-mark", "study", put(NAME, '\ufeff{"RepetitionTime": 2.0, "EffectiveDegreesOfFreedom": 52}'), six),
    refused("sidecar-is-a-folder", "study", folder(NAME), ["sub-02"], ("folder", "read", "file")),
    refused("sidecar-is-deep", "study", put(NAME, "[" * 100_000), ["sub-02"], ("deep", "nested", *SHAPE)),
    refused("sidecar-tr-contradicts", "study", put(NAME, {"RepetitionTime": 3.0}), ["sub-02", "3"], ("header", "repetition")),
    refused("sidecar-tr-is-text", "study", put(NAME, {"RepetitionTime": "2.0"}), ["sub-02", "RepetitionTime"], NUMBER),
    refused("sidecar-tr-in-ms", "study", put(NAME, {"RepetitionTime": 2000}), ["sub-02"], ("second", "milli")),
    survives("sidecar-is-missing", "study", lambda w: w.path(NAME).unlink(), six),
    refused("about-is-a-list", "study", put(ABOUT, []), ["dataset_description.json"], SHAPE),
    refused("about-is-broken", "study", put(ABOUT, "{"), ["dataset_description.json"], SHAPE),
    refused("about-is-empty", "study", put(ABOUT, ""), ["dataset_description.json"], ("empty", *SHAPE)),
    refused("about-is-latin-1", "study", put(ABOUT, '{"Name": "Kölner Studie"}'.encode("latin-1")), ["dataset_description.json"], ("UTF-8", *SHAPE)),
    refused("about-is-a-folder", "study", folder(ABOUT), ["dataset_description.json"], ("folder", "file", "read")),
    survives("about-is-missing", "study", lambda w: w.path(ABOUT).unlink(), six),
    survives("about-type-is-a-number", "study", put(ABOUT, {"DatasetType": 7}), six),
    survives("about-generated-by-text", "study", put(ABOUT, {"DatasetType": "derivative", "GeneratedBy": "fMRIPrep"}), six),
    survives("about-generated-by-numbers", "study", put(ABOUT, {"DatasetType": "derivative", "GeneratedBy": [1, None]}), six),
    survives("about-generated-by-nameless", "study", put(ABOUT, {"DatasetType": "derivative", "GeneratedBy": [{}]}), six),
    survives("about-name-is-an-object", "study", put(ABOUT, {"Name": {"x": 1}, "DatasetType": "derivative"}), six),
    survives("about-sources-odd", "study", put(ABOUT, {"DatasetType": "derivative", "SourceDatasets": [{"URL": 3}, "x", {"URL": "file:///etc"}]}), six),
    survives("about-links-odd", "study", put(ABOUT, {"DatasetType": "derivative", "DatasetLinks": ["/etc", {}]}), six),
    refused("raw-tr-in-ms", "raw", put(RAW, {"RepetitionTime": 2000, "SliceTiming": [0, 1, 0.5, 1.5]}), ["sub-01"], ("milli", "second"), lines=6),
    refused("raw-tr-is-text", "raw", put(RAW, {"RepetitionTime": "2", "SliceTiming": [0, 1, 0.5, 1.5]}), ["RepetitionTime"], NUMBER, lines=6),
    refused("raw-tr-is-negative", "raw", raw(RepetitionTime=-2), ["sub-01", "RepetitionTime"], NUMBER),
    refused("raw-tr-is-true", "raw", raw(RepetitionTime=True), ["sub-01", "RepetitionTime"], NUMBER),
    refused("raw-tr-is-null", "raw", raw(RepetitionTime=None), ["sub-01", "RepetitionTime"], (*NUMBER, "no RepetitionTime")),
    refused("raw-tr-is-infinite", "raw", put(OWN, '{"RepetitionTime": 1e999}'), ["sub-01"], (*NUMBER, "JSON")),
    refused("raw-slices-too-few", "raw", raw(SliceTiming=[0, 1]), ["sub-01", "SliceTiming"], ("slices", "values")),
    refused("raw-slices-in-ms", "raw", raw(SliceTiming=[0, 500, 1000, 1500]), ["sub-01", "SliceTiming"], ("milli", "second")),
    refused("raw-slices-are-text", "raw", raw(SliceTiming="interleaved"), ["sub-01", "SliceTiming"], ("list", "number")),
    refused("raw-slices-nested", "raw", raw(SliceTiming=[[0], [1], [0.5], [1.5]]), ["sub-01", "SliceTiming"], ("list", "number")),
    refused("raw-slices-nan", "raw", put(OWN, '{"SliceTiming": [0, NaN, 1, 1.5]}'), ["sub-01"], (*NUMBER, "JSON")),
    refused("raw-direction-odd", "raw", raw(SliceEncodingDirection=7), ["sub-01", "SliceEncodingDirection"], ("third", "k", "must be")),
    refused("raw-sidecar-is-a-list", "raw", put(RAW, [1]), ["task-rest_bold.json"], SHAPE, lines=2),
    refused("raw-sidecar-is-broken", "raw", put(RAW, "{'RepetitionTime': 2}"), ["task-rest_bold.json"], SHAPE, lines=2),
    refused("raw-sidecar-is-empty", "raw", put(RAW, ""), ["task-rest_bold.json"], ("empty", *SHAPE), lines=2),
    refused("raw-sidecar-is-a-folder", "raw", folder(RAW), ["task-rest_bold.json"], ("folder", "file", "read"), lines=2),
    refused("raw-sidecar-of-mac-fork", "raw", lambda w: (w.path(RAW).rename(w.path("in/._task-rest_bold.json"))), ["RepetitionTime"], ("no ", "sidecar"), lines=12),
    refused("ignore-not-utf-8", "raw", put("in/.bidsignore", b"\xff\xfe\x00x"), [".bidsignore"], ("UTF-8", "text")),
    refused("ignore-is-a-folder", "raw", folder("in/.bidsignore"), [".bidsignore"], ("folder", "file", "read")),
    refused("ignore-everything", "raw", put("in/.bidsignore", "*\n**\n"), [".bidsignore"], ("ignore", "no ", "nothing")),
    fails("map-of-clean-run-cut", "study", lambda w: w.write(NAME.replace(".json", ".nii.gz"), w.path(NAME.replace(".json", ".nii.gz")).read_bytes()[:-90]), ["sub-02"], ("damaged", "cut")),
    told("participants-json-units", "study", put("in/participants.json", {"age": {"Units": "years"}, "score": {"Units": 3}}), [], ("",), six),
)  # fmt: skip
