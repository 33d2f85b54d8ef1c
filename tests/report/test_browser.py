"""The pages in a real browser: the system's Chromium, if there is one."""

import io
import shutil

import numpy as np
import pytest
from matplotlib.image import imread

from commissure.report.files import write_report
from commissure.settings.reading import read_settings
from tests.report.test_report_files import SECTIONS

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="no chromium: install it (apt-get install chromium) for these tests"
)

# Without a graphics card, WebGL is drawn by the processor.
ARGUMENTS = [
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
]
DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def launch():
    with playwright.sync_playwright() as run:
        opened = []

        def start(*more):
            browser = run.chromium.launch(executable_path=CHROMIUM, args=[*ARGUMENTS, *more])
            opened.append(browser)
            return browser

        yield start
        for browser in opened:
            browser.close()


@pytest.fixture(scope="module")
def browser(launch):
    return launch()


def open_page(browser, path, *, size=DESKTOP, scheme="light", **options):
    """Return a page, and what it asked for or complained of."""
    context = browser.new_context(viewport=size, color_scheme=scheme, **options)
    page = context.new_page()
    troubles = []
    page.on("console", lambda m: m.type in ("error", "warning") and troubles.append(m.text))
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on(
        "request",
        lambda r: r.url.startswith(("data:", "blob:", path.as_uri())) or troubles.append(r.url),
    )
    page.goto(path.as_uri())
    return page, troubles


@pytest.fixture(scope="module")
def report(browser, finished):
    """Return the finished study's page with its viewer drawn, and its troubles."""
    page, troubles = open_page(browser, finished / "report.html")
    page.wait_for_selector("#viewer[data-ready]", timeout=60_000)
    return page, troubles


def pixels(page, selector):
    png = page.locator(selector).screenshot()
    return imread(io.BytesIO(png), format="png")[..., :3]


def position(place):
    x, y, z = (float(mm) for mm in place.get_attribute("data-at").split())
    return f"x {x:.0f}, y {y:.0f}, z {z:.0f} mm"


def test_the_page_is_quiet_and_asks_for_nothing(report):
    page, troubles = report
    assert page.locator("main section").count() == len(SECTIONS)
    assert page.evaluate("[...document.images].every(i => i.complete && i.naturalWidth > 0)")
    assert troubles == []


def test_the_viewer_draws_a_brain_with_its_cluster(report):
    page, _ = report
    image = pixels(page, "#viewer-canvas")
    grey = (np.ptp(image, axis=2) < 0.05) & (image.mean(axis=2) > 0.2)
    assert grey.mean() > 0.05
    warm = (image[..., 0] > 0.8) & (image[..., 1] > 0.3) & (image[..., 2] < 0.3)
    assert warm.sum() > 20


def test_a_row_of_the_clusters_leads_there(report, finished):
    page, _ = report
    places = page.locator("#differences .place")
    assert places.count() > 1
    where = page.locator("#viewer-where")
    page.get_by_text("clusters are not significant").click()
    last, first = places.nth(1), places.nth(0)
    last.locator("xpath=ancestor::tr").locator("td").nth(1).click()
    assert position(last) in where.inner_text()
    before = pixels(page, "#viewer-canvas")
    first.focus()
    page.keyboard.press("Enter")
    assert position(first) in where.inner_text()
    assert "t = " in where.inner_text()
    assert (pixels(page, "#viewer-canvas") != before).any()
    assert "here" in first.locator("xpath=ancestor::tr").get_attribute("class")


def test_a_typed_position_is_gone_to(report):
    page, _ = report
    for axis, mm in zip("xyz", (20, -40, 30), strict=True):
        page.locator(f"#viewer-controls [name={axis}]").fill(str(mm))
    page.get_by_role("button", name="Go", exact=True).click()
    assert "x 20, y -40, z 30 mm (right)" in page.locator("#viewer-where").inner_text()


def test_the_whole_map_can_be_shown(report):
    page, _ = report
    before = pixels(page, "#viewer-canvas")
    page.get_by_label("all of the t map").check()
    page.locator("[name=threshold]").fill("1")
    page.locator("[name=threshold]").press("Enter")
    assert (pixels(page, "#viewer-canvas") != before).mean() > 0.01
    page.get_by_role("radio", name="significant clusters").check()


def test_the_copy_button_copies(browser, half_done, tmp_path):
    out = shutil.copytree(half_done, tmp_path / "study")
    (out / "group").mkdir()
    methods = "Methods\n\nScans were *cleaned*, p < 0.05.\n"
    (out / "group" / "methods.txt").write_text(methods)
    write_report(out)
    page, troubles = open_page(
        browser, out / "report.html", permissions=["clipboard-read", "clipboard-write"]
    )
    page.get_by_role("button", name="Copy the methods text").click()
    page.get_by_text("Copied.").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == methods
    assert troubles == []


