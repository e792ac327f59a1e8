"""Capture scenario 7 of the lab, as it happens, for the README: `python docs/capture_lab.py`.

It needs what the project itself does not: a Chromium, Pillow, and the application running
(`make run`) with its sample owner. Every frame is a screenshot of a real run under way; the
time between two frames is the time that passed, only waiting for processes to start is shortened.
"""

import sys
import tempfile
import time
from importlib import import_module
from pathlib import Path

from playwright.sync_api import FloatRect, Page, ViewportSize, sync_playwright

from payments_app.config import DEMO_EMAIL, DEMO_PASSWORD

TARGET = Path(__file__).with_name("images") / "lab.gif"
URL = "http://127.0.0.1:8000"
FLAGS = ["--no-sandbox", "--disable-gpu"]
SIZE: ViewportSize = {"width": 1216, "height": 1480}
# Without the frame of the page, which tells nothing.
CLIP: FloatRect = {"x": 0, "y": 100, "width": 1216, "height": 1350}
WIDTH_PX = 800
COLOURS = 128
PAUSE_MAX_S = 1.2
PREDICTED_S, VERDICT_S = 2.5, 6.0
Frames = list[tuple[Path, float]]


def main(url: str, chromium: str) -> None:
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        page = browser.new_page(base_url=url, color_scheme="light", viewport=SIZE)
        sign_in(page)
        frames = record(page, Path(folder))
        browser.close()
        join(frames)


def sign_in(page: Page) -> None:
    page.goto("/login")
    page.get_by_label("Email").fill(DEMO_EMAIL)
    page.get_by_label("Password").fill(DEMO_PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/")


def record(page: Page, folder: Path) -> Frames:
    """Predict, run, and take a picture as often as one can until the verdict is there."""
    page.goto("/lab/kill-after-capture")
    page.get_by_role("group", name="Naive calls").get_by_label("$240").check()
    page.get_by_role("group", name="Idempotent").get_by_label("$120").check()
    frames: Frames = [(shoot(page, folder, 0), PREDICTED_S)]
    page.get_by_role("button", name="Run it").click()
    page.wait_for_selector(".seq li")
    seen, at_s = "", time.monotonic()
    while "judged" not in seen:
        now = page.evaluate(
            "document.querySelectorAll('.seq li').length +"
            " (document.querySelector('#player:not([inert])') ? ' judged' : '')"
        )
        if now != seen:
            frames.append((shoot(page, folder, len(frames)), 0.1))
            gap_s, at_s = time.monotonic() - at_s, time.monotonic()
            frames[-2] = (frames[-2][0], max(frames[-2][1], min(gap_s, PAUSE_MAX_S)))
        seen = now
    return [*frames[:-1], (frames[-1][0], VERDICT_S)]


def shoot(page: Page, folder: Path, number: int) -> Path:
    path = folder / f"{number:04}.png"
    page.screenshot(path=path, clip=CLIP, animations="disabled")
    return path


def join(frames: Frames) -> None:
    """One animation; each frame is shown for as long as it was true."""
    image = import_module("PIL.Image")  # Pillow: only this script needs it.
    pictures = []
    for path, _ in frames:
        with image.open(path) as shot:
            height = round(shot.height * WIDTH_PX / shot.width)
            small = shot.convert("RGB").resize((WIDTH_PX, height), image.Resampling.LANCZOS)
            # By coverage: a little green and a little red matter more than many greys.
            pictures.append(small.quantize(COLOURS, method=image.Quantize.MAXCOVERAGE))
    pictures[0].save(
        TARGET,
        save_all=True,
        append_images=pictures[1:],
        duration=[round(seconds * 1000) for _, seconds in frames],
        loop=0,
        optimize=True,
    )
    print(f"{TARGET}: {len(frames)} frames, {TARGET.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main(*(sys.argv[1:] or [URL, "/usr/bin/chromium"]))
