"""The console in a real Chromium: from the key to the gallery, as a person and as a keyboard would go."""

import re
import shutil
import time
import uuid
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select

from local.paths import ROOT
from tests.e2e.conftest import Api

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage", "--hide-scrollbars",
)  # fmt: skip
FITS = "return document.documentElement.scrollWidth <= window.innerWidth"
pytestmark = pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="needs Debian's chromium and chromium-driver")


def displayed(page: "Page", selector: str) -> bool:
    return bool(page.find(selector).is_displayed())


class Page:
    """A browser on the console, and what a person does with it."""

    def __init__(self, browser: webdriver.Chrome, url: str) -> None:
        self.browser = browser
        self.url = url

    def open(self, path: str = "/") -> None:
        self.browser.get(self.url + path)

    def find(self, selector: str) -> Any:
        return self.browser.find_element(By.CSS_SELECTOR, selector)

    def all(self, selector: str) -> list[Any]:
        return self.browser.find_elements(By.CSS_SELECTOR, selector)

    def until(self, what: Callable[[], Any], patience: float = 30) -> Any:
        ends_at = time.monotonic() + patience
        while True:
            try:
                found = what()
            except Exception as error:
                found, problem = None, repr(error)
            else:
                problem = repr(found)
            if found:
                return found
            assert time.monotonic() < ends_at, f"{problem}; the page says {self.find('body').text[:500]}"
            time.sleep(0.1)

    def see(self, text: str, selector: str = "main", patience: float = 30) -> None:
        self.until(lambda: text in self.find(selector).text, patience)

    def enter(self, key: str) -> None:
        self.open()
        self.until(lambda: self.find("#key").is_displayed())
        self.find("#key").send_keys(key, Keys.ENTER)

    def go(self, section: str) -> None:
        self.browser.execute_script(f"location.hash = '#{section}'")

    def post(self, prompt: str) -> str:
        """Fill in the form and send it; the id of the task whose page then opens."""
        self.until(lambda: self.find("#prompt").is_displayed())
        self.find("#prompt").clear()
        self.find("#prompt").send_keys(prompt)
        self.find("#make-form button[type=submit]").click()
        opened: Any = self.until(lambda: re.search(r"#task/(task_\w{26})$", self.browser.current_url))
        return str(opened[1])


