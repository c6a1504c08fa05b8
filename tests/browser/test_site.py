"""The site that `make site` builds, served to a real browser: links, search, formulas, both lights, a telephone."""

import functools
import http.server
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from course_utils.classroom import lessons

from .conftest import chromium
from .test_pages_opened import faults

pytest.importorskip("furo", reason="what builds the site is in the extra `site`")
REPOSITORY = Path(__file__).resolve().parent.parent.parent
LESSONS = [lesson.name for lesson in lessons.all_lessons()]
LOOKED_AT = (
    "index.html",
    f"notebooks/{LESSONS[5]}.html",
    "notebooks/glossary.html",
    "reference/training.html",
    "docs/cheat_sheet.html",
    "docs/teachers.html",
    "README.html",
    "today.html",
)
# What stands out beyond the page's right edge, and in no box of its own that can be scrolled.
WIDE = """() => {
    const wide = [];
    for (const element of document.querySelectorAll("article *")) {
        if (element.getBoundingClientRect().right <= innerWidth + 1) continue;
        let box = element.parentElement;
        while (box.tagName !== "ARTICLE" && getComputedStyle(box).overflowX === "visible") box = box.parentElement;
        if (box.tagName === "ARTICLE") wide.push(element.outerHTML.slice(0, 160));
    }
    return wide;
}"""


@pytest.fixture(scope="session")
def site(tmp_path_factory) -> Path:
    chromium()  # where there is none, nothing needs to be built
    folder = tmp_path_factory.mktemp("site") / "site"
    command = [sys.executable, REPOSITORY / "tools" / "build_site.py", "--output", folder]
    built = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert built.returncode == 0, built.stdout + built.stderr
    return folder


@pytest.fixture(scope="session")
def address(site) -> Iterator[str]:
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_) -> None:
            pass

    handler = functools.partial(Quiet, directory=str(site))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.fixture
def page(page) -> Iterator:
    """The fresh page of all browser tests; here the console must be silent as well."""
    said = []
    page.on("console", lambda message: said.append(message.text) if message.type in ("error", "warning") else None)
    yield page
    assert not said, f"The console says: {said}"


class Links(HTMLParser):
    """Collects where a page leads to and what it loads, and every place in it that can be led to."""

    def __init__(self) -> None:
        super().__init__()
        self.followed: set[str] = set()
        self.loaded: set[str] = set()
        self.places: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.places |= {value for name in ("id", "name") if (value := given.get(name))}
        if tag == "a" and given.get("href"):
            self.followed.add(given["href"])
        elif tag == "link" and given.get("href"):
            self.loaded.add(given["href"])
        elif given.get("src"):
            self.loaded.add(given["src"])

    @classmethod
    def of(cls, path: Path) -> "Links":
        links = cls()
        links.feed(path.read_text(encoding="utf-8"))
        return links


def test_every_link_leads_somewhere_and_nothing_is_loaded_from_elsewhere(site):
    pages = {path: Links.of(path) for path in site.rglob("*.html")}
    assert len(pages) > len(LESSONS) + 30
    dead = []
    for path, links in pages.items():
        for link in links.followed | links.loaded:
            parts = urlsplit(link)
            if parts.scheme in ("data", "mailto"):
                continue
            if parts.scheme or parts.netloc:
                assert link not in links.loaded, f"{path.name} loads {link}"
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if not target.is_file():
                dead.append(f"{path.relative_to(site)}: {link}")
            elif parts.fragment and target in pages and unquote(parts.fragment) not in pages[target].places:
                dead.append(f"{path.relative_to(site)}: {link} (no such place)")
    assert dead == []


def test_every_lesson_has_its_page_and_its_notebook_for_download(site):
    front = Links.of(site / "index.html").followed
    for name in LESSONS:
        assert f"notebooks/{name}.html" in front
        assert (site / "notebooks" / f"{name}.ipynb").read_bytes() == (
            lessons.notebooks_dir() / f"{name}.ipynb"
        ).read_bytes()
        assert f"{name}.ipynb" in Links.of(site / "notebooks" / f"{name}.html").followed


def test_no_page_shows_a_path_of_this_machine_or_a_claim(site):
    for path in site.rglob("*.html"):
        text = re.sub(r"base64,[A-Za-z0-9+/=]+", "", path.read_text(encoding="utf-8"))
        assert str(REPOSITORY) not in text, path.name
        assert "tag_claim" not in text, path.name


@pytest.mark.parametrize("light", ["light", "dark"])
@pytest.mark.parametrize("name", LOOKED_AT)
def test_a_page_has_no_serious_fault(name, light, page, address):
    page.emulate_media(color_scheme=light)
    page.goto(f"{address}/{name}")
    assert page.locator("h1").count() == 1
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, re.findall(r"\d+", ground)[:3])) < 150) == (light == "dark")
    assert faults(page) == []


@pytest.mark.parametrize("name", [*(f"notebooks/{name}.html" for name in LESSONS), *LOOKED_AT])
def test_a_telephone_need_not_scroll_sideways_and_every_picture_is_shown(name, page, address):
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{address}/{name}")
    page.evaluate("for (const folded of document.querySelectorAll('article details')) folded.open = true")
    assert page.evaluate(WIDE) == []
    assert page.evaluate("Array.from(document.images).filter(image => !image.naturalWidth).length") == 0


def test_search_finds_a_word_and_the_pages_that_speak_of_it(page, address):
    page.goto(f"{address}/index.html")
    page.get_by_role("textbox", name="Search").fill("overfitting")
    page.keyboard.press("Enter")
    page.locator("#search-results li").first.wait_for()
    page.locator("#search-results .search-summary", has_text="found").wait_for()
    found = page.locator("#search-results li > a").evaluate_all("links => links.map(link => link.getAttribute('href'))")
    assert any(LESSONS[6] in link for link in found)
    assert any("glossary" in link for link in found)


def test_search_and_formulas_need_no_server(page, site):
    page.goto((site / "search.html").as_uri() + "?q=overfitting")
    page.locator("#search-results li a", has_text="06").first.wait_for()
    page.goto((site / "notebooks" / f"{LESSONS[5]}.html").as_uri())
    assert page.locator("math").count() > 50
    assert page.locator("math[display=block] mfrac").first.bounding_box()["height"] > 20
    assert page.locator("article", has_text=re.compile(r"\\frac|\\sum|\$\$")).count() == 0


def test_light_and_dark_can_be_chosen_and_stay(page, address):
    page.emulate_media(color_scheme="light")
    page.goto(f"{address}/index.html")
    grounds = set()
    for _ in range(3):
        page.locator(".theme-toggle:visible").first.click()
        grounds.add(page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert len(grounds) == 2
    page.locator(".theme-toggle:visible").first.click()
    chosen = page.evaluate("document.body.dataset.theme")
    page.goto(f"{address}/today.html")
    assert page.evaluate("document.body.dataset.theme") == chosen


def test_solutions_and_the_set_up_are_folded_and_open_with_a_key(page, address):
    page.goto(f"{address}/notebooks/{LESSONS[6]}.html")
    folded = page.locator("article details")
    assert folded.count() >= 4
    assert folded.evaluate_all("all => all.filter(one => one.open).length") == 0
    solution = folded.filter(has=page.locator("summary", has_text="Solution")).first
    solution.locator("summary").press("Enter")
    assert solution.locator("pre").is_visible()
