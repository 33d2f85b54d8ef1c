"""B1, B4, B5 and C: images, and the headers that say what they are."""

import gzip
import json
import shutil
import struct

import nibabel as nib
import numpy as np

from commissure import Domain
from tests.conftest import DATA, ball_image, store_otherwise
from tests.hostile.harness import Said, World, demand, refused, run, survives, told, works
from tests.study import studies

MAP = "in/sub-04_space-MNI152NLin2009aSym_stat-cfh_boldmap.nii.gz"
MASK = "in/mask.nii.gz"
BOLD = "in/sub-01_space-MNI152NLin6Asym_bold.nii.gz"
T = "contrast-GroupPatientMinusGroupControl_stat-t_statmap.nii.gz"
DAMAGED = (
    "damaged",
    "cut",
    "read as an image",
    "image",
    "short",
    "unzip",
    "gzip",
    "size",
    "header",
)
GRID = ("grid", "shape", "affine", "voxel", "same places", "size")
VALUES = (
    "data",
    "value",
    "zero",
    "constant",
    "same",
    "finite",
    "nan",
    "empty",
    "time series",
    "missing",
)


def resave(name: str, function):
    """Store an image otherwise."""

    def change(world: World) -> None:
        img = nib.load(world.path(name))
        img = nib.Nifti1Image(np.asarray(img.dataobj), img.affine, img.header)
        nib.save(function(img), world.path(name))

    return change


def data(function):
    """Edit the data of an image, which stay float."""

    def edit(img):
        values = np.asarray(img.dataobj, dtype=np.float32)
        return nib.Nifti1Image(function(values.copy()), img.affine, img.header)

    return edit


def content(name: str, function):
    """Edit the bytes of a file."""

    def change(world: World) -> None:
        world.write(name, function(world.path(name).read_bytes()))

    return change


def header(name: str, offset: int, layout: str, *values: object):
    """Put values into the bytes of a header."""

    def change(raw: bytes) -> bytes:
        whole = bytearray(gzip.decompress(raw))
        struct.pack_into("<" + layout, whole, offset, *values)
        return gzip.compress(bytes(whole))

    return content(name, change)


def affine(name: str, matrix):
    def edit(img):
        img.set_sform(matrix, 1)
        img.set_qform(None, 0)
        return img

    return resave(name, edit)


def shifted(mm: float):
    def edit(img):
        moved = img.affine.copy()
        moved[0, 3] += mm
        new = nib.Nifti1Image(np.asarray(img.dataobj), moved)
        new.header.set_zooms(img.header.get_zooms())
        return new

    return edit


def otherwise(img):
    return store_otherwise(img, (2, 0, 1), (-1, 1, -1))


def mirrored_qform(img):
    turned = img.affine @ np.diag([-1, 1, 1, 1])
    img.set_qform(turned, 1)
    img.set_sform(img.affine, 1)
    return img


def scaled(img):
    new = nib.Nifti1Image(np.asarray(img.dataobj), img.affine)
    new.set_data_dtype(np.int16)
    return new


def all_otherwise(world: World) -> None:
    for path in world.path("in").glob("*.nii.gz"):
        resave(path, otherwise)(world)


def after_plain(change):
    """Take note of the findings of the world as it is, then change it."""

    def both(world: World) -> None:
        out = world.out
        world.out = world.path("plain")
        said = run(world)
        assert said.code == 0, said.err
        world.seen["t"] = nib.load(world.path(f"plain/{T}")).get_fdata()
        world.out = out
        change(world)

    return both


def as_plain(world: World, said: Said) -> None:
    found = nib.load(world.out / T)
    reference = nib.load(world.path(f"plain/{T}"))
    places = Domain.from_mask(ball_image(), both_sides=False)
    one, two = places.sample(found), places.sample(reference)
    demand(np.allclose(one, two, atol=2e-3, equal_nan=True), "other findings than before")


def zero_part(values):
    values[:, :5] = 0
    return values


