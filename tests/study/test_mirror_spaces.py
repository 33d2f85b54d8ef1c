"""Maps of mirror positions are refused before anything is done where these are no counterparts."""

import nibabel as nib
import numpy as np
import pytest

from commissure.cli.main import main
from commissure.measures.vmhc import vmhc
from commissure.problems import InputError
from commissure.settings.reading import read_settings
from commissure.study.run import run_study
from tests.study.studies import (
    CHANGES,
    Inline,
    domain,
    series_of,
    study_of,
    write_derivatives,
    write_dpabi,
)


def settings_of(tmp_path, more=""):
    file = tmp_path / "study.toml"
    file.write_text(f'[measures]\nmain = "vmhc"\n[vmhc]\n{more}\n')
    return read_settings("recommended", file, CHANGES)


def test_vmhc_goes_through_a_study(tmp_path):
    folder = write_derivatives(tmp_path / "in")
    study = study_of(folder, tmp_path / "out", settings=settings_of(tmp_path))
    outcome = run_study(study, "all", Inline())
    assert not outcome.failed
    assert not outcome.group_problems
    (path,) = (tmp_path / "out" / "sub-02").glob("func/*_stat-vmhc_desc-clean_boldmap.nii.gz")
    expected = vmhc(series_of(2).astype(np.float32), domain()).z
    np.testing.assert_allclose(domain().sample(nib.load(path)), expected, atol=1e-6)
    methods = (tmp_path / "out" / "group" / "methods.md").read_text()
    assert "(VMHC) (Zuo et al., 2010)" in methods


def test_an_asymmetric_space_is_refused_before(tmp_path):
    folder = write_dpabi(tmp_path / "in")
    study = study_of(folder, tmp_path / "out", settings=settings_of(tmp_path))
    with pytest.raises(InputError, match=r"\[vmhc\] compares .* scans in MNI\. .*any_space = true"):
        run_study(study, "all", Inline())
    assert not (tmp_path / "out").exists()
    study = study_of(folder, tmp_path / "out", settings=settings_of(tmp_path, "any_space = true"))
    assert not run_study(study, "participant", Inline()).failed


@pytest.mark.parametrize("space", ["MNI152NLin2009cAsym", "MNI152NLin2009aSym"])
def test_the_map_command_refuses_it_too(space, tmp_path, capsys):
    folder = write_derivatives(tmp_path / "in", n=1)
    (scan,) = folder.rglob("*_bold.nii.gz")
    scan = scan.rename(scan.with_name(scan.name.replace("MNI152NLin2009aSym", space)))
    code = main(["map", str(scan), "--measure", "vmhc", "-o", str(tmp_path / "out"), "--quiet"])
    if space.endswith("Asym"):
        assert code == 2
        assert f"there are scans in {space}" in capsys.readouterr().err
        assert not (tmp_path / "out").exists()
    else:
        assert code == 0
        assert len(list((tmp_path / "out").glob("*_stat-vmhc_*boldmap.nii.gz"))) == 1
        assert len(list((tmp_path / "out").glob("*_stat-vmhcr_*boldmap.nii.gz"))) == 1
