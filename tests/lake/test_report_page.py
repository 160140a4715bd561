"""The page of `ticketlake report --html`, looked at in a real browser: charts are drawn, nothing is asked for, nothing breaks out."""

import base64
import re

import pytest

import browser
from conftest import assert_complete
from program import Home
from test_report import desk  # noqa: F401  (a fixture)
from test_report import told
from test_sandbox import sandbox
from test_views import SECRETS, add_sources

needs_browser = pytest.mark.skipif(browser.find() is None, reason="no Chromium here: install Debian's package `chromium` (`make browser` does, as root), or name one in $CHROMIUM")
HOSTILE = "</script><script>alert(1)</script>"
DRAWN = """
    [...document.querySelectorAll(".chart")].map((chart) => {
        const svg = chart.querySelector("svg"), box = svg && svg.getBoundingClientRect();
        return { width: box ? box.width : 0, height: box ? box.height : 0, shapes: svg ? svg.querySelectorAll("path").length : 0, label: chart.getAttribute("aria-label") };
    })
"""


def named(value):
    """How a value is shown: on one line."""
    return "(none)" if value is None else re.sub(r"[\x00-\x1f]", " ", value).strip() or "(empty)"


@pytest.fixture(scope="module")
def file(desk, tmp_path_factory):  # noqa: F811
    """The page of a lake with hostile labels, broken down by one of them."""
    path = tmp_path_factory.mktemp("page") / "the desk.html"
    done = desk.run("report", "--html", str(path), "--group-by", "问题类型")
    assert done.code == 0 and path.name in done.out, done
    assert [entry.name for entry in path.parent.iterdir()] == [path.name], "a file was left beside the page"
    return path


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    with browser.browse(tmp_path_factory.mktemp("profile")) as page:
        yield page


