// The page: one state, two pictures at most, and what the person does to them.

import * as api from "./api.js";
import { Camera } from "./camera.js";
import { Controls } from "./controls.js";
import { Jobs } from "./jobs.js";
import { Pane } from "./pane.js";
import { defaults, isCompared, isHead, methodItems, patch, read, side, viewItems, write } from "./state.js";
import { Timeline } from "./timeline.js";
import { fuse } from "./attention.js";

const byId = (id) => document.getElementById(id);
const wait = (milliseconds) => new Promise((resolve) => { setTimeout(resolve, milliseconds); });

let info;
let tables = [];
const media = new Map();
let state = { ...defaults };
/** The place under the pointer, as shares of the picture; null for none. */
let hovered = null;
/** Counts what was asked, so that only the latest is drawn. */
let turn = 0;

const handlers = (index) => ({
  onHover: (place) => { hovered = place; drawSoon(); },
  onPick: (place) => pick(panes[index].patchAt(place)),
});
/** The pictures, for whoever looks at their maps in the browser's console. */
export const panes = [0, 1].map((index) => new Pane(byId(`pane-${index + 1}`), handlers(index)));
const camera = new Camera();
const controls = new Controls((changes) => change(changes));
const timeline = new Timeline((frame) => change({ frame: String(frame) }));
new Jobs(() => commandItems());

// Models and layers

const modelNamed = (name) => info.models.find((model) => model.name === name) ?? info.models[0];
const shownModel = (index) => modelNamed(side(state, index).model);
const layerOf = (model) => (state.layer === "" ? model.layers - 1 : Math.min(Number(state.layer), model.layers - 1));
const tableOf = () => tables[Math.max(0, info.colormaps.indexOf(state.colormap))];

/** What attends, of a model: the chosen query, or the model's own. */
const queryOf = (model) => state.query || model.query;

/** The query under the pointer, or the chosen one, in the grid of a pane. */
function shownQuery(pane) {
  if (hovered && pane.record) return pane.patchAt(hovered).join();
  const cell = patch(state.query);
  if (cell && pane !== panes[0] && panes[0].record) return pane.patchAt(panes[0].placeOf(cell)).join();
  return queryOf(pane.model);
}

// Changes

/** Changes the state, its address and what is shown; resolves when that is drawn. */
function change(changes) {
  const before = state;
  state = { ...state, ...changes };
  if (changes.method === "similarity" && !patch(state.query) && panes[0].record) {
    state.query = panes[0].patchAt([0.5, 0.5]).join();
  }
  if (changes.media !== undefined && changes.media !== before.media) {
    state.frame = changes.frame ?? "0";
    if (patch(state.query)) state.query = "";
  }
  history.replaceState(null, "", location.pathname + location.search + write(state));
  return show();
}

/** Chooses a patch of the first picture. */
function pick(cell) {
  hovered = null;
  change({ query: cell.join() });
  byId("said").textContent = `From patch ${cell.join(", ")}`;
}

// Showing

/** Loads what the state names, and draws it. */
async function show() {
  const mine = ++turn;
  busy(true);
  timeline.pause();
  showControls();
  if (camera.isOn || !state.media) return busy(false);
  byId("welcome").hidden = true;
  byId("panes").hidden = false;
  byId("pane-2").hidden = !isCompared(state);
  const watched = watch();
  try {
    trouble("");
    const shown = isCompared(state) ? [0, 1] : [0];
    await Promise.all(shown.map(async (index) => {
      const { media: name, frame } = side(state, index);
      const [model, item] = [shownModel(index), await described(name)];
      if (index === 0 && mine === turn) timeline.show(item, frame, model.name);
      await panes[index].load(name, frame, model, layerOf(model));
    }));
    if (mine !== turn) return;
    timeline.note(Number(state.frame), panes[0].record.entropy_nats);
    await draw(mine);
    if (mine === turn && !timeline.playing) rest(mine);
  } catch (error) {
    if (error.name !== "AbortError" && mine === turn) {
      trouble(error.message);
      busy(false);
    }
  } finally {
    watched();
  }
}

/** Whether something is still to come. */
const busy = (is) => document.querySelector("main").setAttribute("aria-busy", String(is));

/** What may be wanted next, once nothing else is. */
async function rest(mine) {
  try {
    await wait(150);
    for (const pane of panes) if (mine === turn && pane.record && !pane.root.hidden) await pane.loadRest();
    if (mine !== turn) return;
    await draw(mine);
    if (mine === turn) busy(false);
    await wait(500);
    if (mine === turn) timeline.fill();
  } catch (error) {
    if (error.name !== "AbortError" && mine === turn) trouble(error.message);
  }
}

let isDrawing = false;
let wantsDrawing = false;

/** Draws in the next animation frame; while one drawing is under way, once more after it. */
function drawSoon() {
  wantsDrawing = true;
  if (isDrawing) return;
  isDrawing = true;
  requestAnimationFrame(async () => {
    while (wantsDrawing) {
      wantsDrawing = false;
      await draw(turn).catch((error) => { if (error.name !== "AbortError") trouble(error.message); });
    }
    isDrawing = false;
  });
}

