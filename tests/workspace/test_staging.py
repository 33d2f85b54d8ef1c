"""What fails while a folder is filled is said of the file it is about."""

import errno
import os

import pytest

from commissure.problems import InputError
from commissure.workspace.staging import staged


def test_a_file_that_cannot_be_read_is_not_blamed_on_the_output(tmp_path):
    scan = tmp_path / "scan.nii.gz"
    with pytest.raises(InputError) as error, staged(tmp_path / "out") as folder:
        (folder / "x").write_bytes(scan.read_bytes())
    assert str(scan) in str(error.value)
    assert "Cannot write" not in str(error.value)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS])
def test_no_room_is_said_of_the_output(tmp_path, code):
    def full():
        raise OSError(code, os.strerror(code))

    said = r"Cannot write to .*out .*Nothing was written"
    with pytest.raises(InputError, match=said), staged(tmp_path / "out"):
        full()
    assert not (tmp_path / "out").exists()


def test_what_may_not_be_written_is_said_of_the_output(tmp_path):
    with pytest.raises(InputError, match="Cannot write to"), staged(tmp_path / "out") as folder:
        raise PermissionError(errno.EACCES, "Permission denied", str(folder / "x"))


def test_damage_that_a_decoder_meets_is_not_of_writing(tmp_path):
    def damaged():
        msg = "Not a gzipped file"
        raise OSError(msg)

    with pytest.raises(OSError, match="gzipped"), staged(tmp_path / "out"):
        damaged()
    assert not (tmp_path / "out").exists()
