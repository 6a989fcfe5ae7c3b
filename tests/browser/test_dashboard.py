"""The dashboard in real Chromium, over an emulator that really compiles. Screenshots are kept in .neo/screenshots."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from e2e.models import conv_net
from support import browser, jobs
from support.browser import Browser

from neo_emulator.testing.server_process import ServerProcess

SHOTS = Path(__file__).parents[2] / ".neo" / "screenshots"
PAGES = {"jobs": "", "job": "jobs/123456789012:us-east-1:resnet-c5", "failed": "jobs/123456789012:us-east-1:broken"}
PAGES |= {"targets": "targets", "status": "status"}

pytestmark = pytest.mark.skipif(bool(browser.missing()), reason=f"needs {browser.missing()}")

CONTRASTS = """
const light = (colour) => {
  const linear = (c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
  const [r, g, b] = colour.match(/[\\d.]+/g).slice(0, 3).map((c) => linear(c / 255));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const behind = (element) => {
  const colour = getComputedStyle(element).backgroundColor;
  return colour === "rgba(0, 0, 0, 0)" && element.parentElement ? behind(element.parentElement) : colour;
};
const poor = [];
for (const element of document.querySelectorAll("body *")) {
  const texts = [...element.childNodes].filter((node) => node.nodeType === 3 && node.data.trim());
  if (!texts.length || !element.offsetParent) continue;
  const [a, b] = [light(getComputedStyle(element).color), light(behind(element))].sort((x, y) => y - x);
  if ((a + 0.05) / (b + 0.05) < 4.5) poor.push(element.className + ": " + element.innerText.slice(0, 40));
}
return poor;
"""
"""Texts whose contrast is below 4.5. Source: WCAG 2.2, 1.4.3."""

NAMELESS = """
const name = (e) => e.innerText?.trim() || e.getAttribute("aria-label") || e.labels?.[0]?.innerText || e.alt;
const all = [...document.querySelectorAll("a, button, input, select, summary")];
return all.filter((e) => !name(e)).map((e) => e.outerHTML);
"""


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    with ServerProcess("--workers", "1") as server:
        server.s3.create_bucket(Bucket="models")
        server.s3.put_object(Bucket="models", Key="net.tar.gz", Body=jobs.archive(net__onnx=conv_net().model))
        create(server, "broken", inputs='{"nothing": [1, 3, 32, 32]}')
        create(server, "resnet-c5", tags=[{"Key": "team", "Value": "vision"}])
        server.wait("broken", "FAILED")
        server.wait("resnet-c5")
        yield server


@pytest.fixture(scope="module")
def page() -> Iterator[Browser]:
    with browser.chromium() as page:
        page.size(1280, 900)
        yield page


def create(
    server: ServerProcess,
    name: str,
    inputs: str = '{"data": [1, 3, 32, 32]}',
    device: str = "ml_c5",
    tags: Any = (),
) -> None:
    server.sagemaker.create_compilation_job(
        CompilationJobName=name,
        RoleArn=jobs.ROLE,
        InputConfig={"S3Uri": "s3://models/net.tar.gz", "Framework": "ONNX", "DataInputConfig": inputs},
        OutputConfig={"S3OutputLocation": f"s3://models/{name}", "TargetDevice": device},
        StoppingCondition={"MaxRuntimeInSeconds": 300},
        Tags=list(tags),
    )


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_pages_look_right(server: ServerProcess, page: Browser, name: str, theme: str) -> None:
    page.theme(theme)
    for width in (1280, 400):
        page.size(width, 900)
        page.go(f"{server.url}/_neo/{PAGES[name]}")
        page.wait("document.readyState === 'complete'")
        assert page.run("return document.documentElement.scrollWidth") <= width
        assert page.run(CONTRASTS) == []
        assert page.run(NAMELESS) == []
        page.screenshot(SHOTS / f"{name}-{theme}-{width}.png")
    page.size(1280, 900)
    assert page.complaints() == []


def test_a_job_is_followed_live_by_keyboard(server: ServerProcess, page: Browser) -> None:
    page.theme("light")
    server.pace(min_run_seconds=3600)
    page.go(f"{server.url}/_neo/?contains=live")
    page.run("window.same = true")
    assert "No jobs match these filters" in page.text()
    create(server, "live-one", device="ml_m4")  # not in the cache yet
    page.wait("document.querySelector('.jobs a')?.innerText === 'live-one'")
    page.run("document.querySelector('button').focus()")
    page.press("tab", "tab")  # the table, which may scroll, then the link in it
    assert page.run("return document.activeElement.innerText") == "live-one"
    page.wait("document.body.innerText.includes('INPROGRESS') && document.body.innerText.includes('upload')")
    assert page.run("return [window.same, document.activeElement.innerText]") == [
        True,
        "live-one",
    ]  # kept over refreshes
    page.press("enter")
    page.wait("location.pathname.endsWith('live-one')")
    page.run("window.same = true")
    page.wait("document.body.innerText.includes('step: compile')")
    assert page.run("return document.querySelectorAll('.phases .running').length") == 1
    page.screenshot(SHOTS / "job-running-light-1280.png")
    server.pace(min_run_seconds=0)
    page.wait("document.body.innerText.includes('COMPLETED') && document.querySelector('.files')")
    assert page.run("return window.same") is True
    assert "compiled.so" in page.text()
    assert page.run("return document.querySelector('.phases .running')") is None
    assert page.complaints() == []


def test_an_emulator_that_goes_away_is_said(page: Browser) -> None:
    with ServerProcess("--workers", "1") as server:
        page.go(f"{server.url}/_neo/")
    page.wait("document.body.classList.contains('away')")
    page.complaints()


def test_without_scripts_the_page_asks_for_itself_again(server: ServerProcess, page: Browser) -> None:
    page.devtools("Emulation.setScriptExecutionDisabled", value=True)
    try:
        page.go(f"{server.url}/_neo/")
        assert "resnet-c5" in page.text()
    finally:
        page.devtools("Emulation.setScriptExecutionDisabled", value=False)
