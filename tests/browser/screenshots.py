"""Pictures of the playground for the documentation: `make screenshots` writes docs/pictures/."""

import io
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from tests.browser.visits import CHROMIUM
from tests.support.server.places import CAT, NOBODY, ROOT, create_key, server_environment, serving

PICTURES = ROOT / "docs" / "pictures"
PHOTOS = sorted((ROOT / "models" / "imgvec_models" / "calibration" / "photos").glob("*.jpg"))


def main() -> None:
    """Start a server and a browser, and write the pictures."""
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as data, sync_playwright() as playwright:
        environment = server_environment(Path(data), NOBODY)
        key, _ = create_key("pictures", environment)
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        with serving(environment, "--port", "8000") as running:
            page = browser.new_page(
                viewport={"width": 1080, "height": 910}, device_scale_factor=1.5
            )
            page.goto(f"{running.address}/#key={key}")
            _one(page)
            _two(page)
            _set(page)
        browser.close()


def _one(page: Page) -> None:
    page.click("#ours")
    page.wait_for_selector("#vector:not([hidden])")
    page.select_option("#language", "python")
    page.mouse.move(0, 0)
    _write("playground", page.screenshot())


def _two(page: Page) -> None:
    page.set_input_files("#left-zone input", [str(PHOTOS[0]), str(PHOTOS[6])])
    page.wait_for_selector("#similarity:not([hidden])")
    page.mouse.move(0, 0)
    _write("playground-two", page.locator("#two").screenshot())


def _set(page: Page) -> None:
    page.set_input_files("#set-files", [str(photo) for photo in (CAT, *PHOTOS)])
    page.wait_for_selector("#set-tools:not([hidden])")
    page.fill("#search", "a photo of a cat")
    page.press("#search", "Enter")
    page.wait_for_selector("#results .score")
    page.locator("#search").blur()
    page.set_viewport_size({"width": 1080, "height": 1010})
    page.evaluate("() => document.querySelector('#set').scrollIntoView()")
    _write("playground-set", page.screenshot())


def _write(name: str, png: bytes) -> None:
    with Image.open(io.BytesIO(png)) as picture:
        picture.convert("RGB").save(PICTURES / f"{name}.webp", quality=80, method=6)


if __name__ == "__main__":
    main()
