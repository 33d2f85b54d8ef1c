"""Every command refuses the same images, with the same sentence."""

import gzip
import os
import shutil
import tracemalloc

import nibabel as nib
import numpy as np
import pytest

from commissure import Domain
from commissure.cli import main
from commissure.clinical import mask_roi
from commissure.files.atlases import load_atlas
from commissure.files.images import load_image, read_image, read_volumes, sample_file
from commissure.inputs import read_scans
from commissure.problems import InputError
from tests.conftest import DATA, ball_image

AFFINE = ball_image().affine


def series(n_volumes=12):
    inside = np.asarray(ball_image().dataobj)[..., None]
    rng = np.random.default_rng(0)
    return (inside * (100 + rng.standard_normal((*inside.shape[:3], n_volumes)))).astype(np.float32)


def write(path, data, *, qform=None, zoom=2.0, header=()):
    img = nib.Nifti1Image(data, AFFINE)
    img.set_sform(AFFINE, 4)
    img.set_qform(AFFINE if qform is None else qform, 4)
    if img.ndim == 4:
        img.header.set_zooms((*img.header.get_zooms()[:3], zoom))
    img.header.set_xyzt_units("mm", "sec")
    nib.save(img, path)
    for where, value in header:
        patch(path, where, value)
    return path


def patch(path, where, value):
    """Write over bytes of a header."""
    raw = path.read_bytes()
    whole = bytearray(gzip.decompress(raw) if path.suffix == ".gz" else raw)
    whole[where : where + len(value)] = value
    path.write_bytes(gzip.compress(whole) if path.suffix == ".gz" else whole)


def mirrored():
    return np.diag([-1, 1, 1, 1]) @ AFFINE


def shifted():
    moved = AFFINE.copy()
    moved[2, 3] += 5
    return moved


HEADERS = {
    "mirrored": ({"qform": mirrored()}, "disagree about which side is left"),
    "shifted": ({"qform": shifted()}, "sform and qform disagree by up to 5.0 mm"),
    "complex": ({"header": [(70, np.int16(32).tobytes())]}, "values of the type complex64"),
    "no type": ({"header": [(70, np.int16(0).tobytes())]}, "real numbers"),
    "negative": ({"header": [(42, np.int16(-3).tobytes())]}, "dimensions"),
    "infinite slope": ({"header": [(112, np.float32(np.inf).tobytes())]}, "scl_slope"),
    "in metres": ({"header": [(123, b"\x09")]}, "positions in meters"),
    "no affine": ({"header": [(280, np.float32(np.nan).tobytes())]}, "no usable affine"),
    "far offset": ({"header": [(108, np.float32(1e12).tobytes())]}, "damaged or cut short"),
    "early offset": ({"header": [(108, np.float32(100).tobytes())]}, "vox_offset"),
    "bad quaternion": ({"header": [(256, np.float32(7).tobytes())]}, "a qform that cannot be used"),
    "magic": ({"header": [(344, b"abc")]}, "cannot be read as an image"),
    "huge": ({"header": [(42, np.int16([30000] * 3).tobytes())]}, "damaged or cut short"),
}


def refusals(tmp_path, path):
    """Return what each command and function says of a series."""
    said = []
    mask = tmp_path / "good_mask.nii.gz"
    nib.save(ball_image(), mask)
    table = tmp_path / "table.tsv"
    table.write_text(f"participant_id\tpath\tspace\nsub-01\t{path}\tMNI152NLin2009aSym\n")
    domain = Domain.from_mask(ball_image(), both_sides=False)
    labels = tmp_path / "labels.tsv"
    labels.write_text("index\tname\n1\tA\n")
    for door in (
        lambda: load_image(path),
        lambda: read_image(path),
        lambda: read_volumes(path),
        lambda: sample_file(path, domain),
        lambda: read_scans(table),
        lambda: load_atlas(path, labels),
        lambda: Domain.from_mask(read_image(path)),
        lambda: mask_roi(domain, read_image(path)),
    ):
        with pytest.raises(InputError) as caught:
            door()
        said.append(caught.value.problems[0])
    return said


@pytest.mark.parametrize("ending", [".nii.gz", ".nii"])
@pytest.mark.parametrize("case", HEADERS)
def test_every_door_refuses_the_same(tmp_path, case, ending):
    changes, message = HEADERS[case]
    path = write(tmp_path / f"x_bold{ending}", series(), **changes)
    said = refusals(tmp_path, path)
    assert message in said[0]
    assert str(path) in said[0]
    assert set(said) == {said[0]}


def commands(tmp_path, path):
    """Return command lines that read an image as series, map, mask, region and atlas."""
    mask = tmp_path / "good_mask.nii.gz"
    nib.save(ball_image(), mask)
    good = write(tmp_path / "good_bold.nii.gz", series())
    people = tmp_path / "participants.tsv"
    rows = "".join(f"sub-0{i}\t{'ab'[i % 2]}\n" for i in range(6))
    people.write_text(f"participant_id\tgroup\n{rows}")
    maps = tmp_path / "maps.tsv"
    out = tmp_path / "out"
    maps.write_text("participant_id\tpath\n" + "".join(f"sub-0{i}\t{path}\n" for i in range(6)))
    stats = ["stats", "--maps", maps, "--participants", people, "-o", out]
    stats += ["--formula", "group", "--contrast", "group[a] - group[b]"]
    return [
        ["cfh", path, "--mask", mask, "-o", out],
        ["cfh", good, "--mask", path, "-o", out],
        [*stats, "--mask", mask, "--atlas", "none"],
        [*stats, "--mask", path, "--atlas", "none"],
        [*stats, "--mask", mask, "--atlas", f"{path},{people}"],
    ]


