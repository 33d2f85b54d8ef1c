"""B3: tables that people keep in a spreadsheet."""

import gzip
import json
import shutil

import pandas as pd

from tests.conftest import DATA
from tests.hostile.harness import Said, World, demand, refused, survives, told, works

PEOPLE = "in/participants.tsv"


def people(edit):
    """Edit the table of people as a data frame of text."""

    def change(world: World) -> None:
        table = pd.read_csv(world.path(PEOPLE), sep="\t", dtype=str, keep_default_na=False)
        edited = edit(table)
        world.write(PEOPLE, (table if edited is None else edited).to_csv(sep="\t", index=False))

    return change


def cell(column: str, row: int, value: str):
    def edit(table: pd.DataFrame) -> None:
        table.loc[row, column] = value

    return people(edit)


def column(name: str, function):
    def edit(table: pd.DataFrame) -> None:
        table[name] = [function(i, v) for i, v in enumerate(table.get(name, [""] * len(table)))]

    return people(edit)


def then(change, *arguments: str):
    """Change the world, and the command with it."""

    def both(world: World) -> None:
        change(world)
        for name, value in zip(arguments[::2], arguments[1::2], strict=True):
            world.option(name, value)

    return both


def text(function):
    """Edit the table of people as text or bytes."""

    def change(world: World) -> None:
        world.write(PEOPLE, function(world.path(PEOPLE).read_text()))

    return change


def case_file(name: str, target: str = PEOPLE):
    def change(world: World) -> None:
        shutil.copy(DATA / "cases" / name, world.path(target))

    return change


def maps_text(function):
    def change(world: World) -> None:
        world.write("in/maps.tsv", function(world.path("in/maps.tsv").read_text()))

    return change


def double_column(table: str) -> str:
    head, *rows = table.splitlines()
    return "\n".join([f"{head}\tage", *(f"{row}\t{n + 20}" for n, row in enumerate(rows))]) + "\n"


def header(old: str, new: str):
    return text(lambda t: t.replace(old, new, 1))


def record(world: World) -> dict:
    return json.loads((world.out / "stats.json").read_text())


def df(expected: int):
    def check(world: World, said: Said) -> None:
        found = record(world)["DegreesOfFreedom"]
        demand(found == expected, f"{found} degrees of freedom, not {expected}")

    return check


def compared(n_patients: int = 6, n_controls: int = 6):
    def check(world: World, said: Said) -> None:
        found = record(world)["ScansCompared"]
        demand(sorted(found.values()) == sorted([n_patients, n_controls]), str(found))

    return check


def equal_to_plain(world: World, said: Said) -> None:
    """The findings are those of the table as it was: 12 people, 9 degrees of freedom."""
    df(9)(world, said)
    compared()(world, said)


def is_there(world: World, said: Said) -> None:
    demand((world.out / "stats.json").is_file(), "no stats.json")


def six_scans(world: World, said: Said) -> None:
    found = json.loads((world.out / "group" / "stats.json").read_text())["ScansCompared"]
    demand(sorted(found.values()) == [3, 3], str(found))


def tr_with_comma(world: World) -> None:
    lines = world.path("in/files.tsv").read_text().splitlines()
    text = "\n".join([f"{lines[0]}\ttr", *(f"{line}\t2,0" for line in lines[1:])])
    world.write("in/files.tsv", text + "\n")


def semicolons(t: str) -> str:
    return t.replace("\t", ";")


def excel_german(t: str) -> str:
    return t.replace(".", ",").replace("\t", ";").replace("\n", "\r\n")


def same_file_twice(t: str) -> str:
    return t.replace("sub-02_space", "sub-01_space")


def identical_maps(world: World) -> None:
    name = "in/sub-{:02d}_space-MNI152NLin2009aSym_stat-cfh_boldmap.nii.gz"
    shutil.copy(world.path(name.format(1)), world.path(name.format(7)))


def identical_runs(world: World) -> None:
    shutil.copy(world.path("in/scans/1.nii.gz"), world.path("in/scans/2.nii.gz"))


