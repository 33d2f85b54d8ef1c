"""The bibliography: complete, well formed, and printed as journals print it."""

import re

import pytest

from commissure.report.methods.references import (
    bibliography,
    cite_by_author,
    cited_keys,
    load_references,
    read_bibtex,
)

ENTRY = """@article{doe1999,
  author = {Doe, Jane-Ann and van der Roe, R. and {The Group}},
  title = {On {MRI} \\& more},
  journal = {Journal},
  year = {1999},
  volume = {1},
  pages = {2--3},
  doi = {10.1/x},
}"""


@pytest.mark.parametrize("key", load_references())
def test_every_source_can_be_found(key):
    fields = load_references()[key].fields
    assert fields["author"]
    assert fields["title"]
    # commissure itself has no address yet.
    assert {"doi", "url"} & set(fields) or key == "commissure"
    if "doi" in fields:
        assert re.fullmatch(r"10\.\d{4,}/\S+", fields["doi"])
    if "year" in fields:
        assert re.fullmatch(r"(19|20)\d\d", fields["year"])
    if "journal" in fields:
        assert {"year", "volume", "doi"} <= set(fields)


def test_no_source_is_there_twice():
    dois = [r.fields["doi"] for r in load_references().values() if "doi" in r.fields]
    assert len(set(dois)) == len(dois)


def test_braces_of_every_entry_match():
    for reference in load_references().values():
        depth = 0
        for character in reference.bibtex:
            depth += (character == "{") - (character == "}")
            assert depth >= 0
        assert depth == 0


def test_a_reference_is_printed_as_journals_do():
    reference = read_bibtex(ENTRY)["doe1999"]
    assert reference.listed == (
        "Doe, J.-A., van der Roe, R., and The Group (1999). On MRI & more. Journal 1, 2–3. "
        "https://doi.org/10.1/x"
    )
    assert reference.short_authors == "Doe et al."


@pytest.mark.parametrize(
    ("key", "short"),
    [
        ("liu2025", "Liu et al."),
        ("freedman1983", "Freedman and Lane"),
        ("hedges1981", "Hedges"),
        ("brett_nibabel", "Brett et al."),
        ("commissure", "The commissure developers"),
    ],
)
def test_authors_are_shortened_as_text_cites_them(key, short):
    assert load_references()[key].short_authors == short


@pytest.mark.parametrize(
    ("markdown", "text"),
    [
        ("A [@fonov2009; @fonov2011].", "A (Fonov et al., 2009, 2011)."),
        ("B [cf. @baker2004; @liu2025].", "B (cf. Baker and Matthews, 2004; Liu et al., 2025)."),
        ("C of @winkler2014.", "C of Winkler et al. (2014)."),
        ("D [N4, @tustison2010] [@ji_funchomoconn]", "D (N4, Tustison et al., 2010) (Ji, n.d.)"),
        (r"\[Describe a\@b here.\] x[1]", r"\[Describe a\@b here.\] x[1]"),
    ],
)
def test_citations_become_authors_and_years(markdown, text):
    assert cite_by_author(markdown, load_references()) == text


def test_keys_are_found_in_order_and_once():
    assert cited_keys(r"[@b; @a] and @c, @b; no\@d, me@home.org") == ["b", "a", "c"]


def test_citing_what_is_not_there_is_an_error():
    with pytest.raises(KeyError, match="nobody1900"):
        cite_by_author("[@nobody1900]", load_references())


def test_the_bibliography_has_what_is_cited_with_the_version_used():
    text = bibliography(["liu2025", "commissure"], {"commissure": "1.2.3", "liu": "9"})
    found = read_bibtex(text)
    assert set(found) == {"liu2025", "commissure"}
    assert found["commissure"].fields["version"] == "1.2.3"
    assert found["commissure"].listed.endswith("(version 1.2.3).")
    assert found["liu2025"] == load_references()["liu2025"]


@pytest.mark.parametrize(
    "broken",
    [
        ENTRY.replace("  year = {1999},\n", "  year = 1999,\n"),
        ENTRY.replace("  year", "year"),
        f"{ENTRY}\n\n{ENTRY}",
        f"{ENTRY}\nand more",
        f"words\n{ENTRY}",
    ],
)
def test_what_is_not_understood_is_refused(broken):
    with pytest.raises(ValueError, match="bibliography"):
        read_bibtex(broken)
