"""The truth of a study, beside it."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from commissure.simulation.clean import space_of
from commissure.simulation.effects import BETWEEN_SD
from commissure.simulation.files import ABOUT, TEMPLATE, write_image, write_json, write_table
from commissure.simulation.forward import Forward
from commissure.simulation.group_truth import STATED_DIFFERENCE, GroupTruth
from commissure.simulation.networks import REGIONS, region_network
from commissure.simulation.people import Person
from commissure.simulation.truth import regional_z

_DESCRIPTIONS = {
    "control": "CFH of controls with endless data (Fisher z), at the mean coupling.",
    "patient": "CFH of patients with endless data (Fisher z), at the mean coupling.",
    "difference": "Patients minus controls, Fisher z.",
    "standardized": "The difference over the standard deviation of true CFH between people, where "
    f"it is larger than {STATED_DIFFERENCE} either way.",
}


def write_group_truth(folder: Path, truth: GroupTruth, people: list[Person]) -> None:
    """Write maps, what is true of the regions, and of each person's."""
    forward, domain = truth.forward, truth.forward.domain
    maps = {
        "control": truth.control.z,
        "patient": truth.patient.z,
        "difference": truth.difference,
        "standardized": truth.standardized,
    }
    for name, values in maps.items():
        stem = f"{space_of(forward)}_stat-cfh_desc-{name}_boldmap"
        image = np.zeros(domain.grid.shape, np.float32)
        image[tuple(domain.voxels.T)] = np.nan_to_num(values)
        write_image(folder / f"{stem}.nii.gz", image, domain.grid.affine, space=TEMPLATE)
        write_json(folder / f"{stem}.json", {"Description": _DESCRIPTIONS[name]})
    right = truth.difference[domain.right]
    write_json(
        folder / "truth.json",
        {
            **ABOUT,
            "Effects": asdict(truth.effects),
            "BetweenPeopleSD": BETWEEN_SD,
            "StatedDifference": STATED_DIFFERENCE,
            "Regions": [truth.of_region(number) for number in range(len(REGIONS))],
            "LargestDifferenceOnTheRight": float(right[np.abs(right).argmax()]),
        },
    )
    cores = [truth.core(number) for number in range(len(REGIONS))]
    write_table(
        folder / "participants.tsv", [_of_person(forward, cores, person) for person in people]
    )
    columns = {}
    for region in REGIONS:
        name = region.name.replace(" ", "_")
        columns[f"{name}_coupling_z"] = {
            "Description": "Fisher z of the coupling of the region with the place it serves"
        }
        columns[f"{name}_cfh_z"] = {
            "Description": "Mean CFH of the region with endless data, Fisher z"
        }
    write_json(folder / "participants.json", columns)


def _of_person(forward: Forward, cores: list[NDArray[np.intp]], person: Person) -> dict[str, Any]:
    row = {"participant_id": person.row["participant_id"]}
    for region, core in zip(REGIONS, cores, strict=True):
        name = region.name.replace(" ", "_")
        coupling = np.arctanh(person.coupling[region_network(region)])
        row[f"{name}_coupling_z"] = f"{coupling:.4f}"
        row[f"{name}_cfh_z"] = f"{regional_z(forward, person.coupling, core):.4f}"
    return row