@pytest.mark.parametrize("name", ["report.html", "quality.html", "sub-01.html"])
def test_nothing_is_wider_than_a_phone(browser, finished, name):
    page, _ = open_page(browser, finished / name, size=PHONE)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    for details in page.locator("details").all():
        details.locator("summary").first.click()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def serious(page, **options):
    """Return what axe finds to be a serious or critical barrier."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    found = axe.Axe().run(page, options=options).response
    assert found["passes"]
    return [
        f"{violation['id']}: {node['html'][:120]}"
        for violation in found["violations"]
        if violation["impact"] in ("serious", "critical")
        for node in violation["nodes"]
    ]


def test_axe_finds_nothing_serious(report, browser, finished):
    page, _ = report
    assert serious(page) == []
    page.emulate_media(color_scheme="dark")
    assert serious(page, runOnly=["color-contrast"]) == []
    page.emulate_media(color_scheme="light")
    for scheme in ("light", "dark"):
        for name in ("sub-02.html", "quality.html"):
            page, _ = open_page(browser, finished / name, scheme=scheme)
            assert serious(page) == []


def test_axe_would_find_something(browser, tmp_path):
    path = tmp_path / "bad.html"
    path.write_text("<html><body><img src='data:,'><p style='color:#ccc'>pale</p></body></html>")
    page, _ = open_page(browser, path)
    assert {text.partition(":")[0] for text in serious(page)} >= {"image-alt", "color-contrast"}


def test_a_rating_becomes_settings_that_are_read(browser, finished, tmp_path):
    page, troubles = open_page(browser, finished / "quality.html")
    page.select_option('select[data-who="sub-03"]', "exclude")
    page.fill('input[data-why="sub-03"]', 'a "ghost"')
    page.select_option('select[data-who="sub-06"]', "doubt")
    with page.expect_download() as saved:
        page.click(".save-ratings")
    saved.value.save_as(tmp_path / "quality.toml")
    rules = read_settings(None, tmp_path / "quality.toml").quality
    assert rules.exclude == {"sub-03": 'a "ghost"'}
    assert troubles == []


def test_a_table_is_sorted_by_its_numbers(browser, finished):
    page, _ = open_page(browser, finished / "quality.html")
    for order in (1, -1):
        page.click("table.sortable th:nth-child(3) button")
        cells = page.locator("table.sortable tbody td:nth-child(3)").all_inner_texts()
        numbers = [float(cell) for cell in cells]
        assert numbers == sorted(numbers, reverse=order < 0)


def test_dark_is_dark(browser, half_done):
    page, _ = open_page(browser, half_done / "report.html", scheme="dark")
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert max(map(int, background.removeprefix("rgb(").removesuffix(")").split(","))) < 60


def test_a_half_done_study_is_quiet_too(browser, half_done):
    for name in ("report.html", "sub-01.html", "sub-02.html"):
        page, troubles = open_page(browser, half_done / name)
        assert page.locator("h1").count() == 1
        assert troubles == []


def test_everything_is_reached_by_keyboard(browser, half_done):
    page, _ = open_page(browser, half_done / "report.html")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"


def test_a_browser_without_webgl_is_told_what_to_do(launch, finished):
    browser = launch("--disable-3d-apis")
    page, _ = open_page(browser, finished / "report.html")
    page.locator("#viewer-missing").wait_for(state="visible")
    assert "has no WebGL 2" in page.locator("#viewer-missing").inner_text()
    assert page.locator("#viewer-canvas").is_hidden()
    assert page.locator("#differences .place").first.is_disabled()
    assert page.get_by_alt_text("through the peak of each significant cluster").is_visible()


def test_printed_everything_is_unfolded(browser, finished):
    page, _ = open_page(browser, finished / "report.html")
    page.evaluate(
        "addEventListener('beforeprint',"
        " () => { window.folded = document.querySelectorAll('details:not([open])').length; })"
    )
    assert page.locator("details:not([open])").count() > 1
    assert page.pdf(format="A4")[:4] == b"%PDF"
    assert page.evaluate("window.folded") == 0
    page.emulate_media(media="print")
    assert page.locator("nav").is_hidden()
    assert page.locator("#viewer").is_hidden()


def test_an_annex_is_printed_only_if_it_was_opened(browser, finished):
    page, _ = open_page(browser, finished / "report.html")
    unasked = "[...document.querySelectorAll('.annex')].map(d => d.matches('.unasked'))"
    page.evaluate(f"addEventListener('beforeprint', () => {{ window.unasked = {unasked}; }})")
    page.locator(".annex summary").first.click()
    page.pdf(format="A4")
    first, *others = page.evaluate("window.unasked")
    assert not first
    assert others
    assert all(others)
    assert not page.locator(".unasked").count()
    page.emulate_media(media="print")
    page.evaluate("document.querySelectorAll('.annex')[1].classList.add('unasked')")
    assert page.locator(".annex").nth(1).is_hidden()
    assert page.locator(".annex").nth(0).is_visible()