def same_run_compressed_otherwise(world: World) -> None:
    raw = gzip.decompress(world.path("in/scans/1.nii.gz").read_bytes())
    world.write("in/scans/2.nii.gz", gzip.compress(raw, 1, mtime=7))


def json_beside(content: object):
    def change(world: World) -> None:
        world.write("in/participants.json", json.dumps(content))

    return change


def sites_by_json(world: World) -> None:
    site(world)
    json_beside({"site": {"Levels": {"1": "A", "2": "B", "3": "C", "4": "D"}}})(world)


site = then(column("site", lambda i, _: str(1 + i % 4)), "--formula", "group + site")
GROUPS = ("group", "level")
TWICE = ("twice", "times", "several", "more than once", "two columns", "duplicate", "same")
ALIKE = ("differ", "spell", "alike", "same", "look", "case", "blank", "space", "character")
NUMBER = ("number", "comma", "text", "decimal")


def contrast(value: str):
    def change(world: World) -> None:
        world.option("--contrast", value)

    return change


def formula(value: str):
    def change(world: World) -> None:
        world.option("--formula", value)

    return change


def rename_level(new: str):
    """Call the patients otherwise, in table and contrast."""

    def change(world: World) -> None:
        world.edit(PEOPLE, "\tpatient\t", f"\t{new}\t")
        world.option("--contrast", f"group[{new}] - group[control]")

    return change