def look(page, file, width=1280, scheme="light", mobile=False):
    page.say("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=mobile)
    page.say("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
    page.open(file.as_uri())


def luminance(page, what):
    red, green, blue = map(int, re.findall(r"\d+", page.evaluate(f"getComputedStyle({what}).color" if "h1" in what else f"getComputedStyle({what}).backgroundColor"))[:3])
    return (2 * red + 5 * green + blue) / 8


@needs_browser
@pytest.mark.parametrize("scheme, width", [("light", 1280), ("dark", 1280), ("light", 390), ("dark", 390)])
def test_charts_are_drawn_and_nothing_is_asked_for(page, file, scheme, width):
    look(page, file, width, scheme, mobile=width < 500)
    drawn = page.evaluate(DRAWN)
    assert len(drawn) >= 9, drawn
    for chart in drawn:
        assert chart["width"] > 200 and chart["height"] > 60 and chart["shapes"] > 2 and chart["label"], chart
        assert chart["width"] <= width
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.complaints() == []
    assert page.requests() == [file.as_uri()]
    ground, ink = luminance(page, "document.body"), luminance(page, "document.querySelector('h1')")
    assert (ground > 200 and ink < 80) if scheme == "light" else (ground < 60 and ink > 180), (ground, ink)
    colours = page.evaluate("[...new Set([...document.querySelectorAll('.chart svg text')].map((text) => text.getAttribute('fill')))]")
    assert colours and not set(colours) & ({"#e6e9ef", "#9aa5b8"} if scheme == "light" else {"#1d2330", "#5d6679"}), colours


@needs_browser
def test_labels_are_only_text(page, file):
    look(page, file)
    assert page.complaints() == []
    text = page.evaluate("document.querySelector('main').textContent")
    missing = [label for label in (HOSTILE, "问题类型", 'a"b', "/* */", "$$", "🎫 emoji", "%s {}") if label not in text]
    assert not missing, missing
    assert page.evaluate("document.scripts.length") == 3
    assert page.evaluate("document.querySelectorAll('main b, main i, main img, main script').length") == 0
    # The policy holds against a script that is put in by hand, too.
    page.evaluate("document.body.append(Object.assign(document.createElement('script'), { textContent: 'window.broken = 1' }))")
    assert page.evaluate("window.broken") is None
    assert page.evaluate("fetch('https://example.com/').then(() => 'answered', () => 'refused')") == "refused"


@needs_browser
def test_tables_tell_what_json_tells(page, file, desk):  # noqa: F811
    look(page, file)
    report = told(desk, "--group-by", "问题类型")
    rows = page.evaluate("[...document.querySelectorAll('tr')].map((row) => [...row.children].map((cell) => cell.textContent.trim()))")
    for source in [*report["sources"], {"name": "all", **report["all"]}]:
        assert any(row[:2] == [source["name"], f"{source['tickets']:,}"] for row in rows), source
    for group in report["groups"]["shown"]:
        assert any(row[:2] == [named(group["value"]), f"{group['tickets']:,}"] for row in rows), group
    for day in report["volume"]["days"]:
        assert [day["date"], f"{day['tickets']:,}"] in rows
    for day in report["backlog"]["days"]:
        assert [str(day["date"]), *(f"{day[key]:,}" for key in ("created", "ended", "open"))] in rows
    week = [row for row in rows if len(row) == 26 and row[0] in ("Mon", "Sun")]
    assert [[int(cell.replace(",", "")) for cell in row[1:25]] for row in week] == [report["volume"]["weekday_hours"][0], report["volume"]["weekday_hours"][6]]
    charts = page.evaluate("JSON.parse(document.getElementById('data').textContent)")
    assert sum(charts[0]["series"][0]["values"]) == sum(group["tickets"] for group in report["groups"]["shown"][:15])
    volume = next(chart for chart in charts if chart["kind"] == "bars")
    assert sum(volume["series"][0]["values"]) == sum(day["tickets"] for day in report["volume"]["days"])


@needs_browser
def test_a_page_prints_on_a_few_sheets(page, file):
    look(page, file, scheme="dark")
    pdf = base64.b64decode(page.say("Page.printToPDF", preferCSSPageSize=True, printBackground=True)["data"])
    sheets = len(re.findall(rb"/Type\s*/Page\b", pdf))
    assert pdf.startswith(b"%PDF") and 1 <= sheets <= 6, sheets
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.evaluate("document.querySelectorAll('details[open]').length") == 0
    assert all(chart["shapes"] > 2 for chart in page.evaluate(DRAWN))
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.complaints() == []


@needs_browser
def test_a_narrow_table_shows_that_it_scrolls(page, file):
    look(page, file, 375, mobile=True)
    told = page.evaluate("""[...document.querySelectorAll('.scroll')].filter((box) => box.scrollWidth > box.clientWidth)
        .map((box) => [getComputedStyle(box).backgroundAttachment, box.tabIndex])""")
    assert told and all("local" in attachment and tab == 0 for attachment, tab in told), told


@needs_browser
def test_a_page_in_chinese(page, desk, tmp_path):  # noqa: F811
    file = tmp_path / "zh.html"
    done = desk.run("report", "--html", "-", "--lang", "zh", "--title", "客服 <周报>")
    assert done.code == 0 and done.out.startswith("<!doctype html>") and done.out.endswith("</html>\n"), done.err
    file.write_text(done.out, encoding="utf-8")
    look(page, file)
    assert page.complaints() == [] and page.evaluate("document.documentElement.lang") == "zh-CN"
    assert page.evaluate("[document.title, document.querySelector('h1').textContent]") == ["客服 <周报>"] * 2
    headings = page.evaluate("[...document.querySelectorAll('h2')].map((heading) => heading.textContent)")
    assert {"概览", "满意度", "标签"} <= set(headings) and all(re.search("[\u4e00-\u9fff]", heading) for heading in headings), headings
    text = page.evaluate("document.body.innerText")
    assert "未结束" in text and not re.search(r"not known|\btickets\b|percentile", text)


@needs_browser
def test_a_time_that_is_not_over_is_marked(page, file):
    look(page, file)
    volume = next(chart for chart in page.evaluate("JSON.parse(document.getElementById('data').textContent)") if chart["kind"] == "bars")
    assert volume["unfinished"] and volume["names"][-1].endswith("(not over)") and not volume["names"][-2].endswith(")")
    assert "is not over" in page.evaluate("document.querySelector('.caption').textContent")


def test_an_incomplete_lake_says_so_on_top(tmp_path):
    home = Home(tmp_path)
    with sandbox(20) as origin:
        add_sources(home, origin, "help-desk")
        assert_complete(home.sync(env=SECRETS))
    assert "is incomplete" not in home.run("report").out.split("Overview")[0]
    assert home.sync(env=SECRETS).code == 3
    for text in (home.run("report").out.split("Overview")[0], home.run("report", "--html", "-").out.split("<main>")[0]):
        assert "This lake is incomplete" in text and "help-desk: the last run is" in text, text


@needs_browser
@pytest.mark.parametrize("tickets", [0, 1])
def test_a_lake_with_next_to_nothing(page, tmp_path, tickets):
    home = Home(tmp_path)
    with sandbox(tickets) as origin:
        add_sources(home, origin, "help-desk")
        assert_complete(home.sync(env=SECRETS))
    file = tmp_path / "page.html"
    assert home.run("report", "--html", str(file)).code == 0
    look(page, file, 390, mobile=True)
    assert page.complaints() == [] and page.requests() == [file.as_uri()]
    assert all(chart["shapes"] > 0 for chart in page.evaluate(DRAWN))
    text = page.evaluate("document.body.innerText")
    assert "not known" in text and "help-desk" in text
    assert ("no ticket has an SLA" in text) == (tickets == 1)


def test_the_page_names_no_other_place(file):
    text = file.read_text(encoding="utf-8")
    assert not re.findall(r"<(?:link|img|iframe|object|embed|base)\b|@import|url\(", re.sub(r"<script>.*?</script>", "", text, flags=re.S))
    assert "default-src 'none'" in text and text.count("</script>") == 3


def test_a_page_is_written_whole_or_not_at_all(desk, tmp_path):  # noqa: F811
    target = tmp_path / "gone" / "page.html"
    done = desk.run("report", "--html", str(target))
    assert done.code == 1 and str(target) in done.err and not target.parent.exists(), done
    old = tmp_path / "page.html"
    old.write_text("old")
    assert desk.run("report", "--html", str(old)).code == 0
    assert old.read_text(encoding="utf-8").startswith("<!doctype html>")
