"""Drives the page of `vitvideo serve` in Chromium, and holds what it shows to what the command line writes.

    Tests/Browser/.venv/bin/python Tests/Browser/test_page.py BINARY [MEDIA]

BINARY is the built program, MEDIA the directory with bigbuckbunny.mp4. VITVIDEO_SCREENSHOTS names a directory for
pictures of the page.
"""

import base64
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

import numpy as np
from PIL import Image
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from served import Served

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY, MEDIA = None, None
TINY = ROOT / "Tests/Fixtures/goldens/vit/supervised.weights.safetensors"

# The maps that a pane has drawn, and what the page says of itself.
SHOWN = """
const done = arguments[arguments.length - 1];
import("/assets/app.js").then(({ panes }) => {
  const { shown, record, frame } = panes[arguments[0]];
  done({ main: [...shown.main], tiles: shown.tiles.map(({ name, map }) => [name, [...map]]), frame,
    rows: record.rows, columns: record.columns });
}).catch((error) => done({ error: String(error) }));
"""
# A pane's pixels at the picture's own size, RGBA.
PIXELS = """
const canvas = document.querySelectorAll(".pane canvas")[arguments[0]];
const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
let text = "";
for (let i = 0; i < data.length; i += 32768) text += String.fromCharCode(...data.subarray(i, i + 32768));
return [canvas.height, canvas.width, btoa(text)];
"""


def browser(width=1280, height=800):
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium")
    for argument in [
        "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars",
        "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream", "--force-color-profile=srgb",
        "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
        f"--window-size={width},{height}",
    ]:
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    service = webdriver.ChromeService(shutil.which("chromedriver"))
    driver = webdriver.Chrome(options=options, service=service)
    driver.set_script_timeout(60)
    driver.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False})
    return driver


