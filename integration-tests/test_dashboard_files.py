"""What a dashboard gives as files and takes from them, and the spectrum of a region that was drawn."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import requests
from browser import Tab, tab
from dashboard import FIRST, WIDTH, Dashboard, counted, detector, send, spectrum
from events import EventSender, Sent
from playwright.sync_api import Browser
from service_process import Service


def saved(page: Tab, name: str, folder: Path) -> Path:
    """Press Save, and say which file that gave."""
    with page.page.expect_download() as download:
        page.cell(name).get_by_role("link", name="Save").click()
    file = folder / download.value.suggested_filename
    download.value.save_as(file)
    return file


def test_a_picture_is_saved_and_compared_with(
    browser: Browser, dashboard: Dashboard, service: Service, sender: EventSender, data: str, tmp_path: Path
) -> None:
    sent, later = Sent(), Sent()
    service.config([detector(service, data), spectrum(service, data)])
    with tab(browser, dashboard.url) as page:
        send(sender, data, sent)
        page.until_total("detector", sent.events)
        page.until_sum("tof", sent.events)
        files = {name: saved(page, name, tmp_path) for name in ("detector", "tof")}
        assert files["detector"].name.startswith("histsvc__detector__")
        with h5py.File(files["detector"]) as file:
            np.testing.assert_array_equal(file["entry/data/counts"][()], counted(sent))
        expected = np.histogram(sent.tof, bins=50, range=(0, 1e8))[0]
        with h5py.File(files["tof"]) as file:
            np.testing.assert_array_equal(file["entry/data/counts"][()], expected)
        for name in files:
            page.cell(name).get_by_role("button", name="Options").click()
            page.cell(name).locator("input[type=file]").set_input_files(files[name])
            page.cell(name).get_by_text(f"Compared with {files[name].name}").wait_for()
        send(sender, data, later)
        page.until_total("detector", later.events)  # what has come since is left
        np.testing.assert_array_equal(page.image("detector"), counted(later))
        page.until_sum("tof", sent.events + later.events)
        np.testing.assert_array_equal(page.until("reference", "tof")[:-1], expected)
        page.cell("detector").locator("input[type=file]").set_input_files(files["tof"])
        page.cell("detector").get_by_text("has 50 bins, and this histogram 20 by 10").wait_for()
        page.cell("detector").locator("input[type=file]").set_input_files(__file__)
        page.cell("detector").get_by_text("it is no NeXus file").wait_for()
        page.cell("detector").get_by_role("button", name="No reference").click()
        page.until_total("detector", sent.events + later.events)


def test_a_moment_is_frozen_and_compared_with(
    detector_page: tuple[Tab, Sent], sender: EventSender, data: str
) -> None:
    page, _ = detector_page
    later = Sent()
    page.cell("detector").get_by_role("button", name="Options").click()
    page.press("Freeze as reference")
    page.until_total("detector", 0)
    send(sender, data, later)
    page.until_total("detector", later.events)
    np.testing.assert_array_equal(page.image("detector"), counted(later))


def test_the_spectrum_of_a_region_that_is_drawn(
    detector_page: tuple[Tab, Sent], sender: EventSender, data: str
) -> None:
    page, _ = detector_page
    after = Sent()
    page.drag("detector", (4.3, 2.4), (11.6, 5.5))
    name = page.until("value", "region name")
    page.fill("To (ms)", "50")
    page.fill("Bins", "40")
    page.press("Count its spectrum")
    page.page.locator("b.good", has_text="ACK").first.wait_for()
    send(sender, data, after, 20)
    x, y = (after.pixel - FIRST) % WIDTH, (after.pixel - FIRST) // WIDTH
    inside = (x >= 4) & (x < 12) & (y >= 2) & (y < 6)
    expected = np.histogram(after.tof[inside], bins=40, range=(0, 5e7))[0]
    np.testing.assert_array_equal(page.until_sum(name, expected.sum()), expected)
    page.until("regions", "detector", lambda names: name in names)


def test_files_are_for_those_who_may_see_the_page(
    own_dashboard: Callable[..., Dashboard], service: Service, data: str, tmp_path: Path
) -> None:
    file = tmp_path / "token"
    file.write_text("a token that nobody guesses\n")
    url = own_dashboard(service, "--auth-token-file", str(file)).url
    with requests.Session() as session:
        assert session.get(f"{url}file?id=detector", timeout=10).status_code == 403
        session.post(f"{url}login", {"token": "a token that nobody guesses"}, timeout=10)
        assert session.get(f"{url}file?id=unheard-of", timeout=10).status_code == 404
        assert session.get(f"{url}file", timeout=10).status_code == 400