@pytest.fixture(scope="module")
def browser() -> Iterator[webdriver.Chrome]:
    options = webdriver.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    for flag in (*FLAGS, "--window-size=1200,900"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    made = webdriver.Chrome(options=options, service=webdriver.ChromeService(str(DRIVER)))
    yield made
    made.quit()


@pytest.fixture
def page(api: Api, browser: webdriver.Chrome) -> Page:
    made = Page(browser, api.stack.base_url)
    made.open()
    browser.execute_script("sessionStorage.clear()")
    return made


def picture_of(page: Page, name: str) -> None:
    """Keep what is seen where somebody asked for it."""
    import os

    folder = os.environ.get("DARKROOM_SCREENSHOTS")
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.browser.save_screenshot(str(Path(folder) / f"{name}.png"))


def test_from_the_key_to_the_picture(api: Api, page: Page) -> None:
    page.enter(api.stack.api_key)
    page.until(lambda: page.find("#price").text)
    assert "credits" in page.find("#price").text
    picture_of(page, "make")
    task_id = page.post("a lighthouse in a snow storm")
    page.see("completed", "#task-body", 60)
    page.until(lambda: page.all("#task-body img"))
    loaded = "const i = document.querySelector('#task-body img'); return i.complete && i.naturalWidth"
    assert page.until(lambda: page.browser.execute_script(loaded)) >= 1024
    page.see("image_stored")
    picture_of(page, "task")
    page.go("tasks")
    page.until(lambda: page.all(f"#card-{task_id} img"))
    picture_of(page, "gallery")
    page.go("usage")
    page.until(lambda: page.all("#chart rect"))
    page.see("in all", "#usage-table")
    picture_of(page, "usage")


def test_the_request_as_curl_posts_the_same_again(api: Api, page: Page) -> None:
    page.enter(api.stack.api_key)
    page.post("it's a fox with an apostrophe")
    page.until(lambda: page.find("#curl").text)
    curl = page.find("#curl").text
    assert "it'\\''s a fox" in curl
    import os
    import subprocess

    environment = {**os.environ, "DARKROOM_KEY": api.stack.api_key, "NO_PROXY": "127.0.0.1"}
    done = subprocess.run(["bash", "-c", curl], env=environment, capture_output=True, text=True, timeout=30, check=True)
    assert '"task_id"' in done.stdout


def test_only_what_can_be_done_is_offered(api: Api, page: Page) -> None:
    page.enter(api.stack.api_key)
    page.until(lambda: len(page.all("#model option")) > 2)
    models = {model["id"]: model["offers"] for model in api.client.get("/v1/models").json()["data"]}
    for name, offers in models.items():
        Select(page.find("#model")).select_by_value(name)
        shown = {option.get_attribute("value") for option in Select(page.find("#provider")).options} - {""}
        assert shown == {offer["provider"] for offer in offers}
        resolutions = {option.get_attribute("value") for option in Select(page.find("#resolution")).options} - {""}
        assert resolutions == {each for offer in offers for each in offer["sizes"]["resolutions"]}
        assert int(page.find("#number").get_attribute("max")) == max(offer["max_n"] for offer in offers)


def test_what_goes_wrong_is_said_in_words(api: Api, page: Page) -> None:
    page.enter("dk_wrong")
    page.see("not known here", "#problem")
    assert page.find("#key").is_displayed()
    page.enter(api.stack.api_key)
    task_id = page.post("a fox [[job_moderated]]")
    page.see("failed", "#task-body", 60)
    page.see("content_policy")
    page.go("task/task_01M7Y0K4SK2HQR5V5B4CM148FX")
    page.see("no such task", "#problem")
    page.go("tasks")
    page.see("failed", f"#card-{task_id}")


def test_a_task_is_cancelled_and_its_webhook_sent_again(api: Api, page: Page) -> None:
    page.enter(api.stack.api_key)
    page.post("a slow fox [[latency=60]]")
    page.until(lambda: [button for button in page.all(".actions button") if button.text == "Cancel"])[0].click()
    page.see("cancelled", "#task-body .status")
    task = api.finish({"callback_url": "http://127.0.0.1:9/hook"})
    page.go(f"task/{task['task_id']}")
    again = page.until(lambda: [b for b in page.all(".actions button") if b.text == "Send the webhook again"])
    again[0].click()
    page.see("will be sent again", "#news")


def test_pictures_come_into_the_gallery_while_one_looks(api: Api, page: Page) -> None:
    page.enter(api.stack.api_key)
    task = api.post({"prompt": "a fox that comes later [[latency=4]]", "provider": "evolink"}).json()
    page.go("tasks")
    page.until(lambda: page.all(f"#card-{task['task_id']} progress"))
    page.until(lambda: page.all(f"#card-{task['task_id']} img"), 60)
    Select(page.find("#by-status")).select_by_visible_text("failed")
    page.until(lambda: not page.all(f"#card-{task['task_id']}"))


def test_it_works_by_keyboard_and_says_what_everything_is(api: Api, page: Page) -> None:
    page.enter(api.stack.api_key)
    page.until(lambda: page.find("#prompt").is_displayed())
    unnamed = """return [...document.querySelectorAll('input, select, textarea')]
        .filter((field) => !field.labels.length).map((field) => field.id)"""
    assert page.browser.execute_script(unnamed) == []
    page.open()
    page.until(lambda: page.find("#prompt").is_displayed())
    webdriver.ActionChains(page.browser).send_keys(Keys.TAB).perform()
    assert page.browser.switch_to.active_element.text == "Skip to the content"
    seen = set()
    for _ in range(25):
        webdriver.ActionChains(page.browser).send_keys(Keys.TAB).perform()
        seen.add(page.browser.switch_to.active_element.get_attribute("id"))
    assert {"prompt", "model", "provider", "ratio", "number"} <= seen
    assert page.browser.execute_script("return document.querySelectorAll('h1').length") == 1


@pytest.mark.parametrize("width", [360, 1200])
def test_nothing_is_wider_than_the_screen(api: Api, page: Page, width: int) -> None:
    page.browser.set_window_size(width, 800)
    # A window may not become as narrow as a telephone: the page's own width is set instead.
    page.browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 500},
    )
    try:
        page.enter(api.stack.api_key)
        task = api.finish({})
        sections = {"make": "#price", "tasks": ".card", f"task/{task['task_id']}": "#curl", "usage": "#usage-table td"}
        for section, content in sections.items():
            page.go(section)
            page.until(partial(displayed, page, content))
            page.until(lambda: page.browser.execute_script(FITS))
            picture_of(page, f"{width}-{section.partition('/')[0]}")
    finally:
        page.browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_nothing_is_asked_of_any_other_host_and_nothing_complains(api: Api, page: Page) -> None:
    api.finish({})
    logs: Any = page.browser
    logs.get_log("performance")
    logs.get_log("browser")
    page.enter(api.stack.api_key)
    page.go("tasks")
    page.until(lambda: page.all(".card img"))
    import json

    asked = set()
    for entry in logs.get_log("performance"):
        message = json.loads(entry["message"])["message"]
        if message["method"] == "Network.requestWillBeSent":
            asked.add(httpx.URL(message["params"]["request"]["url"]).host)
    assert asked <= {"127.0.0.1", ""}
    severe = [entry["message"] for entry in logs.get_log("browser") if entry["level"] == "SEVERE"]
    assert severe == []