@pytest.mark.parametrize("name", ["mirrored", "shifted"])
def test_every_command_refuses_the_same(tmp_path, name, capsys):
    changes, message = HEADERS[name]
    path = write(tmp_path / "x_bold.nii.gz", series(), **changes)
    for command in commands(tmp_path, path):
        assert main([str(part) for part in command]) == 2
        said = capsys.readouterr().err
        assert message in said
        assert "Traceback" not in said
        assert not (tmp_path / "out").exists()


def test_a_sidecar_that_contradicts_the_header_is_refused_by_cfh_too(tmp_path, capsys):
    path = write(tmp_path / "x_bold.nii.gz", series())
    (tmp_path / "x_bold.json").write_text('{"RepetitionTime": 3}')
    assert main([str(part) for part in commands(tmp_path, path)[0]]) == 2
    assert "3 s by the sidecar and 2 s by the header" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_volumes_of_zeros_are_refused_by_cfh_too(tmp_path, capsys):
    data = series()
    data[..., 4] = 0
    path = write(tmp_path / "x_bold.nii.gz", data)
    assert main([str(part) for part in commands(tmp_path, path)[0]]) == 2
    assert "1 volume(s) that are zero everywhere (the first is number 4" in capsys.readouterr().err


def cifti(tmp_path):
    return shutil.copy(DATA / "cases" / "tiny.dtseries.nii", tmp_path), "CIFTI"


def analyze(tmp_path):
    (tmp_path / "x.img").write_bytes(b"0" * 400)
    return tmp_path / "x.img", "must end in .nii or .nii.gz"


def folder(tmp_path):
    (tmp_path / "x.nii.gz").mkdir()
    return tmp_path / "x.nii.gz", "is a folder"


def empty(tmp_path):
    (tmp_path / "x.nii.gz").touch()
    return tmp_path / "x.nii.gz", "0 bytes"


def dangling(tmp_path):
    (tmp_path / "x.nii.gz").symlink_to("nowhere")
    return tmp_path / "x.nii.gz", "datalad get"


def pipe(tmp_path):
    os.mkfifo(tmp_path / "x.nii")
    return tmp_path / "x.nii", "0 bytes"


def uncompressed(tmp_path):
    write(tmp_path / "y.nii", series()).rename(tmp_path / "x.nii.gz")
    return tmp_path / "x.nii.gz", "Rename it to not end in .gz"


def compressed(tmp_path):
    write(tmp_path / "y.nii.gz", series()).rename(tmp_path / "x.nii")
    return tmp_path / "x.nii", "Rename it to end in .gz"


def cut_short(tmp_path):
    path = write(tmp_path / "x.nii.gz", series())
    whole = gzip.decompress(path.read_bytes())
    path.write_bytes(gzip.compress(whole[:-3]))
    return path, "3 of the"


def cut_in_the_header(tmp_path):
    path = write(tmp_path / "x.nii", series())
    path.write_bytes(path.read_bytes()[:200])
    return path, "does not begin as a NIfTI file"


def garbage_behind(tmp_path):
    path = write(tmp_path / "x.nii.gz", series())
    path.write_bytes(path.read_bytes() + b"garbage")
    return path, "damaged or cut short"


def longer_than_its_header(tmp_path):
    path = write(tmp_path / "x.nii", series(40))
    patch(path, 48, np.int16(2).tobytes())
    return path, "more data than its header says"


FILES = [
    cifti, analyze, folder, empty, dangling, pipe, uncompressed, compressed, cut_short,
    cut_in_the_header, garbage_behind, longer_than_its_header,
]  # fmt: skip


@pytest.mark.parametrize("case", FILES, ids=lambda case: case.__name__)
def test_files_that_are_no_image(tmp_path, case, capsys):
    path, message = case(tmp_path)
    with pytest.raises(InputError) as caught:
        read_image(type(tmp_path)(path))
    assert message in str(caught.value)
    for command in commands(tmp_path, path)[:2]:
        assert main([str(part) for part in command]) == 2
        said = capsys.readouterr().err
        assert message in said
        assert str(path) in said
        assert not (tmp_path / "out").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_files_that_may_not_be_read(tmp_path):
    path = write(tmp_path / "x.nii.gz", series())
    path.chmod(0)
    with pytest.raises(InputError, match="may not be read"):
        read_image(path)


def test_a_bomb_is_not_unpacked(tmp_path):
    path = tmp_path / "x.nii.gz"
    bare = write(tmp_path / "y.nii", series()).read_bytes()
    with gzip.open(path, "wb") as stream:
        stream.write(bare)
        for _ in range(300):
            stream.write(bytes(1 << 20))
    tracemalloc.start()
    with pytest.raises(InputError, match="more data than its header says"):
        read_image(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 * len(bare) + 8_000_000


def test_a_table_of_files_that_contradicts_the_header_is_refused(tmp_path):
    path = write(tmp_path / "x_bold.nii.gz", series())
    table = tmp_path / "table.tsv"
    row = f"sub-01\t{path.name}\tMNI152NLin2009aSym"
    table.write_text(f"participant_id\tpath\tspace\ttr\n{row}\t3\n")
    with pytest.raises(InputError, match="3 s by the table and 2 s by the header"):
        read_scans(table)
