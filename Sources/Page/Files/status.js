// How far the page is: what went wrong, what is still to come, and a bar where that takes longer.

import * as api from "./api.js";

const byId = (id) => document.getElementById(id);
const wait = (milliseconds) => new Promise((resolve) => { setTimeout(resolve, milliseconds); });

/** Says what went wrong; an empty text takes it back. */
export function trouble(text) {
  byId("trouble").hidden = !text;
  byId("trouble").textContent = text;
}

/** Says something that is not seen, to a screen reader. */
export function say(text) { byId("said").textContent = text; }

/** Whether something is still to come. */
export function busy(is) { document.querySelector("main").setAttribute("aria-busy", String(is)); }

/** Shows how far an upload is, 0 to 1; null for no more. */
export function uploaded(share) {
  byId("progress").hidden = share === null;
  if (share !== null) byId("progress").value = share;
}

/** Shows how far the server is, where it takes longer; the returned function ends that. */
export function watch() {
  const bar = byId("progress");
  let isOver = false;
  (async () => {
    await wait(250);
    while (!isOver) {
      const { running } = await api.json("progress").catch(() => ({}));
      if (isOver) break;
      bar.hidden = false;
      if (running) bar.value = running;
      else bar.removeAttribute("value");
      await wait(150);
    }
    bar.hidden = true;
  })();
  return () => { isOver = true; };
}
