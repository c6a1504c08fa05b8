"""A real JupyterLab on this machine, and a real Chromium that looks at it.

Where there is no Chromium these tests are skipped and say how to get one; `COURSE_TEST_BROWSER=required` (what
`.ci/run` sets where it could install one) makes its absence a failure.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from course_utils.classroom import lessons
from course_utils.classroom.execution import kernel_environment

NAMES = ("chromium", "chromium-browser", "google-chrome")
# Without these Chromium talks to its maker.
QUIET = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking")
QUIET += ("--disable-component-update", "--disable-sync", "--no-proxy-server")
# In place of a camera: a green picture with a clock.
QUIET += ("--use-fake-device-for-media-stream",)
# JupyterLab keeps only the visible cells of a notebook on the page; a test looks at all of them.
SETTINGS = {
    "notebook-extension/tracker": {"windowingMode": "none"},
    "apputils-extension/notification": {"checkForUpdates": False, "fetchNews": "false"},
}
START_SECONDS = 60


def chromium() -> str:
    """Return the path of the browser, or skip the test with the command that brings one."""
    found = os.environ.get("COURSE_TEST_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        message = "No Chromium here: `apt-get install chromium`, or name one in COURSE_TEST_CHROMIUM."
        (pytest.fail if os.environ.get("COURSE_TEST_BROWSER") == "required" else pytest.skip)(message)
    return found


@pytest.fixture(scope="session")
def browser() -> Iterator:
    program = chromium()
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is in the extra `dev`")
    with sync_api.sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=program, args=list(QUIET))
        yield launched
        launched.close()


@pytest.fixture
def page(browser) -> Iterator:
    """A fresh page; a request to any other machine, or an error on the page itself, fails the test."""
    context = browser.new_context(viewport={"width": 1300, "height": 1000})
    opened, outside, errors = context.new_page(), [], []
    opened.on("request", lambda request: None if is_here(request.url) else outside.append(request.url))
    opened.on("pageerror", lambda error: errors.append(str(error)))
    yield opened
    context.close()
    assert not outside, f"The page asked another machine: {outside}"
    assert not errors, f"The page raised: {errors}"


def is_here(url: str) -> bool:
    """True for an address of this machine, a file, or data inside the page (`attachment:`, of a cell)."""
    parts = urlsplit(url)
    inside = parts.scheme in ("file", "data", "blob", "about", "attachment")
    return inside or parts.hostname in ("127.0.0.1", "localhost")


@pytest.fixture(scope="session")
def course(tmp_path_factory) -> Path:
    """A course folder with every lesson, as a clone has them; what a learner writes there stays there."""
    root = tmp_path_factory.mktemp("course")
    shutil.copytree(lessons.notebooks_dir(), root / "notebooks", ignore=shutil.ignore_patterns("my", "src", "*.py"))
    return root


@pytest.fixture(scope="session")
def jupyterlab(course, tmp_path_factory) -> Iterator[str]:
    """The address of a JupyterLab that serves `course`, with settings of its own and kernels kept off the network."""
    home = tmp_path_factory.mktemp("jupyter")
    for name, values in SETTINGS.items():
        extension, _, plugin = name.partition("/")
        path = home / "settings" / "@jupyterlab" / extension / f"{plugin}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values), encoding="utf-8")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}",
        "--ServerApp.port_retries=0", "--IdentityProvider.token=", f"--ServerApp.root_dir={course}",
        "--LabApp.expose_app_in_browser=True",
    ]  # fmt: skip
    folders = {
        "JUPYTER_CONFIG_DIR": home,
        "JUPYTERLAB_SETTINGS_DIR": home / "settings",
        "JUPYTERLAB_WORKSPACES_DIR": home / "workspaces",
        "JUPYTER_RUNTIME_DIR": home / "runtime",
        "IPYTHONDIR": home / "ipython",
    }
    # The pictures are drawn already where `make test` runs; what a lesson writes stays in the course folder.
    environment = os.environ | kernel_environment() | {name: str(path) for name, path in folders.items()}
    address, log = f"http://127.0.0.1:{port}", home / "log.txt"
    with log.open("w") as output:
        server = subprocess.Popen(command, env=environment, stdout=output, stderr=subprocess.STDOUT)
        try:
            _wait_for(address, server, log)
            yield address
        finally:
            server.terminate()
            server.wait(timeout=30)


def _wait_for(address: str, server: subprocess.Popen, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        try:
            urllib.request.urlopen(f"{address}/api", timeout=5).close()
            return
        except OSError:
            time.sleep(0.2)
    pytest.fail(f"JupyterLab did not start within {START_SECONDS} s:\n{log.read_text()[-2000:]}")