/** Draws all that is loaded. */
async function draw(mine) {
  if (camera.isOn) return;
  const first = panes[0];
  for (const pane of isCompared(state) ? panes : [first]) {
    if (!pane.record) continue;
    const query = shownQuery(pane);
    const layer = layerOf(pane.model);
    const reference = pane === first || pane.model.name !== first.model?.name ? null : first.vector(shownQuery(first));
    const maps = await pane.maps(state, layer, query, reference);
    if (mine !== turn) return;
    const marked = ["attention", "layers", "similarity"].includes(state.method) ? query : "";
    pane.draw(maps, state, tableOf(), pane !== first && reference && state.method === "similarity" ? "" : marked);
    pane.canvas.setAttribute("aria-label", inWords(pane, query));
    pane.note.textContent = inWords(pane, query);
    if (pane === first) drawTiles(pane, maps, marked);
  }
  byId("from").value = patch(shownQuery(first)) ? `patch ${shownQuery(first).replace(",", ", ")}` : named(queryOf(first.model));
}

const named = (query) => ({ cls: "class token", mean: "all patches, mean", probe: "pooling probe" }[query] ?? query);

/** What a pane shows, in words. */
function inWords(pane, query) {
  const of = patch(query) ? `patch ${query.replace(",", ", ")}` : named(query);
  const item = media.get(pane.media);
  const frame = item?.kind === "video" ? `, frame ${pane.frame}` : "";
  const what = {
    attention: `attention from ${of}, layer ${layerOf(pane.model)}, ${isHead(state.head) ? "head " : ""}${state.head}`,
    layers: `attention from ${of} in every layer`, similarity: `similarity with ${of}`,
  }[state.method] ?? state.method;
  return `${item?.name ?? ""}${frame} · ${pane.model.name} · ${what}`;
}

/** Small multiples: a button for each map, which shows it large. */
function drawTiles(pane, { tiles, lines }, query) {
  const root = byId("tiles");
  while (root.children.length > tiles.length) root.lastElementChild.remove();
  while (root.children.length < tiles.length) {
    const button = document.createElement("button");
    button.append(document.createElement("canvas"), document.createElement("span"));
    root.append(button);
  }
  tiles.forEach((tile, i) => {
    const button = root.children[i];
    button.lastElementChild.textContent = tile.name;
    const isShown = tile.method ? state.method === tile.method
      : tile.layer !== undefined ? tile.layer === layerOf(pane.model)
        : state.method === "attention" && tile.head === state.head;
    button.setAttribute("aria-pressed", String(isShown));
    button.onclick = () => {
      if (tile.method) change({ method: tile.method });
      else if (tile.layer !== undefined) change({ layer: String(tile.layer) });
      else if (tile.head !== undefined) change({ method: "attention", head: tile.head });
    };
    pane.drawTile(button.firstElementChild, tile.map, state, tableOf(), query);
  });
  const classes = pane.record.classes.map(({ name, probability }) => `${name}  ${Math.round(probability * 100)} %`);
  byId("lines").textContent = (lines?.length ? lines : classes).join("\n");
}

function showControls() {
  const model = shownModel(0);
  const isOpen = Boolean(state.media);
  controls.show(state, {
    media: [...media.values()], models: info.models, colormaps: info.colormaps, model, layer: layerOf(model),
  });
  byId("second").hidden = !isCompared(state);
  byId("compare").setAttribute("aria-pressed", String(isCompared(state)));
  byId("compare").disabled = !isOpen;
  byId("back").textContent = named(model.query).replace(/^./, (letter) => letter.toUpperCase());
  for (const id of ["copy", "copy-clip", "make-picture", "make-maps", "make-clip"]) byId(id).disabled = !isOpen;
  const isVideo = media.get(state.media)?.kind === "video";
  for (const id of ["copy-clip", "make-clip"]) byId(id).hidden = !isVideo;
}

// Media

/** What the server says of a file; asked once. */
async function described(name) {
  if (!media.get(name)?.kind) {
    media.set(name, await api.json(`media/${encodeURIComponent(name)}`));
    showControls();
  }
  return media.get(name);
}

async function open(file) {
  if (!file) return;
  stopCamera();
  const bar = byId("progress");
  bar.hidden = false;
  try {
    trouble("");
    const item = await api.upload(file, (share) => { bar.value = share; });
    media.set(item.id, item);
    await change({ media: item.id, frame: "0", query: "" });
  } catch (error) {
    trouble(error.message);
  } finally {
    bar.hidden = true;
  }
}