def some_nan(values):
    places = np.argwhere(values != 0)
    for place in places[:: len(places) // 40]:
        values[tuple(place)] = np.nan
    return values


def half_mask(img):
    values = np.asarray(img.dataobj).copy()
    values[: values.shape[0] // 2 + 1] = 0
    return nib.Nifti1Image(values, img.affine)


def nan_mask(img):
    values = np.asarray(img.dataobj).astype(np.float32)
    values[values == 0] = np.nan
    return nib.Nifti1Image(values, img.affine)


def dtype(kind):
    return lambda img: nib.Nifti1Image(np.asarray(img.dataobj).astype(kind), img.affine)


def rgb(img):
    values = np.zeros(img.shape, [("R", "u1"), ("G", "u1"), ("B", "u1")])
    return nib.Nifti1Image(values, img.affine)


def cifti(name: str):
    def change(world: World) -> None:
        world.path(name).unlink()
        target = name.replace(".nii.gz", ".dtseries.nii")
        shutil.copy(DATA / "cases" / "tiny.dtseries.nii", world.path(target))
        world.arguments = [
            a.replace(name.removeprefix("in/"), target.removeprefix("in/")) for a in world.arguments
        ]
        if world.path("in/maps.tsv").exists():
            text = world.path("in/maps.tsv").read_text()
            world.write("in/maps.tsv", text.replace(name[3:], target[3:]))

    return change


def cifti_table(world: World) -> None:
    shutil.copy(DATA / "cases" / "tiny.dtseries.nii", world.path("in/tiny.dtseries.nii"))
    shutil.copy(DATA / "cases" / "cifti_table.tsv", world.path("in/files.tsv"))


def sidecar(what: object):
    def change(world: World) -> None:
        world.write(BOLD.replace(".nii.gz", ".json"), json.dumps(what))

    return change


def header_tr(seconds: float, units: str = "sec"):
    def edit(img):
        img.header["pixdim"][4] = seconds
        img.header.set_xyzt_units("mm", units)
        return img

    return edit


def volumes(n: int):
    return lambda img: nib.Nifti1Image(np.asarray(img.dataobj)[..., :n], img.affine, img.header)


def bomb(world: World) -> None:
    """A few kilobytes that say to be gigabytes, and are."""
    head = bytearray(gzip.decompress(world.path(MAP).read_bytes())[:352])
    struct.pack_into("<8h", head, 40, 3, 1500, 1500, 200, 1, 1, 1, 1)
    with gzip.open(world.path(MAP), "wb", compresslevel=9) as file:
        file.write(bytes(head))
        block = bytes(1 << 24)
        for _ in range(6):
            file.write(block)


def two_runs(second):
    """Give sub-01 a second run, stored in its own way."""

    def change(world: World) -> None:
        name = f"sub-01_task-rest_space-{studies.SPACE}_desc-clean_bold"
        folder = world.path("in/sub-01/func")
        for end in (".nii.gz", ".json"):
            one = name.replace("task-rest", "task-rest_run-1")
            two = name.replace("task-rest", "task-rest_run-2")
            shutil.copy(folder / f"{name}{end}", folder / f"{two}{end}")
            (folder / f"{name}{end}").rename(folder / f"{one}{end}")
        studies.save_series(studies.series_of(71), folder / f"{two}.nii.gz")
        resave(folder / f"{two}.nii.gz", second)(world)

    return change


def mean_of_patients(world: World, said: Said) -> None:
    """The mean map of the patients, from the maps of their runs, place by place in mm."""
    places = studies.domain()

    def of(who: str) -> np.ndarray:
        maps = sorted(world.out.glob(f"{who}/func/*stat-cfh_*boldmap.nii.gz"))
        return np.mean([places.sample(nib.load(p)) for p in maps], axis=0)

    expected = np.mean([of("sub-01"), of("sub-03"), of("sub-05")], axis=0)
    found = places.sample(nib.load(world.out / "group" / "group-patient_stat-mean_statmap.nii.gz"))
    both = np.isfinite(found) & np.isfinite(expected)
    demand(both.sum() > 200, f"{both.sum()} places are left")
    demand(np.allclose(found[both], expected[both], atol=1e-4), "not the mean of the runs")


CASES = (
    works("one-map-stored-mirrored", "maps", after_plain(resave(MAP, lambda i: store_otherwise(i, (0, 1, 2), (-1, 1, 1)))), as_plain),
    works("all-images-stored-otherwise", "maps", after_plain(all_otherwise), as_plain),
    works("mask-stored-mirrored", "maps", after_plain(resave(MASK, otherwise)), as_plain),
    works("map-of-integers-with-slope", "maps", after_plain(resave(MAP, scaled)), as_plain),
    works("map-big-endian", "maps", after_plain(resave(MAP, lambda i: nib.Nifti1Image(np.asarray(i.dataobj), i.affine, i.header.as_byteswapped(">")))), as_plain),
    works("map-float64", "maps", after_plain(resave(MAP, dtype(np.float64))), as_plain),
    works("mask-of-floats", "maps", after_plain(resave(MASK, dtype(np.float32))), as_plain),
    works("mask-boolean-255", "maps", after_plain(resave(MASK, lambda i: nib.Nifti1Image(np.asarray(i.dataobj) * np.uint8(255), i.affine))), as_plain),
    survives("mask-with-nan-outside", "maps", after_plain(resave(MASK, nan_mask)), as_plain),
    survives("mask-of-0.999", "maps", after_plain(resave(MASK, data(lambda v: v * np.float32(0.999)))), as_plain),
    refused("mask-4d", "maps", resave(MASK, lambda i: nib.Nifti1Image(np.stack([np.asarray(i.dataobj)] * 3, -1), i.affine)), ["mask.nii.gz"], ("3", "dimension", "volume")),
    refused("mask-empty", "maps", resave(MASK, data(lambda v: v * 0)), ["mask.nii.gz"], ("empty",)),
    refused("mask-nan-only", "maps", resave(MASK, data(lambda v: v * np.nan)), ["mask.nii.gz"], ("empty", "finite", "value", "NaN")),
    refused("mask-rgb", "maps", resave(MASK, rgb), ["mask.nii.gz"], ("colour", "number", "type", "rgb", "read as an image")),
    refused("mask-complex", "maps", resave(MASK, dtype(np.complex64)), ["mask.nii.gz"], ("complex", "number", "type", "real")),
    refused("mask-other-grid", "maps", resave(MASK, shifted(24)), ["mask.nii.gz"], GRID, lines=13),
    refused("mask-one-side-cfh", "scan", resave(MASK, half_mask), ["mask.nii.gz"], ("left", "hemisphere", "side")),
    refused("mask-probabilities-cfh", "scan", lambda w: (resave(MASK, data(lambda v: v * np.float32(0.4)))(w), w.add("--mask-threshold", "0.9")), ["mask"], ("empty", "threshold", "above")),
    refused("mask-cifti", "maps", cifti(MASK), ["mask.dtseries.nii"], ("CIFTI", "grayordinate", "surface", "volume")),
    refused("map-cifti", "maps", cifti(MAP), ["dtseries.nii"], ("CIFTI", "grayordinate", "surface", "volume")),
    refused("scan-cifti", "scan", cifti(BOLD), ["dtseries.nii"], ("CIFTI", "grayordinate", "surface", "volume")),
    refused("table-cifti", "table", cifti_table, ["tiny.dtseries.nii"], ("CIFTI", "grayordinate", "surface", "volume")),
    refused("map-shifted", "maps", resave(MAP, shifted(24)), ["sub-04"], GRID),
    refused("map-shifted-half-a-voxel", "maps", resave(MAP, shifted(1.5)), ["sub-04"], GRID),
    refused("map-other-voxels", "maps", resave(MAP, lambda i: nib.Nifti1Image(np.asarray(i.dataobj)[:-1], i.affine)), ["sub-04"], GRID),
    refused("map-4d", "maps", resave(MAP, lambda i: nib.Nifti1Image(np.stack([np.asarray(i.dataobj)] * 2, -1), i.affine)), ["sub-04"], ("3", "dimension", "volume")),
    refused("map-nan-everywhere", "maps", resave(MAP, data(lambda v: v * np.nan)), ["sub-04"], VALUES),
    refused("map-zero-everywhere", "maps", resave(MAP, data(lambda v: v * 0)), ["sub-04"], VALUES),
    refused("map-constant", "maps", resave(MAP, data(lambda v: v * 0 + 1)), ["sub-04"], VALUES),
    refused("map-inf-somewhere-huge", "maps", resave(MAP, data(lambda v: np.where(v != 0, np.float32(3e38), v))), ["sub-04"], (*VALUES, "large")),
    told("map-lacks-half", "maps", resave(MAP, data(zero_part)), ["sub-04"], ("places", "voxels", "coverage")),
    told("map-lacks-a-tenth", "maps", resave(MAP, data(some_nan)), ["sub-04"], ("places", "voxels", "coverage")),
    told("one-map-of-another-scale", "maps", resave(MAP, data(lambda v: v * 1e6)), ["sub-04"], ("far", "large", "scale", "unlike", "than the others", "values")),
    refused("map-empty-placeholder", "maps", content(MAP, lambda b: b""), ["sub-04"], ("empty", "0 bytes", *DAMAGED)),
    refused("map-cut", "maps", content(MAP, lambda b: b[:-30]), ["sub-04"], DAMAGED),
    refused("map-cut-inside-its-gzip", "maps", content(MAP, lambda b: gzip.compress(gzip.decompress(b)[:-400])), ["sub-04"], DAMAGED, never=("cannot write",)),
    refused("map-flipped-bit", "maps", content(MAP, lambda b: b[:-200] + bytes([b[-200] ^ 64]) + b[-199:]), ["sub-04"], DAMAGED),
    survives("map-longer", "maps", after_plain(content(MAP, lambda b: gzip.compress(gzip.decompress(b) + bytes(800)))), as_plain),
    refused("map-is-text", "maps", content(MAP, lambda b: b"version https://git-lfs.github.com/spec/v1\n"), ["sub-04"], DAMAGED),
    refused("map-is-html", "maps", content(MAP, lambda b: b"<html>Please sign in</html>" * 99), ["sub-04"], DAMAGED),
    survives("map-not-zipped", "maps", after_plain(content(MAP, gzip.decompress)), as_plain),
    survives("map-zipped-twice", "maps", after_plain(content(MAP, gzip.compress)), as_plain),
    refused("map-gzip-bomb", "maps", bomb, ["sub-04"], (*GRID, *DAMAGED, "GB")),
    refused("map-header-dims-huge", "maps", header(MAP, 40, "8h", 3, 32767, 32767, 32767, 1, 1, 1, 1), ["sub-04"], (*GRID, *DAMAGED)),
    refused("map-header-dims-negative", "maps", header(MAP, 40, "8h", 3, -11, 10, 9, 1, 1, 1, 1), ["sub-04"], (*GRID, *DAMAGED)),
    refused("map-header-dims-0", "maps", header(MAP, 40, "8h", 0, 0, 0, 0, 0, 0, 0, 0), ["sub-04"], (*GRID, *DAMAGED, "dimension")),
    refused("map-header-8-dims", "maps", header(MAP, 40, "8h", 9, 11, 10, 9, 1, 1, 1, 1), ["sub-04"], (*GRID, *DAMAGED, "dimension")),
    refused("map-header-type-unknown", "maps", header(MAP, 70, "h", 31337), ["sub-04"], (*DAMAGED, "type")),
    refused("map-header-offset-wild", "maps", header(MAP, 108, "f", 1e30), ["sub-04"], DAMAGED),
    refused("map-header-offset-nan", "maps", header(MAP, 108, "f", float("nan")), ["sub-04"], DAMAGED),
    refused("map-header-offset-inside", "maps", header(MAP, 108, "f", 4.0), ["sub-04"], DAMAGED),
    refused("map-header-magic", "maps", header(MAP, 344, "4s", b"oops"), ["sub-04"], DAMAGED),
    survives("map-header-slope-nan", "maps", after_plain(header(MAP, 112, "2f", float("nan"), float("inf"))), as_plain),
    refused("map-affine-zero", "maps", header(MAP, 280, "12f", *[0.0] * 12), ["sub-04"], ("affine", "left", "sform", "axis", "axes", "header")),
    refused("map-affine-nan", "maps", header(MAP, 280, "12f", *[float("nan")] * 12), ["sub-04"], ("affine", "left", "finite", "sform", "header")),
    refused("map-affine-huge", "maps", header(MAP, 280, "f", 1e30), ["sub-04"], ("affine", "sform", "qform", *GRID)),
    refused("map-no-affine", "maps", header(MAP, 252, "2h", 0, 0), ["sub-04"], ("left", "affine", "sform", "orientation")),
    refused("map-oblique-shear", "maps", affine(MAP, np.array([[3, 2, 0, -15], [0, 3, 0, -13.5], [0, 0, 3, -12], [0, 0, 0, 1.0]])), ["sub-04"], (*GRID, "shear")),
    refused("qform-mirrored-stats", "maps", resave(MAP, mirrored_qform), ["sub-04"], ("left", "qform", "disagree")),
    refused("qform-mirrored-mask", "maps", resave(MASK, mirrored_qform), ["mask.nii.gz"], ("left", "qform", "disagree")),
    refused("qform-mirrored-cfh", "scan", resave(BOLD, mirrored_qform), ["sub-01"], ("left", "qform", "disagree")),
    refused("tr-contradicts-cfh", "scan", lambda w: (sidecar({"RepetitionTime": 1.5})(w), w.add("--band", "0.01", "0.1")), ["sub-01", "1.5"], ("sidecar", "header")),
    refused("tr-in-ms-cfh", "scan", lambda w: (sidecar({"RepetitionTime": 2000})(w), w.add("--band", "0.01", "0.1")), ["sub-01"], ("second", "milli")),
    refused("tr-is-text-cfh", "scan", lambda w: (sidecar({"RepetitionTime": "2 s"})(w), w.add("--band", "0.01", "0.1")), ["sub-01", "RepetitionTime"], ("number",)),
    refused("sidecar-is-a-list-cfh", "scan", sidecar([1]), ["sub-01", "json"], ("object", "list", "JSON")),
    refused("header-tr-negative", "scan", lambda w: (resave(BOLD, header_tr(-2.0))(w), w.add("--band", "0.01", "0.1")), ["sub-01"], ("repetition", "negative", "--tr", "header")),
    refused("header-tr-nan", "scan", lambda w: (resave(BOLD, header_tr(float("nan")))(w), w.add("--band", "0.01", "0.1")), ["sub-01"], ("repetition", "--tr", "header")),
    refused("three-volumes", "scan", resave(BOLD, volumes(3)), ["sub-01"], ("volume",)),
    refused("one-volume", "scan", resave(BOLD, volumes(1)), ["sub-01"], ("volume", "single")),
    refused("volume-of-zeros", "scan", resave(BOLD, data(lambda v: v * (np.arange(v.shape[3]) != 7))), ["sub-01"], ("zero", "volume")),
    refused("series-constant", "scan", resave(BOLD, data(lambda v: v * 0 + 5)), ["sub-01"], ("constant", "time series", "same", "vary")),
    refused("series-inf", "scan", resave(BOLD, data(lambda v: np.where(np.arange(v.shape[3]) == 3, np.inf, v))), ["sub-01"], ("finite", "volume", "value", "inf")),
    refused("scan-3d", "scan", resave(BOLD, lambda i: nib.Nifti1Image(np.asarray(i.dataobj)[..., 0], i.affine)), ["sub-01"], ("volume", "dimension", "4D")),
    refused("scan-5d", "scan", resave(BOLD, lambda i: nib.Nifti1Image(np.asarray(i.dataobj)[..., None], i.affine)), ["sub-01"], ("dimension", "4D")),
    refused("scan-phase-complex", "scan", resave(BOLD, dtype(np.complex64)), ["sub-01"], ("complex", "number", "real", "type")),
    refused("mac-fork-as-scan", "scan", lambda w: (w.write("in/._sub-01_bold.nii.gz", b"\0\5\x16\7" * 30), w.arguments.insert(2, "{in}/._sub-01_bold.nii.gz")), ["._sub-01"], DAMAGED),
    refused("real-head-as-map", "maps", lambda w: shutil.copy(DATA / "cases" / "epi_6mm.nii.gz", w.path(MAP)), ["sub-04"], GRID),
    works("second-run-stored-mirrored", "study", two_runs(lambda i: store_otherwise(i, (0, 1, 2), (-1, 1, 1))), mean_of_patients),
    works("second-run-stored-upside-down", "study", two_runs(otherwise), mean_of_patients),
    refused("second-run-shifted", "study", two_runs(shifted(24)), ["sub-01"], GRID),
    survives("onedrive-placeholder-beside", "study", lambda w: w.write("in/sub-01/func/sub-01_task-rest_bold.nii.gz", b""), lambda w, s: demand((w.out / "group" / "clusters.tsv").exists(), "no findings")),
    works("mac-forks-in-folders", "study", lambda w: [w.write(f"in/sub-0{i}/func/._sub-0{i}_task-rest_space-{studies.SPACE}_desc-clean_bold.nii.gz", b"\0\5\x16\7") for i in (1, 2)] + [w.write("in/._sub-03", b"x"), w.write("in/.DS_Store", b"x"), w.write("in/sub-01/desktop.ini", b"x")], lambda w, s: demand((w.out / "group" / "clusters.tsv").exists(), "no findings")),
)  # fmt: skip