class PageTests(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.mkdtemp()
        clip = MEDIA / "bigbuckbunny.mp4"
        for name, frame in [("rabbit.png", 75), ("meadow.png", 20)]:
            subprocess_frame(clip, frame, pathlib.Path(cls.directory) / name)
        shutil.copy(clip, cls.directory)
        cls.served = Served(
            BINARY,
            ["bigbuckbunny.mp4", "meadow.png", "--model", "dinov2_vits14,tiny", "--define", f"tiny={TINY}",
             "--set", "tiny:num-heads=3", "--set", "tiny:family=vit", "--offline", "--resolution", "224"],
            cls.directory)
        cls.driver = browser()

    @classmethod
    def tearDownClass(cls):
        cls.driver.quit()
        try:
            assert cls.served.stop() == 0, "Ctrl-C is no clean end"
        finally:
            shutil.rmtree(cls.directory)

    def tearDown(self):
        # That its pixels are read so often is this test's doing.
        errors = [
            entry for entry in self.driver.get_log("browser")
            if entry["level"] in ("SEVERE", "WARNING") and "getImageData" not in entry["message"]]
        self.assertEqual(errors, [])
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                url = message["params"]["request"]["url"]
                self.assertTrue(
                    url.startswith((self.served.origin, "data:", "blob:")), f"a request leaves the origin: {url}")

    # What the page does

    def open(self, **state):
        self.driver.get("about:blank")
        self.driver.get(self.served.page(**state))
        self.settle()

    def settle(self, seconds=60):
        """Waits until what is drawn is what was asked for last, and nothing more is loaded."""
        end = time.time() + seconds
        while time.time() < end:
            if self.driver.execute_script("return document.querySelector('main')?.ariaBusy") == "false":
                return
            time.sleep(0.03)
        self.fail(f"the page is not done: {self.text('#trouble')}")

    def do(self, action):
        self.driver.execute_script("document.querySelector('main').ariaBusy = 'true'")
        action()
        self.settle()

    def find(self, selector):
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def text(self, selector):
        return self.driver.execute_script("return document.querySelector(arguments[0])?.textContent", selector)

    def click(self, selector):
        self.do(lambda: self.find(selector).click())

    def choose(self, selector, value):
        self.do(lambda: self.driver.execute_script(
            "const field = document.querySelector(arguments[0]); field.value = arguments[1];"
            "field.dispatchEvent(new Event('input')); field.dispatchEvent(new Event('change'));", selector, value))

    def shown(self, pane=0):
        found = self.driver.execute_async_script(SHOWN, pane)
        self.assertNotIn("error", found)
        grid = (found["rows"], found["columns"])
        found["main"] = np.array(found["main"], np.float32).reshape(grid)
        found["tiles"] = {name: np.array(map, np.float32).reshape(grid) for name, map in found["tiles"]}
        return found

    def pixels(self, pane=0):
        height, width, data = self.driver.execute_script(PIXELS, pane)
        return np.frombuffer(base64.b64decode(data), np.uint8).reshape(height, width, 4)[..., :3]

    def click_patch(self, row, column):
        """Clicks in the middle of a patch, as a person does."""
        canvas = self.find("#picture")
        grid = self.shown()
        cell = self.driver.execute_async_script(
            "const done = arguments[0]; import('/assets/app.js').then(({ panes: [{ record }] }) =>"
            " done([record.cell_height / record.height, record.cell_width / record.width]))")
        size = canvas.rect
        self.assertLess(row, grid["rows"])
        webdriver.ActionChains(self.driver).move_to_element_with_offset(
            canvas, (column + 0.5) * cell[1] * size["width"] - size["width"] / 2,
            (row + 0.5) * cell[0] * size["height"] - size["height"] / 2).click().perform()
        # Away from the picture, so that the chosen patch shows and not the one under the pointer.
        webdriver.ActionChains(self.driver).move_to_element(self.find("h1")).perform()

    def export(self, *arguments):
        """What the command line exports."""
        self.served.run(
            *arguments, "--export", "out.npz", "--overwrite", "--offline", "--resolution", "224", "--quiet")
        with np.load(pathlib.Path(self.directory_path) / "out.npz") as arrays:
            return {name: arrays[name] for name in arrays.files}

    @property
    def directory_path(self):
        return type(self).directory

    def snap(self, name):
        directory = os.environ.get("VITVIDEO_SCREENSHOTS")
        if directory:
            pathlib.Path(directory).mkdir(exist_ok=True)
            self.driver.save_screenshot(str(pathlib.Path(directory) / f"{name}.png"))

    def assertClose(self, a, b, tolerance=1e-3):
        self.assertEqual(a.shape, b.shape)
        self.assertLess(float(np.abs(a - b).max()), tolerance)

    # The tests

    def test_uploadedPictureShowsHeadsThatDiffer(self):
        self.open()
        upload = pathlib.Path(self.directory_path) / "rabbit.png"
        self.do(lambda: self.find("#file").send_keys(str(upload)))
        tiles = self.shown()["tiles"]
        self.assertEqual(list(tiles), ["mean"] + [f"head {i}" for i in range(6)] + ["similarity"])
        heads = [tiles[f"head {i}"] for i in range(6)]
        for i in range(6):
            for j in range(i):
                self.assertGreater(float(np.abs(heads[i] - heads[j]).max()), 1e-4)
        expected = self.export("rabbit.png")["attention"][0]
        self.assertClose(np.stack(heads), expected)
        self.snap("upload")

    def test_clickedPatchAttendsAsQuerySays(self):
        self.open(media="meadow.png")
        self.do(lambda: self.click_patch(5, 9))
        self.assertIn("query=5%2C9", self.driver.current_url)
        tiles = self.shown()["tiles"]
        expected = self.export("meadow.png", "--query", "5,9")["attention"][0]
        self.assertClose(np.stack([tiles[f"head {i}"] for i in range(6)]), expected)
        similar = self.export("meadow.png", "--method", "similarity", "--query", "5,9")["similarity"][0]
        self.assertClose(tiles["similarity"], similar)
        # By keys: down, then right.
        self.find("#picture").send_keys(Keys.ARROW_DOWN)
        self.do(lambda: self.find("#picture").send_keys(Keys.ARROW_RIGHT))
        self.assertIn("query=6%2C10", self.driver.current_url)
        expected = self.export("meadow.png", "--query", "6,10")["attention"][0]
        self.assertClose(self.shown()["tiles"]["head 2"], expected[2])
        self.do(lambda: self.find("#picture").send_keys(Keys.ESCAPE))
        self.assertNotIn("query=", self.driver.current_url)

    def test_layersHeadsMethodsAndModels(self):
        self.open(media="meadow.png")
        self.choose("#layer", "3")
        self.choose("#head", "2")
        expected = self.export("meadow.png", "--layer", "3")["attention"][0]
        self.assertClose(self.shown()["main"], expected[2])
        self.choose("#head", "-1")
        for fusion in ["min", "max", "mean"]:
            self.choose("#fusion", fusion)
            self.assertClose(self.shown()["main"], getattr(expected, fusion)(axis=0))
        self.choose("#method", "layers")
        tiles = self.shown()["tiles"]
        self.assertClose(
            np.stack([tiles[f"layer {i}"] for i in range(12)]),
            self.export("meadow.png", "--method", "layers")["layers"][0])
        for method, options in [
            ("rollout", ["--head-fusion", "max", "--discard-ratio", "0.5"]), ("foreground", []),
        ]:
            self.choose("#method", method)
            if method == "rollout":
                self.choose("#headfusion", "max")
                self.choose("#discard", "0.5")
            self.assertClose(
                self.shown()["main"], self.export("meadow.png", "--method", method, *options)[method][0])
        self.choose("#method", "features")
        self.assertEqual(self.text("#trouble"), "")
        self.snap("features")
        self.choose("#method", "attention")
        self.choose("#model", "tiny")
        self.assertEqual(len(self.shown()["tiles"]), 5)
        weights = ["--weights", str(TINY), "--num-heads", "3", "--family", "vit"]
        expected = self.export("meadow.png", "--layer", "1", *weights)["attention"][0]
        self.choose("#layer", "1")
        self.assertClose(self.shown()["tiles"]["head 1"], expected[1])
        # The settings of rollout hold for the gradient's as well.
        for method, array, options in [
            ("relevance", "relevance", []),
            ("gradient-rollout", "gradient_rollout", ["--head-fusion", "max", "--discard-ratio", "0.5"]),
        ]:
            self.choose("#method", method)
            self.choose("#class", "2")
            expected = self.export("meadow.png", "--method", method, "--class", "2", *options, *weights)[array][0]
            self.assertClose(self.shown()["main"], expected)
        self.choose("#method", "neuron")
        self.assertEqual(self.find("#neuron").get_attribute("value"), "2:0")
        self.choose("#neuron", "1:5")
        expected = self.export("meadow.png", "--method", "neuron", "--neuron", "1:5", *weights)["neuron"][0]
        self.assertClose(self.shown()["main"], expected[0])

    def test_whatNeedsNoPassAsksNothing(self):
        expected = self.export("meadow.png", "--query", "4,8", "--layer", "2")["attention"][0]
        self.open(media="meadow.png")
        network = {"latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
        self.driver.execute_cdp_cmd("Network.enable", {})
        self.driver.execute_cdp_cmd("Network.emulateNetworkConditions", {"offline": True, **network})
        try:
            self.do(lambda: self.click_patch(4, 8))
            self.choose("#layer", "2")
            self.assertClose(self.shown()["tiles"]["head 4"], expected[4])
            for selector, value in [
                ("#head", "1"), ("#alpha", "0.3"), ("#colormap", "turbo"), ("#interpolation", "nearest"),
                ("#view", "heatmap"), ("#scale", "percentile:2:98"), ("#method", "similarity"),
            ]:
                before = self.pixels()
                self.choose(selector, value)
                self.assertTrue((self.pixels() != before).any(), selector)
            self.choose("#method", "layers")
            self.assertIn("layer 11", self.shown()["tiles"])
            self.assertEqual(self.text("#trouble"), "")
        finally:
            self.driver.execute_cdp_cmd("Network.emulateNetworkConditions", {"offline": False, **network})

    def test_scrubbedFrameIsTheFrame(self):
        self.open(media="bigbuckbunny.mp4")
        self.choose("#frame-number", "75")
        self.assertEqual(self.shown()["frame"], 75)
        expected = self.export("bigbuckbunny.mp4", "--frames", "75:76")["attention"][0]
        tiles = self.shown()["tiles"]
        self.assertClose(np.stack([tiles[f"head {i}"] for i in range(6)]), expected)
        self.click("#next")
        self.assertEqual(self.shown()["frame"], 76)
        self.do(lambda: self.find("body").send_keys(Keys.ARROW_LEFT))
        self.assertEqual(self.shown()["frame"], 75)
        self.snap("video")
        # A frame that was looked at costs no pass, a new one costs one. The page fills its timeline and is left first.
        self.driver.get("about:blank")
        self.wait_for(lambda: self.served.json("info")["tasks"] == 0)
        before = self.served.json("info")["passes"]
        self.served.ask("frames/bigbuckbunny.mp4/75/queries-keys", model="dinov2_vits14", layer=3)
        self.assertEqual(self.served.json("info")["passes"], before)
        self.served.ask("frames/bigbuckbunny.mp4/91", model="dinov2_vits14")
        self.served.ask("frames/bigbuckbunny.mp4/91/attention", model="dinov2_vits14", query="3,4")
        self.assertEqual(self.served.json("info")["passes"], before + 1)

    def test_playing(self):
        self.open(media="bigbuckbunny.mp4", frame="10", model="tiny")
        self.find("#play").click()
        time.sleep(3)
        self.do(lambda: self.find("#play").click())
        self.assertGreater(self.shown()["frame"], 11)

    def test_copiedCommandMakesThePixels(self):
        for state in [
            {"media": "bigbuckbunny.mp4", "frame": 75, "query": "5,9", "layer": 7, "head": "3", "alpha": 0.8,
             "colormap": "viridis", "scale": "percentile:2:98"},
            {"media": "meadow.png", "head": "max", "interpolation": "bicubic"},
            {"media": "meadow.png", "method": "rollout", "headfusion": "min", "interpolation": "nearest",
             "view": "heatmap"},
            {"media": "meadow.png", "method": "similarity", "query": "4,4", "scale": "0:1"},
            {"media": "meadow.png", "method": "features"},
        ]:
            with self.subTest(state=state):
                self.open(**state)
                shown = self.pixels().astype(int)
                self.find("#copy").click()
                line = self.wait_for(lambda: self.find("#command").get_attribute("value"))
                self.served.run_line(line)
                name = line.split(" -o ")[1].split()[0]
                made = np.asarray(Image.open(pathlib.Path(self.directory_path) / name).convert("RGB")).astype(int)
                self.assertEqual(shown.shape, made.shape)
                difference = np.abs(shown - made)
                # Sums in another order move a heat over the edge between two colours of the table now and then.
                self.assertLessEqual(int(difference.max()), 6)
                self.assertGreater(float((difference == 0).mean()), 0.99)
                self.driver.execute_script("document.querySelector('#command').value = ''")

    def wait_for(self, find, seconds=90):
        end = time.time() + seconds
        while time.time() < end:
            found = find()
            if found:
                return found
            time.sleep(0.05)
        self.fail("it does not come")

    def test_downloads(self):
        self.open(media="meadow.png", query="5,9", layer=4)
        downloads = pathlib.Path(self.directory_path) / "downloads"
        self.driver.execute_cdp_cmd(
            "Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(downloads)})
        self.find("#make-maps").click()
        file = self.wait_for(lambda: next(iter(downloads.glob("*.npz")), None))
        expected = self.export("meadow.png", "--query", "5,9", "--layer", "4")["attention"]
        with np.load(file) as arrays:
            self.assertClose(arrays["attention"], expected, 1e-6)
        self.find("#make-picture").click()
        file = self.wait_for(lambda: next(iter(downloads.glob("*.png")), None))
        difference = np.abs(np.asarray(Image.open(file).convert("RGB")).astype(int) - self.pixels().astype(int))
        self.assertLessEqual(int(difference.max()), 6)
        # The clip, and one that is cancelled.
        self.open(media="bigbuckbunny.mp4", model="tiny", layer=0)
        self.find("#make-clip").click()
        self.wait_for(lambda: next(iter(downloads.glob("*.mp4")), None))
        self.open(media="bigbuckbunny.mp4")
        self.find("#make-clip").click()
        self.wait_for(lambda: self.driver.execute_script("return document.querySelector('#jobs progress').value > 0"))
        self.find("#jobs button").click()
        self.wait_for(lambda: "cancelled" in self.text("#jobs li"))

    def test_addressGivesTheSameViewAgain(self):
        self.open(media="bigbuckbunny.mp4", frame=40)
        self.choose("#layer", "5")
        self.choose("#colormap", "magma")
        self.do(lambda: self.click_patch(3, 7))
        before = self.pixels()
        address = self.driver.current_url
        self.driver.get("about:blank")
        self.driver.get(address)
        self.settle()
        self.assertTrue((self.pixels() == before).all())

    def test_twoPicturesByOnePointer(self):
        self.open(media="bigbuckbunny.mp4", frame=75, media2="meadow.png", query="6,12", method="similarity")
        one, other = self.shown(0), self.shown(1)
        self.snap("compare")
        self.assertClose(one["main"], self.export(
            "bigbuckbunny.mp4", "--frames", "75:76", "--method", "similarity", "--query", "6,12")["similarity"][0])
        self.assertClose(other["main"], self.export(
            "meadow.png", "--method", "similarity", "--query", "6,12", "--query-image", "rabbit.png")["similarity"][0])
        self.open(media="meadow.png", model2="tiny")
        self.assertEqual(len(self.shown(1)["tiles"]), 5)

    def test_camera(self):
        self.open(model="tiny")
        self.find("#camera").click()
        pictures = "return document.querySelector('#picture').dataset.pictures ?? 0"
        self.wait_for(lambda: int(self.driver.execute_script(pictures)) >= 3)
        self.snap("camera")
        self.click("#camera")

    def test_refusalsAreSaid(self):
        self.open()
        bad = pathlib.Path(self.directory_path) / "bad.png"
        bad.write_bytes(b"no picture")
        self.find("#file").send_keys(str(bad))
        self.wait_for(lambda: "no picture" in (self.text("#trouble") or ""))
        # What the browser itself notes of the answer.
        self.driver.get_log("browser")

    def test_labelsAndKeys(self):
        self.open(media="meadow.png")
        unnamed = self.driver.execute_script("""
            return [...document.querySelectorAll("button, select, input, textarea, canvas, progress")]
              .filter((e) => e.checkVisibility() && !e.closest("#tiles, [aria-hidden]"))
              .filter((e) => !(e.labels?.length || e.getAttribute("aria-label") || e.textContent.trim()))
              .map((e) => e.outerHTML)""")
        self.assertEqual(unnamed, [])
        self.find("body").send_keys(Keys.TAB)
        outline = self.driver.execute_script("return getComputedStyle(document.activeElement).outlineStyle")
        self.assertNotEqual(outline, "none")

    def test_phoneAndDark(self):
        for width, height, scheme in [(1280, 800, "dark"), (390, 844, "light"), (390, 844, "dark")]:
            self.driver.execute_cdp_cmd(
                "Emulation.setDeviceMetricsOverride",
                {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500})
            self.driver.execute_cdp_cmd(
                "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]})
            self.open(media="bigbuckbunny.mp4", frame=75, query="6,12")
            self.assertLessEqual(
                self.driver.execute_script("return document.documentElement.scrollWidth"), width)
            ground = self.driver.execute_script("return getComputedStyle(document.body).backgroundColor")
            self.assertEqual(int(ground.split("(")[1].split(",")[0]) > 128, scheme == "light")
            self.snap(f"{width}-{scheme}")
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
        self.driver.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": 1280, "height": 800, "deviceScaleFactor": 1, "mobile": False})


def subprocess_frame(clip, frame, path):
    """Writes a frame of a clip as a picture, without a map on it."""
    subprocess.run(
        [BINARY, str(clip), "-o", str(path), "--frames", f"{frame}:{frame + 1}", "--view", "overlay", "--alpha", "0",
         "--weights", str(TINY), "--num-heads", "3", "--family", "vit", "--resolution", "32", "--quiet"], check=True)


if __name__ == "__main__":
    BINARY = str(pathlib.Path(sys.argv[1]).resolve())
    MEDIA = pathlib.Path(sys.argv[2] if len(sys.argv) > 2 else ROOT / "media/cache").resolve()
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]], verbosity=2)
