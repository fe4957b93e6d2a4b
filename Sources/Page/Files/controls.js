// The form of settings: what it shows of the state, and what of the state it changes.

import { isHead } from "./state.js";

const byId = (id) => document.getElementById(id);

/** What settings a method has. */
const settings = {
  attention: ["layer", "head", "query"], layers: ["layer", "head", "query"], similarity: ["query"],
  rollout: ["headfusion", "discard"], "gradient-rollout": ["headfusion", "discard", "class"],
  relevance: ["class"], features: ["of"], foreground: [], neuron: ["neuron"],
};

const titles = {
  attention: "Attention", layers: "Attention, every layer", rollout: "Rollout", similarity: "Similarity",
  features: "Features (components)", foreground: "Foreground", "gradient-rollout": "Gradient rollout of a class",
  relevance: "Relevance for a class", neuron: "Neurons",
};

export class Controls {
  /** @param onChange told the settings that were changed, by their names in the state. */
  constructor(onChange) {
    this.onChange = onChange;
    for (const id of ["media", "model", "media2", "model2", "method", "headfusion", "of", "colormap", "interpolation",
      "view"]) {
      byId(id).addEventListener("change", () => onChange({ [id]: byId(id).value }));
    }
    for (const id of ["alpha", "discard"]) {
      byId(id).addEventListener("input", () => onChange({ [id]: byId(id).value }));
    }
    for (const id of ["class", "neuron"]) {
      byId(id).addEventListener("change", () => onChange({ [id]: byId(id).value.trim() }));
    }
    byId("layer").addEventListener("input", () => onChange({ layer: byId("layer").value }));
    byId("fusion").addEventListener("change", () => onChange({ head: byId("fusion").value }));
    byId("head").addEventListener("input", () => {
      const head = Number(byId("head").value);
      onChange({ head: head < 0 ? byId("fusion").value : String(head) });
    });
    byId("frame2").addEventListener("change", () => onChange({ frame2: byId("frame2").value }));
    byId("scale").addEventListener("change", () => this.changeScale());
    for (const id of ["least", "most"]) byId(id).addEventListener("change", () => this.changeScale());
  }

  changeScale() {
    const chosen = byId("scale").value;
    byId("limits").hidden = chosen !== "fixed";
    if (chosen !== "fixed") return this.onChange({ scale: chosen });
    const [least, most] = [Number(byId("least").value), Number(byId("most").value)];
    if (least < most) this.onChange({ scale: `${least}:${most}` });
    return undefined;
  }

  /** Fills a list; entries are [value, text]. */
  static fill(id, entries) {
    const wanted = JSON.stringify(entries);
    const list = byId(id);
    if (list.dataset.entries === wanted) return;
    list.dataset.entries = wanted;
    list.replaceChildren(...entries.map(([value, text]) => new Option(text, value)));
  }

  /** Shows a state. */
  show(state, { media, models, colormaps, model, layer }) {
    const files = media.map(({ id, name }) => [id, name]);
    Controls.fill("media", state.media ? files : [["", "No picture yet"], ...files]);
    Controls.fill("media2", [["", "the same"], ...files]);
    const names = models.map(({ name }) => [name, name]);
    Controls.fill("model", names);
    Controls.fill("model2", [["", "the same"], ...names]);
    Controls.fill("colormap", colormaps.map((name) => [name, name]));
    Controls.fill("method", model.methods.filter((name) => name in titles).map((name) => [name, titles[name]]));
    for (const id of ["media", "media2", "model2", "method", "headfusion", "of", "class", "neuron", "alpha",
      "colormap", "interpolation", "view", "frame2", "discard"]) {
      byId(id).value = state[id];
    }
    byId("model").value = model.name;
    byId("alpha-value").value = `${Math.round(state.alpha * 100)} %`;
    byId("discard-value").value = `${Math.round(state.discard * 100)} %`;
    const range = byId("layer");
    range.max = model.layers - 1;
    range.value = layer;
    byId("layer-value").value = `${layer} of 0–${model.layers - 1}`;
    const head = byId("head");
    head.max = model.heads - 1;
    head.value = isHead(state.head) ? state.head : -1;
    byId("head-value").value = isHead(state.head) ? state.head : "all";
    byId("fusion").value = isHead(state.head) ? "mean" : state.head;
    byId("fusion").disabled = isHead(state.head);
    this.showScale(state.scale);
    const shown = settings[state.method] ?? [];
    for (const row of document.querySelectorAll("[data-setting]")) {
      row.hidden = !shown.includes(row.dataset.setting);
    }
    byId("view").disabled = state.method === "layers";
  }

  showScale(scale) {
    const known = [...byId("scale").options].some(({ value }) => value === scale);
    byId("scale").value = known ? scale : "fixed";
    byId("limits").hidden = known;
    if (!known) [byId("least").value, byId("most").value] = scale.split(":");
  }
}
