"""The picture of where partners lie."""

from collections.abc import Iterator

import numpy as np
from matplotlib.figure import Figure

from commissure.files.bids_names import has_midline
from commissure.files.tables import rows_of
from commissure.render.partners import RegionShown, partners_figure
from commissure.report.contents import Findings
from commissure.report.drawn import Drawn
from commissure.report.wording import region_name
from commissure.space.templates import load_template

_MOST_REGIONS = 6
_TEMPLATE_MM = 2


def partners_drawn(findings: Findings) -> Iterator[tuple[Drawn, Figure]]:
    """Give the picture of the partners of every scan, where there are any."""
    scans = findings.table("partners_of_scans")
    if scans.empty or not has_midline(findings.record.get("Space")):
        return
    shown = []
    for row in rows_of(findings.table("partners").drop_duplicates("region"))[:_MOST_REGIONS]:
        side = np.sign(row["x"])
        mirror = (
            row["x"] - side * row["outwards_mm"],
            row["y"] - row["forwards_mm"],
            row["z"] - row["upwards_mm"],
        )
        of_region = scans[scans["region"] == row["region"]]
        shown.append(RegionShown(region_name(str(row["region"]), findings), mirror, of_region))
    template = load_template(_TEMPLATE_MM)
    about = Drawn(
        "partners",
        "partners",
        "Where the partners lie",
        f"Slices of the template with the partners of {', '.join(one.name for one in shown)}",
        f"Each dot is the middle of a {findings.dots}'s partners, seen from above, from behind and "
        "from the side; the cross is the mirror position of the region, the large mark the mean of "
        "a group. The left of the brain is on the left.",
        vector=False,
    )
    yield about, partners_figure(shown, findings.groups, template.t1w, template.affine)