/** Shows how far the server is, where it takes longer; the returned function ends that. */
function watch() {
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

function trouble(text) {
  byId("trouble").hidden = !text;
  byId("trouble").textContent = text;
}

/** What the server makes a command of. */
function commandItems() {
  const model = shownModel(0);
  return {
    media: state.media, frame: state.frame, model: model.name,
    ...methodItems(state, { layer: layerOf(model), query: state.query }), ...viewItems(state),
  };
}

// The camera

async function startCamera() {
  byId("camera").setAttribute("aria-pressed", "true");
  byId("welcome").hidden = true;
  byId("panes").hidden = false;
  byId("pane-2").hidden = true;
  byId("timeline").hidden = true;
  trouble("");
  try {
    await camera.start(
      () => ({ model: shownModel(0).name, layer: layerOf(shownModel(0)), query: queryOf(shownModel(0)) }),
      (bitmap, record, heads) => {
        const [pane] = panes;
        if (!pane.record || pane.record.rows !== record.rows || pane.source !== "camera") pane.forget();
        Object.assign(pane, { source: "camera", media: "", frame: 0, model: shownModel(0) });
        pane.show(bitmap, record);
        const how = isHead(state.head) ? "mean" : state.head;
        const query = queryOf(pane.model);
        const maps = {
          main: pane.choose(heads, state.head),
          tiles: [{ name: how, map: fuse(heads, how), head: how },
            ...heads.map((map, i) => ({ name: `head ${i}`, map, head: String(i) }))],
        };
        pane.draw(maps, state, tableOf(), query);
        drawTiles(pane, maps, query);
        pane.note.textContent = `camera · ${pane.model.name} · layer ${layerOf(pane.model)}`;
        pane.canvas.dataset.pictures = String(Number(pane.canvas.dataset.pictures ?? 0) + 1);
      });
  } catch (error) {
    if (error.name !== "AbortError") trouble(`The camera: ${error.message}`);
  }
  stopCamera();
}

function stopCamera() {
  if (camera.isOn) camera.stop();
  byId("camera").setAttribute("aria-pressed", "false");
  if (panes[0].source === "camera") {
    panes[0].forget();
    byId("panes").hidden = true;
    byId("welcome").hidden = false;
    byId("tiles").replaceChildren();
  }
}

// What the person does

function listen() {
  for (const id of ["open", "open-too"]) byId(id).addEventListener("click", () => byId("file").click());
  byId("file").addEventListener("change", () => {
    open(byId("file").files[0]);
    byId("file").value = "";
  });
  addEventListener("dragover", (event) => {
    event.preventDefault();
    document.body.classList.add("dropping");
  });
  for (const name of ["dragleave", "drop"]) {
    addEventListener(name, () => document.body.classList.remove("dropping"));
  }
  addEventListener("drop", (event) => {
    event.preventDefault();
    open(event.dataTransfer.files[0]);
  });
  addEventListener("paste", (event) => open(event.clipboardData?.files[0]));
  byId("back").addEventListener("click", () => change({ query: "" }));
  byId("camera").addEventListener("click", () => {
    if (!camera.isOn) {
      startCamera();
    } else {
      stopCamera();
      show();
    }
  });
  byId("compare").addEventListener("click", () => {
    if (isCompared(state)) change({ media2: "", frame2: "", model2: "" });
    else if (info.models.length > 1) change({ model2: info.models.find(({ name }) => name !== shownModel(0).name).name });
    else change({ frame2: state.frame, media2: "" });
  });
  addEventListener("keydown", press);
  addEventListener("hashchange", () => {
    state = read(location.hash);
    show();
  });
  addEventListener("resize", drawSoon);
}

const arrows = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

/** On a picture the arrows move the patch; elsewhere left and right go through the frames. */
function press(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const isOnPicture = event.target.matches?.(".pane canvas");
  const isOnField = event.target.matches?.("input, select, textarea");
  if (event.key === "Escape") {
    change({ query: "" });
  } else if (isOnPicture && arrows[event.key]) {
    const { rows, columns } = panes[0].record ?? { rows: 1, columns: 1 };
    const [row, column] = patch(state.query) ?? [Math.floor(rows / 2), Math.floor(columns / 2)];
    const [down, right] = patch(state.query) ? arrows[event.key] : [0, 0];
    const within = (value, count) => Math.min(count - 1, Math.max(0, value));
    if (panes[0].record) pick([within(row + down, rows), within(column + right, columns)]);
  } else if (!isOnField && (event.key === "," || event.key === "ArrowLeft")) {
    timeline.step(-1);
  } else if (!isOnField && (event.key === "." || event.key === "ArrowRight")) {
    timeline.step(1);
  } else {
    return;
  }
  event.preventDefault();
}

async function start() {
  try {
    const [about, maps] = await Promise.all([
      api.json("info"), api.ask("colormaps").then((response) => response.arrayBuffer())]);
    info = about;
    tables = info.colormaps.map((_, i) => new Uint8Array(maps, i * 768, 768));
  } catch (error) {
    trouble(error.message);
    return;
  }
  for (const item of info.media) media.set(item.id, item);
  state = read(location.hash);
  if (!state.media && info.media.length) state.media = info.media[0].id;
  listen();
  await show();
}

start();
