"""C: what is asked for, by option, by file and in formulas."""

import json

import pandas as pd

from tests.hostile.harness import Case, Said, World, demand, refused, survives, told, works
from tests.hostile.tables import df

LIMITS = ("must be", "at most", "at least", "between", "above", "less", "more", "finite", "is not", "number", "up to", "invalid")  # fmt: skip
SYNTAX = ("understood", "divides", "needs", "bracket", "expected", "empty", "deep", "nested", "long", "syntax", "read", "ends", "closed")  # fmt: skip


def options(*arguments: str):
    def change(world: World) -> None:
        for name, value in zip(arguments[::2], arguments[1::2], strict=True):
            if name == "--set":
                world.add(name, value)
            else:
                world.option(name, value)

    return change


def setting(value: str, says=LIMITS, **more) -> Case:
    """A value that a setting cannot have."""
    name = value.partition("=")[0].rpartition(".")[2].strip()
    label = value.replace("=", "-is-").replace(" ", "")[:50]
    return refused(label, "study", options("--set", value), [name], says, **more)


def flag(world: str, *arguments: str, says=LIMITS, label: str = "", also=()) -> Case:
    name = arguments[0].removeprefix("--")
    label = label or f"{name}-{arguments[1]}-{world}".replace(" ", "")
    names = ((arguments[0], name.replace("-", "_"), *also),)
    return refused(label, world, options(*arguments), names, says)


def toml(content: str | bytes):
    def change(world: World) -> None:
        world.write("study.toml", content)

    return change


def more_toml(text: str):
    def change(world: World) -> None:
        world.write("study.toml", world.path("study.toml").read_text() + text)

    return change


def toml_folder(world: World) -> None:
    world.path("study.toml").unlink()
    world.path("study.toml").mkdir()


def two_groups_of_other_names(world: World) -> None:
    """No level is called patient, and nothing of the paper's is asked for."""
    people = world.path("in/participants.tsv").read_text()
    people = people.replace("patient", "bruxer").replace("control", "healthy")
    world.write("in/participants.tsv", people)
    text = world.path("study.toml").read_text()
    text = text.replace('clinical = ["score"]\nwithin = "patient"\n', "")
    text = text.replace("group[patient] - group[control]", "group[bruxer] - group[healthy]")
    world.write("study.toml", text)


def without(*names: str):
    def change(world: World) -> None:
        lines = world.path("study.toml").read_text().splitlines()
        kept = [line for line in lines if not line.startswith(tuple(f"{n} =" for n in names))]
        world.write("study.toml", "\n".join(kept) + "\n")

    return change


def compared(world: World, said: Said) -> None:
    found = json.loads((world.out / "group" / "stats.json").read_text())["ScansCompared"]
    demand(sorted(found.values()) == [3, 3], str(found))


def left_out(world: World, said: Said) -> None:
    quality = pd.read_csv(world.out / "quality.tsv", sep="\t")
    row = quality[quality["participant_id"] == "sub-02"].iloc[0]
    demand(not row["included"], "sub-02 is included")
    demand("withdrew consent" in " ".join(map(str, row)), "the reason is not in quality.tsv")
    methods = (world.out / "group" / "methods.txt").read_text()
    demand(
        "withdrew consent" in methods or "1 of 6" in methods or "one" in methods.lower(), methods
    )


def paper_default(world: World) -> None:
    toml("[quality]\nleast_volumes = 10\nleast_df = 0\n")(world)


def command(*arguments: str):
    def change(world: World) -> None:
        world.arguments = list(arguments)

    return change


def fine(world: World, said: Said) -> None:
    pass


