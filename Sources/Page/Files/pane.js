// One picture by one model: what is loaded of it, the maps that follow, and how they are drawn.

import * as api from "./api.js";
import { attentionOf, cosines, fuse, vectorOf } from "./attention.js";
import { heat, paintColors, paintHeat, paintMarker } from "./paint.js";
import { isHead, methodItems, patch } from "./state.js";

/** Methods whose maps follow of what one pass leaves; the others are asked of the server. */
const local = new Set(["attention", "layers", "similarity"]);

/** A picture's pixels at a size, RGBA. */
function pixels(bitmap, height, width) {
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(bitmap, 0, 0, width, height);
  return context.getImageData(0, 0, width, height).data;
}

export class Pane {
  /**
   * @param root the pane's element, with its canvas.
   * @param onHover told the patch under the pointer, as shares of the picture's height and width; null for none.
   * @param onPick likewise of a chosen one.
   */
  constructor(root, { onHover, onPick }) {
    this.root = root;
    this.canvas = root.querySelector("canvas");
    this.context = this.canvas.getContext("2d");
    this.note = root.querySelector(".note");
    this.forget();
    this.canvas.addEventListener("pointermove", (event) => {
      if (event.pointerType === "mouse" && this.record) onHover(this.place(event));
    });
    this.canvas.addEventListener("pointerleave", () => onHover(null));
    this.canvas.addEventListener("click", (event) => { if (this.record) onPick(this.place(event)); });
  }

  /** Forgets the picture, and everything found in it. */
  forget() {
    this.abort?.abort();
    this.source = null;
    this.bitmap = null;
    this.shown = null;
    this.picture = null;
    this.record = null;
    this.layers = new Map();
    this.tokens = null;
    this.found = new Map();
    this.tiles = new Map();
  }

  place(event) {
    const box = this.canvas.getBoundingClientRect();
    const share = (value) => Math.min(0.999999, Math.max(0, value));
    return [share((event.clientY - box.top) / box.height), share((event.clientX - box.left) / box.width)];
  }

  /** The patch at a place of the picture. */
  patchAt([y, x]) {
    const { height, width, rows, columns, cell_height: cellHeight, cell_width: cellWidth } = this.record;
    return [
      Math.min(rows - 1, Math.floor((y * height) / cellHeight)),
      Math.min(columns - 1, Math.floor((x * width) / cellWidth)),
    ];
  }

  /** The middle of a patch, as shares of the picture. */
  placeOf([row, column]) {
    const { height, width, cell_height: cellHeight, cell_width: cellWidth } = this.record;
    return [((row + 0.5) * cellHeight) / height, ((column + 0.5) * cellWidth) / width];
  }

  // Loading

  /** Loads a frame: its picture, and a pass over it where the server has none. Nothing happens where it is there. */
  async load(media, frame, model, layer) {
    const source = JSON.stringify([media, frame, model.name]);
    if (this.source !== source) {
      this.forget();
      this.source = source;
      Object.assign(this, { media, frame, model });
      this.abort = new AbortController();
    }
    const { signal } = this.abort;
    if (!this.record) {
      const items = { model: model.name };
      const picture = api.ask(api.frame(media, frame, "picture.png"), {}, { signal })
        .then((response) => response.blob())
        .then((blob) => createImageBitmap(blob, { colorSpaceConversion: "none", premultiplyAlpha: "none" }));
      const [bitmap, record] = await Promise.all([picture, api.json(api.frame(media, frame), items, { signal })]);
      if (this.source !== source) throw new DOMException("another frame", "AbortError");
      this.show(bitmap, record);
    }
    if (model.attention_from_keys) await this.loadLayer(layer);
  }

  /** Takes a picture and what was found in it. */
  show(bitmap, record) {
    this.bitmap = bitmap;
    this.picture = pixels(bitmap, record.height, record.width);
    this.record = record;
    this.tiles = new Map();
    this.found = new Map();
    this.canvas.height = record.height;
    this.canvas.width = record.width;
  }

  async loadLayer(layer) {
    if (!this.layers.has(layer)) {
      const { source, abort: { signal } } = this;
      const { data } = await api.array(
        api.frame(this.media, this.frame, "queries-keys"), { model: this.model.name, layer }, { signal });
      if (this.source === source) this.layers.set(layer, data);
    }
  }

  /** The vectors that similarity compares. */
  async loadTokens() {
    if (this.tokens || !this.model.final_tokens) return;
    const { source, abort: { signal } } = this;
    const { data } = await api.array(
      api.frame(this.media, this.frame, "tokens"), { model: this.model.name }, { signal });
    if (this.source === source) this.tokens = data;
  }

  /** Loads what a later question may need: the other layers, and the tokens. */
  async loadRest() {
    await this.loadTokens();
    if (!this.model.attention_from_keys) return;
    for (let layer = this.model.layers - 1; layer >= 0; layer--) await this.loadLayer(layer);
  }

  // Maps

  /** The token of a query; null for one that is no token. */
  token(query) {
    const cell = patch(query);
    if (cell) return this.model.special_tokens + cell[0] * this.record.columns + cell[1];
    return query === "cls" && this.model.class_token ? 0 : null;
  }

  /** What a layer's heads attend to: at once where queries and keys are here, else from the server. */
  async heads(layer, query) {
    const token = this.token(query);
    if (this.model.attention_from_keys && token !== null) {
      await this.loadLayer(layer);
      return this.headsAtOnce(layer, token);
    }
    const key = `attention ${layer} ${query}`;
    if (!this.found.has(key)) {
      const { data } = await api.array(
        api.frame(this.media, this.frame, "attention"), { model: this.model.name, layer, query },
        { signal: this.abort.signal });
      const size = this.record.rows * this.record.columns;
      const planes = Array.from({ length: data.length / size }, (_, i) => data.subarray(i * size, (i + 1) * size));
      this.found.set(key, planes);
    }
    return this.found.get(key);
  }