def test_what_people_write_stays_text(api: Api, page: Page) -> None:
    marker = uuid.uuid4().hex
    api.post({"prompt": "x", "model": "seedream-4.5", "metadata": {"a": marker}}).raise_for_status()
    page.enter(api.stack.api_key)
    page.post("<img src=x onerror=\"document.title='broken'\"> a fox")
    page.until(lambda: page.find("#curl").text)
    assert page.browser.title == "Darkroom"


def test_the_console_is_served_with_its_guards(api: Api) -> None:
    answer = httpx.get(api.stack.base_url, trust_env=False)
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'self'" in answer.headers["content-security-policy"]
    for path in sorted((ROOT / "layers/darkroom/darkroom/console").iterdir()):
        assert httpx.get(f"{api.stack.base_url}/console/{path.name}", trust_env=False).status_code == 200
    for missing in ("../api/http.py", "nothing.js", "..%2Fsettings.py"):
        assert httpx.get(f"{api.stack.base_url}/console/{missing}", trust_env=False).status_code == 404


# The reference of the API


def opened(page: Page, operation: str) -> None:
    page.open(f"/docs#{operation}")
    page.browser.refresh()
    page.until(lambda: page.find(f"#{operation}[open]"))


def test_the_reference_shows_every_call_and_lets_one_try_it(api: Api, page: Page) -> None:
    page.open("/docs")
    document = api.client.get("/openapi.json").json()
    wanted = sum(method != "parameters" for calls in document["paths"].values() for method in calls)
    page.until(lambda: len(page.all("#operations details")) == wanted)
    page.find("#try-key").send_keys(api.stack.api_key)
    opened(page, "createTask")
    page.find("#createTask button[type=submit]").click()
    page.see("202", "#createTask .answer")
    page.see("task_id", "#createTask .answer")
    opened(page, "listModels")
    page.find("#listModels button[type=submit]").click()
    page.see("seedream-5.5", "#listModels .answer")
    picture_of(page, "reference")


@pytest.mark.parametrize(("language", "command"), [("curl", "bash"), ("python", "python3"), ("javascript", "node")])
def test_the_examples_of_the_reference_work(api: Api, page: Page, language: str, command: str) -> None:
    import os
    import subprocess

    if not shutil.which(command):
        pytest.skip(f"needs {command}")
    page.open("/docs")
    page.until(lambda: page.all("#operations details"))
    environment = {**os.environ, "DARKROOM_KEY": api.stack.api_key, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
    flags = {"bash": ["-c"], "python3": ["-c"], "node": ["--input-type=module", "-e"]}[command]
    for operation, wanted in (("createTask", "task_id"), ("getAccount", "local"), ("listModels", "seedream-4.5")):
        opened(page, operation)
        Select(page.find("#language")).select_by_value(language)
        code = page.find(f"#{operation} .example").text
        done = subprocess.run(
            [command, *flags, code], env=environment, capture_output=True, text=True, timeout=30, check=False
        )
        assert wanted in done.stdout, f"{code}\n{done.stdout}\n{done.stderr}"
