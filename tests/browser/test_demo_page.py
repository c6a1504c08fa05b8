"""The student's page in a real browser: real clicks, keys, drops and a camera; what a screen reader is told; axe."""

import io
import re
import threading

import numpy as np
import pytest
import torch
from made_up import tiny_student
from PIL import Image

from course_utils.classroom.demo import DemoServer
from course_utils.inference import predict_topk
from course_utils.transforms import InputSpec

from .test_pages_opened import faults

CLASSES = ["dress", "hat", "pants", "shirt", "shoes", "a very long name <i>of</i> a kind"]


@pytest.fixture(scope="module")
def server():
    torch.manual_seed(0)
    model = tiny_student(CLASSES, InputSpec(image_size=32, resize_size=36))
    with DemoServer(model, name="student.pt", threshold=0.3) as made:
        thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield made
        made.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def pictures(server, tmp_path_factory) -> list:
    """Two files of pictures that the student answers differently; of the first, some part decides."""
    folder, rng = tmp_path_factory.mktemp("pictures"), np.random.default_rng(0)
    found: dict[str, Image.Image] = {}
    for _ in range(100):
        blocks = rng.integers(0, 256, (4, 3, 3), dtype=np.uint8)
        image = Image.fromarray(blocks).resize((60, 80), Image.Resampling.BICUBIC)
        name = server.answer(image)["answers"][0]["name"]
        if name not in found and (found or server.look(image)["heat"]):
            found[name] = image
    for number, image in enumerate(list(found.values())[:2]):
        image.save(folder / f"{number} ü.png")
    return sorted(folder.iterdir())


def settled(page, name: str) -> None:
    """Wait until the picture is answered, and the student has said where it looked."""
    page.get_by_role("img", name=f"Your picture: {name}").wait_for()
    page.locator("#looked", has_text=re.compile("most: with|decides: which")).wait_for()


def percent(share: float) -> str:
    return "below 1 %" if share < 0.01 else "above 99 %" if share > 0.99 else f"{round(100 * share)} %"


def shown_answers(page) -> list[str]:
    return [item.inner_text().replace("\n", " ") for item in page.get_by_role("listitem").all()]


def due_answers(server, path) -> list[str]:
    return [f"{name} {percent(probability)}" for name, probability in predict_topk(server.model, path)]


def test_a_chosen_picture_gets_five_bars_a_sentence_and_a_map(server, page, pictures):
    page.goto(server.address)
    for path in pictures:
        with page.expect_file_chooser() as chooser:
            page.get_by_text("Choose a picture").click()
        chooser.value.set_files(path)
        settled(page, path.name)
        assert shown_answers(page) == due_answers(server, path)
        fills = page.locator(".fill").evaluate_all("bars => bars.map(bar => parseFloat(bar.style.width))")
        assert fills == pytest.approx([100 * share for _, share in predict_topk(server.model, path)], abs=0.01)
        best = predict_topk(server.model, path)[0]
        said = page.get_by_role("status").inner_text()
        assert said.startswith("The student says: " + (best.name if best.probability >= 0.3 else "I do not know."))


def test_the_threshold_moves_by_key_and_turns_an_answer_into_i_do_not_know(server, page, pictures):
    page.goto(server.address)
    page.locator("#choose").set_input_files(pictures[0])
    settled(page, pictures[0].name)
    best = predict_topk(server.model, pictures[0])[0]
    slider = page.get_by_role("slider", name="It says “I do not know” below")
    slider.focus()
    slider.press("Home")
    assert page.locator("#headline").inner_text().split("\n")[0] == best.name
    for _ in range(int(best.probability / 0.05) + 1):
        slider.press("ArrowRight")
    assert slider.get_attribute("aria-valuetext") == f"{5 * int(best.probability / 0.05) + 5} %"
    assert page.locator("#headline").inner_text().split("\n")[0] == "I do not know"
    assert page.get_by_role("status").inner_text().startswith("The student says: I do not know. At best ")
    assert page.locator("li.sure").count() == 0


def veil(page) -> list[int]:
    """How many pixels the map leaves clear, and how many it covers."""
    return page.locator("#veil").evaluate(
        "canvas => { const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;"
        " const opacities = data.filter((_, index) => index % 4 === 3);"
        " return [opacities.filter(value => value < 100).length, opacities.filter(value => value > 150).length]; }"
    )


def test_what_the_student_looked_at_keeps_its_colours_and_can_be_switched_off(server, page, pictures):
    page.goto(server.address)
    page.locator("#choose").set_input_files(pictures[0])
    settled(page, pictures[0].name)
    switch = page.get_by_role("checkbox", name="Show what the student looked at")
    switch.wait_for()
    clear, covered = veil(page)
    assert clear > 100
    assert covered > 100
    assert page.locator("#veil").is_visible()
    switch.focus()
    page.keyboard.press("Space")
    assert not page.locator("#veil").is_visible()


