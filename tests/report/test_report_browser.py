"""The report in a browser: nothing is fetched, nothing fails, everything that can be pressed works."""

import functools
import importlib.util
import re
import shutil
from xml.etree import ElementTree

import plot_results
import pytest
from report_cases import cohort_outcomes

from phylometa.report import write_cohort_index, write_report

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
HAS_DRIVER = all(importlib.util.find_spec(name) for name in ("playwright", "axe_playwright_python"))
pytestmark = [
    pytest.mark.system,
    pytest.mark.xdist_group("browser"),
    pytest.mark.skipif(not (BROWSER and HAS_DRIVER), reason="needs chromium, playwright and axe-playwright-python"),
]
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
]
CASES = ("eight_clones", "malicious", "nothing")
# Reports as runs of the bundled patients leave them.
REAL_CASES = ("demo", "a22")


@pytest.fixture(scope="module")
def reports(tmp_path_factory, real_run):
    """Name -> file of a report, written when first asked for."""
    directory = tmp_path_factory.mktemp("reports")

    @functools.cache
    def report(name):
        if name in REAL_CASES:
            return real_run(name) / "report.html"
        if name == "index":
            return write_cohort_index(cohort_outcomes(), directory / "index.html")
        return write_report(getattr(plot_results, name)(), directory / f"{name}.html")

    return report


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=BROWSER, args=FLAGS)
        yield started
        started.close()


def unfold(page):
    page.evaluate("document.querySelectorAll('details').forEach((element) => { element.open = true; })")


@pytest.fixture
def opened(browser, reports):
    """Opens a report from disk; at the end there must be no console message, page error or request."""
    pages, heard = [], []

    def open_report(name, is_unfolded=True, **options):
        page = browser.new_page(**options)
        pages.append(page)
        page.on("console", lambda message: heard.append(message.text))
        page.on("pageerror", lambda error: heard.append(str(error)))
        address = reports(name).as_uri()
        page.on(
            "request", lambda request: request.url.startswith((address, "data:", "blob:")) or heard.append(request.url)
        )
        page.goto(address)
        if is_unfolded:
            unfold(page)
        return page

    yield open_report
    for page in pages:
        page.close()
    assert heard == []


VIEWS = [("light", 1400), ("dark", 1400), ("light", 390), ("dark", 800), ("light", 1600)]


@pytest.mark.parametrize("scheme, width", VIEWS)
@pytest.mark.parametrize("name", [*CASES, "index", *REAL_CASES])
def test_report_opens_and_is_accessible(opened, name, scheme, width):
    from axe_playwright_python.sync_playwright import Axe

    page = opened(name, viewport={"width": width, "height": 900}, color_scheme=scheme)
    assert page.title().endswith("clones, seeding and dissemination")
    assert page.evaluate("window.hacked") is None
    outcome = Axe().run(page).response
    assert outcome["passes"]
    serious = [(v["id"], v["nodes"][0]["html"][:200]) for v in outcome["violations"]]
    assert serious == []


def test_a_malicious_name_stays_text(opened):
    page = opened("malicious")
    assert page.locator("h1").inner_text() == plot_results.MALICIOUS[0]
    page.locator('svg [role="button"]').first.hover()
    assert plot_results.MALICIOUS[0] in page.locator("#tip").inner_text()
    page.select_option("#clone", index=1)
    assert page.evaluate("window.hacked") is None
    assert page.locator("img").count() == 0


def test_hover_and_focus_show_the_reads_behind_a_clone(opened):
    page = opened("eight_clones")
    tip = page.locator("#tip")
    assert tip.is_hidden()
    node = page.locator('.frame:not([hidden]) figure[data-name="clone_tree"] [role="button"]').first
    node.hover()
    assert "on its edge" in tip.inner_text()
    rows = tip.locator("table").first.locator("tr")
    assert rows.count() == 1 + 6
    assert "of" in rows.nth(1).inner_text()
    page.mouse.move(0, 0)
    assert tip.is_hidden()
    node.focus()
    assert tip.is_visible()
    page.keyboard.press("Escape")
    assert tip.is_hidden()
    page.locator('.frame:not([hidden]) figure[data-name="migration_graph"] [role="button"]').first.hover()
    assert "probability" in tip.inner_text()


def test_slider_and_buttons_walk_through_histories(opened):
    page = opened("eight_clones")
    caption = page.locator("#frame-caption")
    assert caption.inner_text().startswith("History 1 of 6")
    assert page.locator(".frame:not([hidden])").get_attribute("data-frame") == "0"
    page.locator("#frame").focus()
    page.keyboard.press("ArrowRight")
    assert caption.inner_text().startswith("History 2 of 6")
    page.locator("#next").click()
    assert page.locator(".frame:not([hidden])").get_attribute("data-frame") == "2"
    page.locator("#previous").click()
    page.locator("#previous").click()
    page.locator("#previous").click()
    assert caption.inner_text().startswith("History 1 of 6")


