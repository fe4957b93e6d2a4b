// The page: one state, two pictures at most, and what the person does to them.

import * as api from "./api.js";
import { Camera } from "./camera.js";
import { Controls } from "./controls.js";
import { Jobs } from "./jobs.js";
import { listenToKeys } from "./keys.js";
import { Pane } from "./pane.js";
import { defaults, isCompared, methodItems, patch, read, side, viewItems, write } from "./state.js";
import { busy, say, trouble, uploaded, watch } from "./status.js";
import { drawTiles } from "./tiles.js";
import { Timeline } from "./timeline.js";
import { caption, named } from "./words.js";

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

const handlers = {
  onHover: (place) => { hovered = place; drawSoon(); },
  // The first picture's patch at the same place.
  onPick: (place) => pick(panes[0].patchAt(place)),
};
/** The pictures, for whoever looks at their maps in the browser's console. */
export const panes = [0, 1].map((index) => new Pane(byId(`pane-${index + 1}`), handlers));
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
  if (changes.method === "neuron" && !state.neuron) state.neuron = `${shownModel(0).layers - 1}:0`;
  if (!shownModel(0).methods.includes(state.method)) state.method = defaults.method;
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
  say(`From patch ${cell.join(", ")}`);
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
    const isOther = pane !== first && pane.model.name === first.model?.name;
    const reference = isOther ? first.vector(shownQuery(first)) : null;
    const maps = await pane.maps(state, layer, query, reference);
    if (mine !== turn) return;
    const marked = ["attention", "layers", "similarity"].includes(state.method) ? query : "";
    const isOfFirst = Boolean(reference) && state.method === "similarity";
    pane.draw(maps, state, tableOf(), isOfFirst ? "" : marked);
    const from = isOfFirst ? shownQuery(first) : query;
    const words = caption(pane, media.get(pane.media), state, layer, from, isOfFirst);
    pane.canvas.setAttribute("aria-label", words);
    pane.note.textContent = words;
    if (pane === first) drawFew(pane, maps, marked);
  }
  byId("from").value = named(shownQuery(first));
}

/** Small multiples of the first picture, and what its classifier says. */
function drawFew(pane, { tiles, lines }, query) {
  drawTiles(tiles, {
    isShown: (tile) => {
      if (tile.method) return state.method === tile.method;
      if (tile.layer !== undefined) return tile.layer === layerOf(pane.model);
      return state.method === "attention" && tile.head === state.head;
    },
    onChoose: (tile) => {
      if (tile.method) change({ method: tile.method });
      else if (tile.layer !== undefined) change({ layer: String(tile.layer) });
      else if (tile.head !== undefined) change({ method: "attention", head: tile.head });
    },
    draw: (canvas, map) => pane.drawTile(canvas, map, state, tableOf(), query),
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
  for (const id of ["copy", "copy-clip", "make-picture", "make-maps", "make-clip"]) {
    byId(id).disabled = !isOpen || camera.isOn;
  }
  byId("method").disabled = camera.isOn;
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
  try {
    trouble("");
    const item = await api.upload(file, uploaded);
    media.set(item.id, item);
    await change({ media: item.id, frame: "0", query: "" });
  } catch (error) {
    trouble(error.message);
  } finally {
    uploaded(null);
  }
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

/** The chosen patch, where the last picture had one there. */
function cameraQuery() {
  const [model, cell, [{ record, source, model: last }]] = [shownModel(0), patch(state.query), panes];
  if (!cell || source !== "camera" || last.name !== model.name) return model.query;
  return cell[0] < record.rows && cell[1] < record.columns ? state.query : model.query;
}

async function startCamera() {
  byId("camera").setAttribute("aria-pressed", "true");
  byId("welcome").hidden = true;
  byId("panes").hidden = false;
  byId("pane-2").hidden = true;
  byId("timeline").hidden = true;
  trouble("");
  try {
    await camera.start(
      () => ({ model: shownModel(0).name, layer: layerOf(shownModel(0)), query: cameraQuery() }),
      (bitmap, record, heads) => {
        const [pane] = panes;
        const query = cameraQuery();
        if (pane.source !== "camera") {
          pane.forget();
          showControls();
        }
        Object.assign(pane, { source: "camera", media: "", frame: 0, model: shownModel(0) });
        pane.show(bitmap, record);
        const maps = pane.mapsOf(heads, state.head);
        pane.draw(maps, state, tableOf(), query);
        drawFew(pane, maps, query);
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
    byId("welcome").hidden = Boolean(state.media);
    byId("tiles").replaceChildren();
    showControls();
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
    const other = info.models.find(({ name }) => name !== shownModel(0).name);
    if (isCompared(state)) change({ media2: "", frame2: "", model2: "" });
    else if (other) change({ model2: other.name });
    else change({ frame2: state.frame, media2: "" });
  });
  listenToKeys({ onMove: move, onBack: () => change({ query: "" }), onStep: (by) => timeline.step(by) });
  addEventListener("hashchange", () => {
    state = read(location.hash);
    show();
  });
  addEventListener("resize", drawSoon);
}

/** Moves the patch; where there is none yet, it begins in the middle. */
function move([down, right]) {
  if (!panes[0].record) return;
  const { rows, columns } = panes[0].record;
  const cell = patch(state.query);
  const within = (value, count) => Math.min(count - 1, Math.max(0, value));
  pick(cell ? [within(cell[0] + down, rows), within(cell[1] + right, columns)]
    : [Math.floor(rows / 2), Math.floor(columns / 2)]);
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