  headsAtOnce(layer, token) {
    return attentionOf(token, this.layers.get(layer), {
      tokens: this.record.tokens, width: this.model.width, heads: this.model.heads,
      special: this.model.special_tokens,
    });
  }

  /** A vector that others are compared with: a patch's, or the class token's. */
  vector(query) {
    const token = this.token(query);
    return token === null || !this.tokens ? null : vectorOf(token, this.tokens, this.model.width);
  }

  similarityWith(vector) {
    return vector && this.tokens && vector.length === this.model.width
      ? cosines(vector, this.tokens, { width: this.model.width, special: this.model.special_tokens }) : null;
  }

  /** One of several maps by the state: a head's, or all fused. */
  choose(maps, head) {
    return isHead(head) && Number(head) < maps.length ? maps[Number(head)] : fuse(maps, isHead(head) ? "mean" : head);
  }

  /** A layer's heads, all fused first, and what stands for them. */
  mapsOf(heads, head) {
    const how = isHead(head) ? "mean" : head;
    const fused = { name: how, map: fuse(heads, how), head: how };
    const each = heads.map((map, i) => ({ name: `head ${i}`, map, head: String(i) }));
    return { main: this.choose(heads, head), tiles: [fused, ...each] };
  }

  /**
   * The maps of the state: `{ main, tiles: [{ name, map, head?, layer?, method? }], colors? }`.
   *
   * @param query the state's, or that under the pointer.
   * @param vector what similarity compares with: of this picture or the other.
   */
  async maps(state, layer, query, vector) {
    const isHere = local.has(state.method) && (state.method !== "similarity" || this.model.final_tokens);
    if (!isHere) return this.mapsOfServer(state, layer, query);
    if (state.method === "similarity" || vector) await this.loadTokens();
    const similarity = this.similarityWith(vector ?? this.vector(query));
    const tiles = [];
    let main;
    if (state.method === "layers") {
      const each = [];
      for (let i = 0; i < this.model.layers; i++) each.push(this.choose(await this.heads(i, query), state.head));
      tiles.push(...each.map((map, i) => ({ name: `layer ${i}`, map, layer: i })));
      main = each[layer];
    } else {
      const ofHeads = this.mapsOf(await this.heads(layer, query), state.head);
      tiles.push(...ofHeads.tiles);
      main = ofHeads.main;
    }
    if (similarity) tiles.push({ name: "similarity", map: similarity, method: "similarity" });
    if (state.method === "similarity") main = similarity ?? new Float32Array(this.record.rows * this.record.columns);
    return { main, tiles };
  }

  async mapsOfServer(state, layer, query) {
    const items = methodItems(state, { layer, query });
    const key = JSON.stringify(items);
    if (!this.found.has(key)) {
      const found = await api.array(
        api.frame(this.media, this.frame, "maps"), { model: this.model.name, ...items },
        { signal: this.abort.signal });
      this.found.set(key, found);
    }
    const { shape, data, about } = this.found.get(key);
    const size = shape[1] * shape[2];
    const planes = Array.from({ length: shape[0] }, (_, i) => data.subarray(i * size, (i + 1) * size));
    if (about.appearance === "colour") {
      return { main: planes[0], colors: planes.slice(1), tiles: [], lines: about.lines };
    }
    const tiles = planes.map((map, i) => ({ name: about.names[i], map }));
    return { main: planes[0], tiles: tiles.length > 1 ? tiles : [], lines: about.lines };
  }

  // Drawing

  /** Where maps lie on a picture of a size. */
  grid(map, height, width) {
    const { rows, columns, cell_height: cellHeight, cell_width: cellWidth } = this.record;
    return {
      map, rows, columns, height, width,
      cellHeight: (cellHeight * height) / this.record.height, cellWidth: (cellWidth * width) / this.record.width,
    };
  }

  /** Draws the main map at the picture's own size. */
  draw(maps, state, table, query) {
    this.shown = maps;
    const { main, colors } = maps;
    const { height, width } = this.record;
    if (this.image?.width !== width || this.image?.height !== height) this.image = new ImageData(width, height);
    const { image } = this;
    this.paint(image.data, this.picture, main, colors, state, table, query, height, width);
    this.context.putImageData(image, 0, 0);
  }

  paint(out, picture, map, colors, state, table, query, height, width) {
    const grid = { ...this.grid(map, height, width), interpolation: state.interpolation };
    const under = state.view === "overlay" ? picture : null;
    if (colors) paintColors(out, under, colors, Number(state.alpha), grid);
    else paintHeat(out, under, table, Number(state.alpha), { ...grid, map: heat(map, state.scale) });
    const cell = patch(query);
    if (cell) paintMarker(out, cell[0], cell[1], grid);
  }

  /** Draws a map small. */
  drawTile(canvas, map, state, table, query) {
    const { height, width } = this.record;
    const shownWidth = Math.max(80, Math.round(canvas.clientWidth * Math.min(2, devicePixelRatio)));
    const shownHeight = Math.max(1, Math.round((shownWidth * height) / width));
    const key = `${shownHeight} ${shownWidth}`;
    if (!this.tiles.has(key)) this.tiles.set(key, pixels(this.bitmap, shownHeight, shownWidth));
    if (canvas.width !== shownWidth || canvas.height !== shownHeight) {
      [canvas.width, canvas.height] = [shownWidth, shownHeight];
    }
    const image = new ImageData(shownWidth, shownHeight);
    this.paint(image.data, this.tiles.get(key), map, null, state, table, query, shownHeight, shownWidth);
    canvas.getContext("2d").putImageData(image, 0, 0);
  }
}