def test_a_selected_clone_is_marked_everywhere(opened):
    page = opened("eight_clones")
    page.locator('figure[data-name="clone_proportions"] [data-clone="4"]').first.click()
    assert page.locator("#clone").input_value() == "4"
    for place in ('figure[data-name="clone_tree"]', 'figure[data-name="fish"]', '[data-table="clones"] tr'):
        selector = f'{place} [data-clone="4"]' if "figure" in place else f'{place}[data-clone="4"]'
        assert "is-selected" in page.locator(selector).first.get_attribute("class")
    assert "is-dimmed" in page.locator('figure[data-name="clone_tree"] [data-clone="2"]').first.get_attribute("class")
    node = page.locator('.frame:not([hidden]) figure[data-name="clone_tree"] [data-clone="2"][role="button"]')
    node.focus()
    page.keyboard.press("Enter")
    assert page.locator("#clone").input_value() == "2"
    assert node.get_attribute("aria-pressed") == "true"
    page.keyboard.press("Escape")
    assert page.locator(".is-selected").count() == 0


def column(page, table, index):
    return page.locator(f'[data-table="{table}"] tbody tr:not([hidden]) td:nth-child({index})').all_inner_texts()


def test_tables_sort_filter_and_download(opened):
    page = opened("eight_clones")
    header = page.locator('[data-table="clones"] th').nth(1)
    header.locator("button").click()
    counts = [int(text) for text in column(page, "clones", 2)]
    assert counts == sorted(counts) and header.get_attribute("aria-sort") == "ascending"
    header.locator("button").click()
    assert [int(text) for text in column(page, "clones", 2)] == counts[::-1]
    page.locator('[data-table="sites"] .filter').fill("Distant")
    assert column(page, "sites", 1) == ["liver"]
    assert page.locator('[data-table="sites"] .row-count').inner_text() == "1 of 4 rows"
    with page.expect_download() as download:
        page.locator('[data-table="sites"] .download-tsv').click()
    assert download.value.suggested_filename == "sites.tsv"
    lines = download.value.path().read_text(encoding="utf-8").splitlines()
    assert lines[0].split("\t")[:3] == ["Site", "Class", "Samples"]
    assert [line.split("\t")[0] for line in lines[1:]] == ["liver"]


@pytest.mark.parametrize("name", ["clone_tree", "ccf_heatmap"])
def test_figures_download_as_svg(opened, name):
    page = opened("eight_clones")
    with page.expect_download() as download:
        page.locator(f'figure[data-name="{name}"] .download-svg').first.click()
    assert download.value.suggested_filename == f"{name}.svg"
    root = ElementTree.fromstring(download.value.path().read_text(encoding="utf-8"))
    assert root.tag == "{http://www.w3.org/2000/svg}svg"


def figure(page, name):
    return page.locator(f'.frame:not([hidden]) figure[data-name="{name}"]')


@pytest.mark.parametrize("name", REAL_CASES)
def test_the_report_of_a_bundled_patient_answers_first(opened, name):
    page = opened(name)
    assert re.search(" seeded | not determined|is determined", page.locator(".answer").inner_text())
    assert page.locator(".overview tbody tr").count() >= {"demo": 4, "a22": 10}[name]
    assert page.locator('figure[data-name="routes"]').is_visible()
    sites = page.locator(".site-findings dt").all_inner_texts()
    assert sites[0].startswith("prostate") and len(sites) == {"demo": 5, "a22": 11}[name]
    link = page.locator(".trace").first
    clone = link.get_attribute("data-trace")
    link.click()
    assert page.locator("#clone").input_value() == clone
    assert "is-selected" in figure(page, "clone_tree").locator(f'[data-clone="{clone}"]').first.get_attribute("class")
    assert page.url.endswith("#explorer")
    if name == "demo":
        assert page.locator('figure[data-name="tumour_control"]').count() == 0
        assert page.locator('[data-table="reseeding"] tbody tr').count() == 1


@pytest.mark.parametrize("name", REAL_CASES)
def test_the_report_of_a_bundled_patient_shows_reads_and_histories(opened, name):
    page = opened(name)
    tip, caption = page.locator("#tip"), page.locator("#frame-caption")
    node = figure(page, "clone_tree").locator('[role="button"]').nth(1)
    node.hover()
    samples = {"demo": 9, "a22": 11}[name]
    assert tip.locator("table").first.locator("tr").count() == 1 + samples
    assert " of " in tip.locator("table").first.locator("tr").nth(1).inner_text()
    assert tip.locator("table").count() == 2  # single mutations with their reads
    node.click()
    assert page.locator("#clone").input_value() == node.get_attribute("data-clone")
    page.keyboard.press("Escape")
    assert page.locator(".is-selected").count() == 0
    figure(page, "migration_graph").locator("[data-source][tabindex]").first.hover()
    assert "probability" in tip.inner_text()
    first = caption.inner_text()
    assert first.startswith("History 1 of ")
    page.locator("#frame").focus()
    page.keyboard.press("ArrowRight")
    assert caption.inner_text().startswith("History 2 of ") and caption.inner_text() != first
    assert page.locator(".frame:not([hidden])").get_attribute("data-frame") == "1"
    page.locator("#previous").click()
    assert caption.inner_text() == first


