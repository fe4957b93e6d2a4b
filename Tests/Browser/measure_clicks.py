"""Measures the time from a click on a patch to its drawn map, in Chromium.

    Tests/Browser/.venv/bin/python Tests/Browser/measure_clicks.py BINARY CLIP

At the default resolution, 448×784 for a clip of 16:9, with the frame in memory. Prints milliseconds: to the canvas's
new pixels, and to the animation frame after that.
"""

import pathlib
import sys
import tempfile
import time

from served import Served
from test_page import browser

CLICKS = """
const done = arguments[arguments.length - 1];
(async () => {
  const { panes } = await import("/assets/app.js");
  const canvas = document.querySelector("#picture");
  const turn = () => new Promise((resolve) => {
    const channel = new MessageChannel();
    channel.port1.onmessage = resolve;
    channel.port2.postMessage(0);
  });
  const drawn = [];
  const painted = [];
  for (let i = 0; i < 100; i++) {
    const box = canvas.getBoundingClientRect();
    const before = panes[0].shown;
    const start = performance.now();
    canvas.dispatchEvent(new MouseEvent("click", {
      clientX: box.left + box.width * Math.random(), clientY: box.top + box.height * Math.random(), bubbles: true }));
    while (panes[0].shown === before) await turn();
    drawn.push(performance.now() - start);
    await new Promise(requestAnimationFrame);
    painted.push(performance.now() - start);
    await new Promise((resolve) => { setTimeout(resolve, 100); });
  }
  for (const times of [drawn, painted]) times.sort((a, b) => a - b);
  done({ size: [panes[0].record.rows, panes[0].record.columns], drawn, painted });
})().catch((error) => done({ error: String(error) }));
"""

binary, clip = (str(pathlib.Path(path).resolve()) for path in sys.argv[1:])
served = Served(binary, [clip, "--offline"], tempfile.gettempdir())
driver = browser()
try:
    driver.get(served.page(frame=75))
    while driver.execute_script("return document.querySelector('main')?.ariaBusy") != "false":
        time.sleep(0.1)
    found = driver.execute_async_script(CLICKS)
    assert "error" not in found, found
    print("patches", found["size"])
    for name in ["drawn", "painted"]:
        times = found[name]
        print(name, f"median {times[50]:.1f} ms, 95 % {times[95]:.1f} ms")
finally:
    driver.quit()
    served.stop()