CASES = (
    refused("column-twice", "maps", text(double_column), ["participants.tsv", "age"], TWICE),
    refused("column-twice-but-for-blank", "maps", text(lambda t: double_column(t).replace("\tage\n", "\tage \n", 1)), ["participants.tsv", "age"], (*TWICE, *ALIKE)),
    refused("column-twice-but-for-case", "maps", text(lambda t: double_column(t).replace("\tage\n", "\tAge\n", 1)), ["participants.tsv", "age"], (*TWICE, *ALIKE)),
    told("decimal-commas", "maps", column("age", lambda i, v: v.replace(".", ",")), ["age"], NUMBER, df(9)),
    refused("one-decimal-comma", "maps", cell("age", 3, "44,5"), ["participants.tsv", "age", "44,5"], (*NUMBER, "mixed")),
    refused("thousands", "maps", cell("age", 3, "1.044,5"), ["age", "1.044,5"], NUMBER),
    refused("number-with-unit", "maps", cell("age", 3, "44 years"), ["age", "44 years"], (*NUMBER, "numbers")),
    refused("number-o-for-0", "maps", cell("age", 3, "4O"), ["age", "4O"], NUMBER),
    refused("dates-as-ages", "maps", column("age", lambda i, v: f"{i + 1}.03.1980"), ["age"], ("date", "number", "text", "factor", "levels")),
    refused("iso-dates-as-ages", "maps", column("age", lambda i, v: f"1980-03-{i + 1:02d}"), ["age"], ("date", "number", "text", "factor", "levels")),
    refused("excel-error", "maps", cell("age", 3, "#DIV/0!"), ["age", "#DIV/0!"], (*NUMBER, "spreadsheet", "error")),
    refused("excel-error-in-group", "maps", cell("group", 3, "#REF!"), ["group", "#REF!"], ("level", "error", "spreadsheet", "scan", "one")),
    refused("age-999", "maps", cell("age", 3, "999"), ["age", "999"], ("impossible", "plausible", "possible", "year", "missing", "above", "large")),
    refused("age-negative", "maps", cell("age", 3, "-3"), ["age", "-3"], ("impossible", "plausible", "possible", "negative", "year")),
    refused("age-zero", "maps", cell("age", 3, "0"), ["age"], ("impossible", "plausible", "possible", "0", "year")),
    refused("age-infinite", "maps", cell("age", 3, "inf"), ["age", "inf"], ("finite", "number", "missing")),
    refused("age-huge", "maps", cell("age", 3, "1e308"), ["age"], ("impossible", "plausible", "large", "possible", "finite")),
    refused("age-missing", "maps", cell("age", 3, "n/a"), ["age", "sub-04"], ("missing", "empty")),
    refused("age-blank", "maps", cell("age", 3, "  "), ["age", "sub-04"], ("missing", "empty", "blank")),
    refused("age-dash", "maps", cell("age", 3, "-"), ["age", "-"], ("missing", *NUMBER)),
    refused("age-all-missing", "maps", column("age", lambda i, v: "n/a"), ["age"], ("missing", "empty", "no value"), lines=2),
    refused("age-constant", "maps", column("age", lambda i, v: "40"), ["age"], ("same", "constant", "one value", "depend", "vary", "intercept", "estimated")),
    told("group-with-blank", "maps", cell("group", 2, "patient "), ["patient"], ("blank", "space", "strip", "stripped", "around"), equal_to_plain),
    refused("group-with-capital", "maps", cell("group", 2, "Patient"), ["participants.tsv", "Patient"], ALIKE),
    told("group-with-no-break-space", "maps", cell("group", 2, "patient\u00a0"), ["patient"], ALIKE, equal_to_plain),
    refused("group-with-cyrillic", "maps", cell("group", 2, "p\u0430tient"), ["participants.tsv", "group"], ALIKE),
    refused("group-from-right-to-left", "maps", cell("group", 2, "pat\u202eient"), ["group", "202e"], ("seen", "turn")),
    refused("age-from-right-to-left", "maps", then(cell("age", 2, "\u202e14"), "--formula", "group + age"), ["age", "202e"], NUMBER),
    refused("column-from-right-to-left", "maps", people(lambda t: t.rename(columns={"score": "\u2067score"})), ["participants.tsv", "2067"], ("seen",)),
    told("group-with-zero-width", "maps", cell("group", 2, "pat\u200bient"), ["group"], (*ALIKE, "invisible"), equal_to_plain),
    refused("group-in-three-spellings", "maps", column("group", lambda i, v: ["patient", "Patient", "PATIENT", "control"][i % 4]), ["group", "Patient"], ALIKE, lines=2),
    refused("sex-f-and-female", "maps", then(column("sex", lambda i, v: ["F", "f", "M", "female"][i % 4]), "--formula", "group + sex"), ["sex", "F"], ALIKE, lines=2),
    refused("group-typed-wrong-once", "maps", cell("group", 2, "patinet"), ["patinet"], ("one", "single", "level", "1 ")),
    refused("group-missing", "maps", cell("group", 2, ""), ["group", "sub-03"], ("missing", "empty")),
    refused("one-group-only", "maps", column("group", lambda i, v: "patient"), ["group"], ("level", "no "), lines=2),
    refused("covariate-called-Intercept", "maps", then(header("age", "Intercept"), "--formula", "group + Intercept"), ["Intercept"], ("reserved", "name", "taken", "rename")),
    refused("column-called-C", "maps", then(header("age", "C"), "--formula", "group + C"), ["C"], ("reserved", "name", "formula")),
    refused("column-with-plus", "maps", then(header("age", "age+sex"), "--formula", "group + age+sex"), ["age"], ("column", "name")),
    refused("column-without-name", "maps", header("age", ""), ["participants.tsv"], ("name", "header", "column", "empty")),
    refused("participant-column-missing", "maps", header("participant_id", "ID"), ["participants.tsv", "participant_id"], ("column", "no ")),
    survives("participant-column-in-capitals", "maps", header("participant_id", "Participant_ID"), equal_to_plain),
    refused("numeric-site-is-no-slope", "maps", site, ["site"], ("C(site)", "categorical", "factor")),
    refused("sex-coded-1-2", "maps", then(column("sex", lambda i, v: str(1 + i % 2)), "--formula", "group + sex"), ["sex"], ("C(sex)", "categorical", "factor")),
    works("site-declared-in-formula", "maps", then(column("site", lambda i, _: str(1 + i % 4)), "--formula", "group + C(site)"), df(7)),
    works("site-declared-by-option", "maps", then(site, "--categorical", "site"), df(7)),
    works("site-declared-in-json", "maps", sites_by_json, df(7)),
    refused("age-is-age-group", "maps", column("age", lambda i, v: ["30-40", "40-50"][i % 2] if i else "50+"), ["age"], ("level", "factor", "number", "one")),
    refused("same-person-twice", "maps", cell("participant_id", 3, "sub-03"), ["participants.tsv", "sub-03"], TWICE),
    refused("same-person-twice-other-case", "maps", cell("participant_id", 3, "SUB-03"), [("SUB-03", "sub-04")], ("case", "same", "no row", "not", "lacks")),
    refused("nobody-matches", "maps", column("participant_id", lambda i, v: f"S{i}"), ["participants.tsv"], ("match", "no ", "not"), lines=2),
    refused("zeros-lost", "maps", column("participant_id", lambda i, v: f"sub-{i + 1}"), ["sub-1", "sub-01"], ("zero", "sub-01", "call"), lines=2),
    refused("zeros-lost-in-a-study", "study", column("participant_id", lambda i, v: f"sub-{i + 1}"), ["sub-1", "sub-01"], ("zero", "sub-01", "call"), lines=2),
    survives("prefix-lost", "study", column("participant_id", lambda i, v: f"{i + 1:02d}"), six_scans),
    refused("one-person-lacks", "maps", people(lambda t: t.drop(index=3)), ["sub-04", "participants.tsv"], ("no row", "not", "lacks", "missing")),
    survives("more-people-than-maps", "maps", people(lambda t: pd.concat([t, t.tail(1).assign(participant_id="sub-77")])), equal_to_plain),
    survives("more-levels-elsewhere", "maps", people(lambda t: pd.concat([t, t.tail(1).assign(participant_id="sub-77", group="other")])), equal_to_plain),
    works("byte-order-mark", "maps", text(lambda t: "\ufeff" + t), equal_to_plain),
    survives("utf-16", "maps", text(lambda t: t.encode("utf-16")), equal_to_plain),
    survives("latin-1", "maps", then(text(lambda t: t.replace("control", "Gesünder").encode("latin-1")), "--contrast", "group[patient] - group[Gesünder]"), equal_to_plain),
    works("windows-line-ends", "maps", text(lambda t: t.replace("\n", "\r\n")), equal_to_plain),
    survives("old-mac-line-ends", "maps", text(lambda t: t.replace("\n", "\r")), equal_to_plain),
    survives("semicolons", "maps", text(semicolons), equal_to_plain),
    survives("german-spreadsheet", "maps", text(excel_german), equal_to_plain),
    works("commas", "maps", text(lambda t: t.replace("\t", ",")), equal_to_plain),
    survives("blanks-for-tabs", "maps", text(lambda t: t.replace("\t", "  ")), equal_to_plain),
    survives("trailing-tabs", "maps", text(lambda t: t.replace("\n", "\t\t\n")), equal_to_plain),
    refused("trailing-tab-in-one-row", "maps", text(lambda t: t.replace("\n", "\t\n", 3).replace("\t\n", "\n", 2)), ["participants.tsv"], ("cell", "row", "line")),
    works("empty-lines", "maps", text(lambda t: t + "\n\n\n"), equal_to_plain),
    survives("rows-of-tabs", "maps", text(lambda t: t + "\t\t\t\t\n" * 30), equal_to_plain),
    refused("row-too-short", "maps", text(lambda t: t.replace("sub-05\tpatient\t", "sub-05\t", 1)), ["participants.tsv"], ("cell", "row", "line")),
    refused("open-quote", "maps", text(lambda t: t.replace("sub-05", '"sub-05', 1)), ["participants.tsv"], ("quot", "cell", "row", "line", "sub-05")),
    survives("quoted-cells", "maps", text(lambda t: t.replace("patient\t", '"patient"\t')), equal_to_plain),
    survives("single-quoted-cells", "maps", text(lambda t: t.replace("patient\t", "'patient'\t")), equal_to_plain),
    refused("nul-in-table", "maps", text(lambda t: t.replace("sub-05", "sub\x0005")), ["participants.tsv"], ("nul", "null", "zero", "text", "character", "sub-05")),
    refused("empty-table", "maps", text(lambda t: ""), ["participants.tsv"], ("empty", "no rows", "no row", "no column", "0 cells", "header")),
    refused("header-only", "maps", text(lambda t: t.splitlines()[0] + "\n"), ["participants.tsv"], ("no rows", "no row", "empty")),
    refused("table-is-xlsx", "maps", text(lambda t: b"PK\x03\x04" + bytes(range(256)) * 8), ["participants.tsv"], ("text", "table", "spreadsheet")),
    refused("table-is-html", "maps", text(lambda t: "<html><body><table><tr><td>1</td></tr></table>\n</body></html>"), ["participants.tsv"], ("participant_id", "table", "column")),
    refused("table-is-rtf", "maps", text(lambda t: "{\\rtf1 x, y\n a, b\n}"), ["participants.tsv"], ("participant_id", "table", "column", "cells")),
    refused("table-is-a-folder", "maps", lambda w: (w.path(PEOPLE).unlink(), w.path(PEOPLE).mkdir()), ["participants.tsv"], ("folder", "exist", "file")),
    refused("table-is-a-placeholder", "study", text(lambda t: ""), ["participants.tsv"], ("empty", "no rows", "header")),
    refused("git-annex-pointer", "maps", text(lambda t: "/annex/objects/SHA256E-s35--abc\n"), ["participants.tsv"], ("annex", "datalad", "participant_id", "column", "rows")),
    works("level-with-comma", "maps", rename_level("patient, severe"), equal_to_plain),
    works("level-with-blank", "maps", rename_level("TMD patient"), equal_to_plain),
    works("level-with-umlaut", "maps", rename_level("Kränker"), equal_to_plain),
    survives("level-with-brackets", "maps", rename_level("patient[1]"), equal_to_plain),
    survives("level-with-minus", "maps", rename_level("non-patient"), equal_to_plain),
    survives("levels-are-numbers", "maps", then(column("group", lambda i, v: str(int(v == "patient"))), "--contrast", "group[1] - group[0]", "--categorical", "group"), equal_to_plain),
    survives("levels-are-true-false", "maps", then(column("group", lambda i, v: str(v == "patient")), "--contrast", "group[True] - group[False]"), equal_to_plain),
    survives("level-is-NA-like", "maps", then(column("group", lambda i, v: {"control": "NA"}.get(v, v)), "--contrast", "group[patient] - group[NA]"), equal_to_plain),
    survives("level-is-None", "maps", then(column("group", lambda i, v: {"control": "None"}.get(v, v)), "--contrast", "group[patient] - group[None]"), equal_to_plain),
    survives("column-with-blank", "maps", then(header("age", "age at scan"), "--formula", "group + age at scan"), equal_to_plain),
    works("column-with-umlaut", "maps", then(header("age", "größe"), "--formula", "group + größe"), equal_to_plain),
    refused("participants-json-is-a-list", "maps", json_beside([1, 2]), ["participants.json"], ("object", "list", "shape", "must be", "dictionary", "JSON")),
    refused("participants-json-is-broken", "maps", lambda w: w.write("in/participants.json", "{"), ["participants.json"], ("JSON",)),
    survives("participants-json-levels-is-text", "maps", json_beside({"group": {"Levels": "patient, control"}}), equal_to_plain),
    survives("participants-json-null", "maps", json_beside({"group": None, "age": 3}), equal_to_plain),
    refused("empty-path-in-maps", "maps", maps_text(lambda t: t.replace("sub-04_space-MNI152NLin2009aSym_stat-cfh_boldmap.nii.gz", "")), ["maps.tsv"], ("path", "empty", "lacks")),
    refused("blank-path-in-maps", "maps", maps_text(lambda t: t.replace("sub-04_space-MNI152NLin2009aSym_stat-cfh_boldmap.nii.gz", "   ")), ["maps.tsv"], ("path", "empty", "lacks")),
    refused("map-is-a-folder", "maps", maps_text(lambda t: t.replace("sub-04_space-MNI152NLin2009aSym_stat-cfh_boldmap.nii.gz", ".")), [("maps.tsv", "in")], ("folder", "nii")),
    refused("map-not-there", "maps", maps_text(lambda t: t.replace("sub-04_space", "sub-x4_space")), ["sub-x4_space"], ("exist",)),
    refused("same-file-twice", "maps", maps_text(same_file_twice), ["sub-01", "sub-02"], ("same", "twice")),
    refused("identical-maps", "maps", identical_maps, ["sub-01", "sub-07"], ("same", "identical")),
    refused("identical-runs", "table", identical_runs, ["sub-01", "sub-02"], ("same", "identical")),
    refused("identical-runs-compressed-otherwise", "table", same_run_compressed_otherwise, ["sub-01", "sub-02"], ("same", "identical")),
    refused("person-twice-in-maps", "maps", maps_text(lambda t: t.replace("sub-02\t", "sub-01\t")), ["maps.tsv", "sub-01"], (*TWICE, "occur")),
    refused("maps-of-a-spreadsheet-in-windows", "maps", maps_text(lambda t: t.replace("sub-04_space", "C:\\data\\sub-04_space")), ["sub-04"], ("exist",)),
    refused("files-of-nobody", "table", lambda w: w.edit("in/files.tsv", "sub-03\t", "\t"), ["files.tsv"], ("participant_id", "lacks")),
    refused("files-kind-unknown", "table", lambda w: w.write("in/files.tsv", "participant_id\tpath\tkind\nsub-01\tscans/1.nii.gz\tmapp\n"), ["files.tsv", "mapp"], ("kind",)),
    refused("files-tr-negative", "table", lambda w: w.write("in/files.tsv", "participant_id\tpath\ttr\nsub-01\tscans/1.nii.gz\t-2\n"), ["files.tsv", "tr"], ("seconds", "above 0")),
    survives("files-tr-with-comma", "table", tr_with_comma, six_scans),
    told("score-with-comma", "maps", then(column("score", lambda i, v: v.replace(".", ",") if i != 2 else "5"), "--clinical", "score", "--within", "patient"), ["score"], NUMBER),
    refused("score-is-text", "maps", then(column("score", lambda i, v: "bad"), "--clinical", "score", "--within", "patient"), ["score"], NUMBER),
    told("score-constant", "maps", then(column("score", lambda i, v: "5" if v != "n/a" else v), "--clinical", "score", "--within", "patient"), ["score"], ("same", "constant", "vary", "one value", "correlated")),
    refused("within-unknown", "maps", then(people(lambda t: None), "--clinical", "score", "--within", "patients"), ["patients"], ("level", "no ", "not", "is")),
    refused("formula-unknown-column", "maps", formula("group + weight"), ["weight"], ("column",), lines=1),
    refused("contrast-unknown-level", "maps", contrast("group[patients] - group[control]"), ["patients"], ("level",), lines=1),
    refused("real-decimal-commas", "maps", then(case_file("decimal_commas.tsv"), "--formula", "group + age"), ["sub-07"], (*NUMBER, "no row", "participants"), lines=4),
    refused("real-column-twice", "maps", case_file("column_twice.tsv"), ["participants.tsv", "age"], TWICE),
    refused("real-three-spellings", "maps", case_file("one_group_three_spellings.tsv"), ["participants.tsv"], (*ALIKE, "no row")),
    refused("real-id-is-a-path", "table", case_file("id_is_a_path.tsv", "in/files.tsv"), ["files.tsv", "participant_id"], ("letters", "path", "label", "/")),
)  # fmt: skip