@pytest.mark.parametrize("name", REAL_CASES)
def test_the_report_of_a_bundled_patient_sorts_filters_and_downloads(opened, name):
    page = opened(name)
    page.locator('[data-table="clones"] th').nth(1).locator("button").click()
    counts = [int(text) for text in column(page, "clones", 2)]
    assert counts == sorted(counts) and len(counts) > 5
    page.locator('[data-table="sites"] .filter').fill("distant")
    shown = column(page, "sites", 1)
    assert len(shown) == {"demo": 3, "a22": 5}[name] and set(column(page, "sites", 2)) == {"distant"}
    with page.expect_download() as download:
        page.locator('[data-table="sites"] .download-tsv').click()
    lines = download.value.path().read_text(encoding="utf-8").splitlines()
    assert [line.split("\t")[0] for line in lines] == ["Site", *shown]
    for drawn in ("clone_tree", "timeline", "ccf_pairs"):
        with page.expect_download() as download:
            page.locator(f'figure[data-name="{drawn}"] .download-svg').first.click()
        root = ElementTree.fromstring(download.value.path().read_text(encoding="utf-8"))
        assert root.tag == "{http://www.w3.org/2000/svg}svg" and download.value.suggested_filename == f"{drawn}.svg"


@pytest.mark.parametrize("name", ["eight_clones", "index"])
def test_a_phone_needs_no_sideways_scrolling_of_the_page(opened, name):
    page = opened(name, viewport={"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.parametrize("width", [390, 800, 1400, 1600])
def test_text_of_figures_has_eleven_pixels(opened, width):
    page = opened("eight_clones", viewport={"width": width, "height": 900})
    smallest = page.evaluate(
        """() => Math.min(...Array.from(document.querySelectorAll('figure svg text'))
        .filter((text) => text.textContent.trim() && text.getBoundingClientRect().width > 0)
        .map((text) => parseFloat(getComputedStyle(text).fontSize)
          * Math.hypot(text.getScreenCTM().a, text.getScreenCTM().b)))"""
    )
    assert smallest >= 10.9


def test_cards_of_patients_filter_and_sort(opened):
    page = opened("index")
    assert page.locator("#cards li").count() == 1
    page.locator("#cards-filter").fill("nobody")
    assert page.locator("#cards li:not([hidden])").count() == 0
    assert page.locator("#cards-count").inner_text() == "0 of 1 patients"
    page.locator("#cards-filter").fill("A 1")
    assert page.locator("#cards li:not([hidden])").count() == 1
    page.select_option("#cards-sort", "metastases")
    assert page.locator("#cards a").get_attribute("href") == "A%201/report.html"


def test_a_link_unfolds_and_a_fold_is_kept_from_history_to_history(opened):
    page = opened("eight_clones", is_unfolded=False)
    assert not page.locator('[data-table="sites"]').is_visible()
    page.locator('nav a[href="#sites"]').click()
    assert page.locator('[data-table="sites"]').is_visible()
    page.locator(".frame:not([hidden]) details[data-fold='history'] summary").click()
    page.locator("#next").click()
    assert page.locator('.frame:not([hidden]) figure[data-name="history"]').is_visible()


def test_the_report_of_a_patient_with_ten_metastases_is_short(opened):
    page = opened("a22", is_unfolded=False, viewport={"width": 1400, "height": 900})
    assert page.evaluate("document.documentElement.scrollHeight") < 8000
    words = page.evaluate(
        """() => { const part = document.querySelector('#findings').cloneNode(true);
        part.querySelectorAll('figure, details').forEach((x) => x.remove()); document.body.append(part);
        const text = part.innerText; part.remove(); return text.split(/\\s+/).filter(Boolean).length; }"""
    )
    assert 50 < words < 400


def test_paper_shows_figures_and_tables_without_controls(opened):
    page = opened("eight_clones", is_unfolded=False)
    page.emulate_media(media="print")
    assert page.locator(".controls").is_hidden()
    assert page.locator(".download-tsv").first.is_hidden()
    assert page.locator('figure[data-name="clone_tree"]').first.is_visible()
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert page.locator("details:not([open])").count() == 0
    page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    assert page.locator("details:not([open])").count() > 0