CASES = (
    setting("preprocessing.fwhm=inf"),
    setting("preprocessing.fwhm=nan"),
    setting("preprocessing.fwhm=true"),
    setting("preprocessing.fwhm=1e308"),
    setting("preprocessing.fwhm=-4"),
    setting("preprocessing.fwhm=six"),
    setting('preprocessing.fwhm="6"'),
    setting("preprocessing.fwhm=[4]"),
    setting("preprocessing.fwhm=6mm"),
    setting("preprocessing.fwhm=6,0"),
    setting("preprocessing.fwhm=", ("empty", *LIMITS)),
    setting("preprocessing.n_trim=-1"),
    setting("preprocessing.n_trim=1.5"),
    setting("preprocessing.resolution_mm=0"),
    setting("preprocessing.resolution_mm=0.001"),
    setting("preprocessing.low=0.2", ("high", "below", *LIMITS)),
    setting("preprocessing.high=1e9"),
    setting("preprocessing.censor_mm=-1"),
    setting("group.alpha=0"),
    setting("group.alpha=1"),
    setting("group.alpha=5"),
    setting("group.alpha=0,05"),
    setting("group.alpha=nan"),
    setting("group.n_permutations=0"),
    setting("group.n_permutations=-5"),
    setting("group.n_permutations=5e3"),
    setting("group.n_permutations=1000000000000", ("year", "day", "long", "hours", *LIMITS)),
    setting("group.seed=-1"),
    setting("group.seed=1e400"),
    setting("group.seed=99999999999999999999999999"),
    setting("group.cluster_forming_p=0.7"),
    setting("group.cluster_forming_p=0"),
    setting("group.connectivity=7"),
    setting("group.tail=both"),
    setting('group.statistics=["size", "size"]', ("twice", *LIMITS)),
    setting("group.statistics=[]", ("empty", *LIMITS)),
    setting('group.statistics=["volume"]'),
    setting("group.clinical=3"),
    setting("group.atlas=nowhere.nii.gz", ("atlas", "exist", "labels")),
    setting("quality.least_df=-1"),
    setting("quality.mean_fd_mm=x"),
    setting("cfh.midline_mm=-1"),
    setting("cfh.midline_mm=1000"),
    setting("cfh.grey_matter=1.5"),
    setting("cfh.mask=nowhere.nii.gz", ("exist",)),
    setting("cfh.noise_floor=1e6"),
    setting("cfh.match=best"),
    setting("cfh.match_df=2"),
    setting("preprocessing.best_volumes=0"),
    setting("execution.mem_gb=inf"),
    setting("execution.mem_gb=-1"),
    setting("execution.mem_gb=1e-9"),
    setting("execution.n_procs=0"),
    setting("execution.executor=spark"),
    setting("input.tr=2000", ("second", *LIMITS)),
    setting("input.tr=-2"),
    refused("typed-wrong-alfa", "study", options("--set", "group.alfa=0.01"), ["alfa", "alpha"], ("no setting",), never=("atlas",), lines=1),
    refused("typed-wrong-table", "study", options("--set", "grup.alpha=0.01"), ["grup", "group"], ("no table", "table"), lines=1),
    refused("set-without-table", "study", options("--set", "alpha=0.01"), ["--set", "alpha=0.01"], ("TABLE", "understood"), lines=1),
    refused("set-nothing", "study", options("--set", ""), ["--set"], ("TABLE", "understood"), lines=1),
    refused("set-a-table", "study", options("--set", "group=3"), ["group"], ("TABLE", "understood"), lines=1),
    refused("set-private", "study", options("--set", "group.__class__=1"), ["__class__"], ("no setting",), lines=1),
    refused("set-nested-deeply", "study", options("--set", "group.clinical=" + "[" * 1000 + "]" * 1000), ["clinical"], (*SYNTAX, *LIMITS)),
    refused("set-date", "study", options("--set", "group.alpha=2020-01-01"), ["alpha"], LIMITS),
    flag("study", "--mem-gb", "inf"),
    flag("study", "--mem-gb", "nan"),
    flag("study", "--mem-gb", "-1"),
    flag("study", "--seed", "-1"),
    flag("study", "--seed", "x"),
    flag("study", "--n-permutations", "0"),
    flag("study", "--n-procs", "0"),
    flag("study", "--n-procs", "1000000000"),
    flag("study", "--n-threads", "-2"),
    flag("study", "--preset", "best", says=("choose", "no preset", "invalid")),
    flag("study", "--within", "nobody", says=("level", "nobody", "group")),
    flag("study", "--clinical", "iq", says=("column", "no ")),
    flag("maps", "--alpha", "2"),
    flag("maps", "--alpha", "nan"),
    flag("maps", "--seed", "-1"),
    flag("maps", "--n-permutations", "0"),
    flag("maps", "--n-permutations", "1000000000000", says=("year", "day", "long", "hours", *LIMITS)),
    flag("maps", "--cluster-forming-p", "0.7"),
    flag("maps", "--n-threads", "0"),
    flag("maps", "--max-memory", "lots", says=("size",)),
    refused("max-memory-negative", "maps", lambda w: w.add("--max-memory=-1G"), ["--max-memory"], ("size", *LIMITS)),
    flag("maps", "--mask-threshold", "nan", says=("finite", "empty", *LIMITS)),
    flag("maps", "--statistics", "volume"),
    flag("maps", "--categorical", "nobody", says=("column", "no ")),
    flag("maps", "--group", "nobody", says=("column", "no ")),
    flag("maps", "--atlas", "x.nii.gz,y.tsv", says=("exist", "no file"), also=("x.nii.gz",)),
    flag("maps", "--table1", "nobody", says=("column", "no ")),
    flag("maps", "--blocks", "nobody", says=("column", "no ")),
    flag("maps", "--roi", "x=sphere:a,b,c,5", says=("sphere", "number", "understood"), also=("region", "sphere", "nowhere", "Move the centre")),
    flag("maps", "--roi", "x=sphere:0,0,0,-5", says=("radius", *LIMITS), also=("region", "sphere", "nowhere", "Move the centre")),
    flag("maps", "--roi", "x=sphere:900,0,0,5", says=("no place", "no voxel", "outside", "empty"), also=("region", "sphere", "nowhere", "Move the centre")),
    flag("maps", "--roi", "x=label:Nowhere", says=("label", "atlas"), also=("region", "sphere", "nowhere", "Move the centre")),
    flag("maps", "--roi", "x=nowhere.nii.gz", says=("exist",), also=("region", "sphere", "nowhere", "Move the centre")),
    flag("maps", "--roi", "x", says=("NAME=", "understood", "="), also=("region", "sphere", "nowhere", "Move the centre")),
    flag("maps", "--roi", "=sphere:9,3,0,5", says=("name", "NAME="), also=("region", "sphere", "nowhere", "Move the centre")),
    flag("maps", "--space", "../../x", says=("space", "letters")),
    flag("scan", "--tr", "-2"),
    flag("scan", "--tr", "2000", says=("second", *LIMITS)),
    flag("scan", "--tr", "nan"),
    flag("scan", "--midline-mm", "-1"),
    flag("scan", "--midline-mm", "1e308", says=("hemisphere", "side", *LIMITS), also=("1e+308",)),
    flag("scan", "--midline-mm", "nan"),
    flag("scan", "--mask-threshold", "7", says=("empty", *LIMITS), also=("above 7",)),
    flag("scan", "--noise-floor", "-3"),
    flag("scan", "--max-memory", "0", says=("size", "memory", *LIMITS)),
    refused("band-turned-round", "scan", lambda w: w.add("--band", "0.1", "0.01"), [("band", "0.1")], ("below", "high", "less", "first", "above")),
    refused("band-nan", "scan", lambda w: w.add("--band", "nan", "0.1"), [("band", "nan")], ("finite", "number", *LIMITS)),
    refused("roi-called-like-a-column", "maps", lambda w: w.add("--roi", "participant_id=sphere:9,3,0,5"), ["participant_id"], ("column",)),
    refused("roi-called-like-the-group", "maps", lambda w: w.add("--roi", "group=sphere:9,3,0,5"), ["--roi", "group"], ("column",)),
    refused("roi-called-missing", "maps", lambda w: w.add("--roi", "NA=sphere:9,3,0,5"), ["--roi", "NA"], ("missing",)),
    refused("roi-twice", "maps", lambda w: w.add("--roi", "x=sphere:9,3,0,5", "--roi", "x=sphere:-9,3,0,5"), ["x"], ("twice", "two", "same")),
    refused("toml-missing", "study", lambda w: w.path("study.toml").unlink(), ["study.toml"], ("exist", "read")),
    refused("toml-folder", "study", toml_folder, ["study.toml"], ("folder", "read", "file")),
    refused("toml-broken", "study", toml("[group\nformula = 3"), ["study.toml"], ("TOML", "line")),
    refused("toml-latin-1", "study", toml('[group]\nformula = "gr\xf6\xdfe"'.encode("latin-1")), ["study.toml"], ("UTF-8", "text")),
    refused("toml-utf-16", "study", toml("[group]\n".encode("utf-16")), ["study.toml"], ("UTF-8", "text")),
    survives("toml-byte-order-mark", "study", lambda w: toml("\ufeff" + w.path("study.toml").read_text())(w), compared),
    works("toml-windows-line-ends", "study", lambda w: toml(w.path("study.toml").read_text().replace("\n", "\r\n"))(w), compared),
    refused("toml-typographic-quotes", "study", toml("[group]\nformula = \u201cgroup\u201d\n"), ["study.toml"], ("TOML", "line", "quot")),
    refused("toml-name-twice", "study", more_toml('\natlas = "none"\n'), ["study.toml"], ("TOML", "twice", "overwrite", "atlas")),
    refused("toml-table-unknown", "study", more_toml("\n[grupp]\nx = 1\n"), ["study.toml", "grupp"], ("table",)),
    refused("toml-name-unknown", "study", more_toml("\nalfa = 0.01\n"), ["study.toml", "alfa", "alpha"], ("no setting",), never=("atlas",)),
    refused("toml-group-is-a-number", "study", toml("group = 3\n"), ["study.toml", "group"], ("table",)),
    refused("toml-preset-unknown", "study", toml('preset = "best"\n'), ["best", "preset"], ("recommended",)),
    refused("toml-preset-is-a-list", "study", toml("preset = [1]\n"), ["preset"], ("recommended",)),
    refused("toml-nul", "study", toml(b"[group]\x00\n"), ["study.toml"], ("TOML", "text", "character")),
    refused("toml-deep", "study", toml("[group]\nclinical = " + "[" * 5000), ["study.toml"], ("TOML", "deep", "nested")),
    refused("toml-is-json", "study", toml('{"group": {"alpha": 0.01}}'), ["study.toml"], ("TOML",)),
    refused("toml-is-an-image", "study", toml(b"\x89PNG\r\n\x1a\n" * 9), ["study.toml"], ("UTF-8", "TOML", "text")),
    refused("toml-huge", "study", toml(b"#" * 3_000_000), ["study.toml"], ("large", "long", "MB", "bytes")),
    works("no-level-is-called-patient", "study", two_groups_of_other_names, compared),
    works("no-scores-no-within", "study", without("clinical", "within"), compared),
    refused("nothing-is-asked", "study", paper_default, ["formula"], ("needs", "no column", "[group]"), never=("SDS", "education", "JRS")),
    works("excluded-by-name", "study", options("--set", 'quality.exclude={"sub-02" = "withdrew consent"}'), left_out),
    refused("excluded-is-nobody", "study", options("--set", 'quality.exclude={"sub-77" = "withdrew consent"}'), ["sub-77"], ("no ", "not", "nobody")),
    refused("excluded-without-reason", "study", options("--set", 'quality.exclude={"sub-02" = ""}'), ["exclude"], ("reason", "empty")),
    told("permutations-too-few", "study", options("--n-permutations", "5"), [("permutations", "relabellings")], ("significant", "too few", "smallest")),
    refused("formula-empty", "maps", options("--formula", ""), ["formula"], SYNTAX),
    refused("formula-deep", "maps", options("--formula", "(" * 1000 + "group" + ")" * 1000), ["formula"], SYNTAX),
    survives("formula-long", "maps", options("--formula", " + ".join(["group"] * 20000)), df(10)),
    refused("formula-power", "maps", options("--formula", "(group + age)^999999"), ["formula"], (*SYNTAX, "power", "999999", "up to")),
    refused("formula-is-code", "maps", options("--formula", "group + __import__('os').getcwd()"), ["formula"], SYNTAX),
    survives("formula-with-tilde", "maps", options("--formula", "cfh ~ group + age"), df(9)),
    survives("formula-with-minus", "maps", options("--formula", "group - 1"), df(10)),
    refused("formula-nul", "maps", options("--formula", "group\x00"), ["group"], (*SYNTAX, "character", "column", "no text")),
    refused("formula-backticks", "maps", options("--formula", "group + `age"), ["formula"], SYNTAX),
    refused("formula-C-nothing", "maps", options("--formula", "group + C()"), ["formula"], SYNTAX),
    refused("formula-maps", "maps", options("--formula", "group + age:age:nobody"), ["nobody"], ("column",)),
    refused("contrast-empty", "maps", options("--contrast", ""), ["contrast"], SYNTAX),
    refused("contrast-huge", "maps", options("--contrast", "1e308 * group[patient] - 1e308 * group[control]"), ["contrast"], (*LIMITS, "large", "finite")),
    refused("contrast-huge-quietly", "maps", options("--contrast", "1e999 * age"), ["contrast"], (*LIMITS, "large", "finite", "understood")),
    refused("contrast-tiny", "maps", options("--contrast", "1e-308 * age"), ["contrast"], (*LIMITS, "small", "nothing", "zero")),
    refused("contrast-nothing", "maps", options("--contrast", "group[patient] - group[patient]"), ["contrast"], ("nothing", "zero", "cancel", "0", "same")),
    refused("contrast-zero", "maps", options("--contrast", "0 * age"), ["contrast"], ("nothing", "zero", "cancel", "0")),
    refused("contrast-deep", "maps", options("--contrast", "(" * 1000 + "age" + ")" * 1000), ["contrast"], SYNTAX),
    refused("contrast-open", "maps", options("--contrast", "group[patient - group[control]"), ["contrast"], SYNTAX),
    refused("contrast-whole-factor", "maps", options("--contrast", "group"), ["group"], ("level", "group[")),
    refused("contrast-twice", "maps", options("--contrast", "age, age"), ["contrast"], ("twice", "same", "depend", "one another", "rank")),
    refused("contrast-division", "maps", options("--contrast", "age / 0"), ["contrast"], SYNTAX),
    refused("power-nothing", "study", command("power"), [("required", "arguments", "formula", "--n")], ("required", "give", "needs")),
    refused("stats-nothing", "maps", command("stats"), ["--maps"], ("required",)),
    refused("command-unknown", "maps", command("statz"), ["statz"], ("choice", "choose")),
    refused("no-command", "maps", command(), [("COMMAND", "command")], ("required",)),
    refused("stage-unknown", "study", command("run", "{in}", "{out}", "everything"), ["everything"], ("choice", "choose")),
    refused("option-unknown", "study", options("--alpa", "0.01"), ["--alpa"], ("unrecognized", "no option", "unknown")),
    works("config-show", "study", command("config", "show"), lambda w, s: demand("[group]" in s.out, s.out[:200])),
    works("config-schema", "study", command("config", "schema"), lambda w, s: demand("$defs" in json.loads(s.out) or "properties" in json.loads(s.out), "no schema")),
)  # fmt: skip