def test_a_picture_is_dropped_or_pasted(server, page, pictures):
    page.goto(server.address)
    for event, carrier, path in (("drop", "dataTransfer", pictures[0]), ("paste", "clipboardData", pictures[1])):
        page.evaluate(
            """([event, carrier, bytes, name]) => {
                const transfer = new DataTransfer();
                transfer.items.add(new File([new Uint8Array(bytes)], name, {type: 'image/png'}));
                const kind = event === 'drop' ? DragEvent : ClipboardEvent;
                document.body.dispatchEvent(new kind(event, {[carrier]: transfer, bubbles: true, cancelable: true}));
            }""",
            [event, carrier, list(path.read_bytes()), path.name],
        )
        settled(page, path.name)
        assert shown_answers(page) == due_answers(server, path)


def test_the_camera_takes_a_picture_and_is_closed(server, page):
    page.context.grant_permissions(["camera"], origin=server.address)
    page.goto(server.address)
    page.get_by_role("button", name="Use the camera").press("Enter")
    take = page.get_by_role("button", name="Take the picture")
    take.wait_for()
    assert take.evaluate("button => button === document.activeElement"), "the keyboard does not stand on the next step"
    take.press("Enter")
    settled(page, "photo from the camera")
    assert page.locator("#video").is_hidden()
    assert page.get_by_role("button", name="Use the camera").evaluate("button => button === document.activeElement")
    assert len(shown_answers(page)) == 5
    page.get_by_role("button", name="Use the camera").click()
    page.get_by_role("button", name="Close the camera").click()
    assert page.get_by_role("img", name="photo from the camera").is_visible(), "the old picture is back"


def test_without_a_camera_a_sentence_says_why(server, page):
    page.goto(server.address)
    page.get_by_role("button", name="Use the camera").click()
    page.get_by_role("alert").filter(has_text="does not let this page use the camera").wait_for()


def test_a_bad_upload_is_one_sentence_and_the_answer_before_stays(server, page, pictures):
    page.goto(server.address)
    page.locator("#choose").set_input_files(pictures[0])
    settled(page, pictures[0].name)
    before = shown_answers(page)
    buffer = io.BytesIO()
    Image.effect_noise((200, 200), 60).save(buffer, "JPEG")
    for name, content, words in (
        ("notes.txt", b"I am no picture", "Cannot read notes.txt as a picture"),
        ("half.jpg", buffer.getvalue()[:2000], "breaks off or is damaged"),
        ("nothing.png", b"", "The file is empty"),
    ):
        page.locator("#choose").set_input_files({"name": name, "mimeType": "image/png", "buffer": content})
        page.get_by_role("alert").filter(has_text=words).wait_for()
        assert shown_answers(page) == before
    page.evaluate(
        "document.body.dispatchEvent(new DragEvent('drop', {dataTransfer: new DataTransfer(), bubbles: true}))"
    )
    page.get_by_role("alert").filter(has_text="What was dropped is no file").wait_for()
    page.locator("#choose").set_input_files(pictures[1])
    settled(page, pictures[1].name)
    assert page.get_by_role("alert").count() == 0


def test_a_server_that_has_ended_is_said(server, page, pictures):
    page.goto(server.address)
    page.route("**/answer", lambda route: route.abort())
    page.locator("#choose").set_input_files(pictures[0])
    page.get_by_role("alert").filter(has_text="does not answer. Has it been ended?").wait_for()


def test_a_screen_reader_finds_everything_by_name(server, page, pictures):
    page.goto(server.address)
    page.locator("#choose").set_input_files(pictures[0])
    settled(page, pictures[0].name)
    tree = page.locator("body").aria_snapshot()
    for line in (
        'heading "A student at work" [level=1]',
        'heading "The picture" [level=2]',
        f'img "Your picture: {pictures[0].name}, 60 by 80 pixels"',
        'button "Choose a picture"',
        'button "Use the camera"',
        'heading "The student’s answer" [level=2]',
        'list "The most probable answers"',
        'slider "It says “I do not know” below"',
        "status: ",
    ):
        assert line in tree, tree
    assert tree.count("listitem: ") == 5


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1200])
def test_axe_finds_no_serious_fault_and_nothing_is_wider_than_the_page(server, page, pictures, scheme, width):
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(server.address)
    assert faults(page) == []
    page.locator("#choose").set_input_files(pictures[0])
    settled(page, pictures[0].name)
    page.locator("#choose").set_input_files({"name": "notes.txt", "mimeType": "text/plain", "buffer": b"no picture"})
    page.get_by_role("alert").wait_for()
    assert faults(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_every_control_is_reached_by_tab_in_the_order_of_the_page(server, page, pictures):
    page.goto(server.address)
    page.locator("#choose").set_input_files(pictures[0])
    settled(page, pictures[0].name)
    page.get_by_role("checkbox").wait_for()
    page.locator("h1").click()
    reached = []
    for _ in range(4):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.id"))
    assert reached == ["look", "choose", "open", "threshold"]


def test_the_browser_itself_refuses_any_other_address(server, page):
    page.goto(server.address)
    refused = page.evaluate("fetch('http://127.0.0.1:9/').then(() => 'asked', error => error.name)")
    assert refused == "TypeError"
    blocked = page.evaluate(
        "new Promise(done => { addEventListener('securitypolicyviolation', event => done(event.effectiveDirective));"
        " const image = new Image(); image.src = 'http://127.0.0.1:9/a.png'; })"
    )
    assert blocked == "img-src"
