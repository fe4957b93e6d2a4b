// What the page shows, as its address says it: `#media=dog.mp4&frame=75`; what is not there is as in `defaults`.

export const defaults = {
  media: "", frame: "0", model: "",
  // The second picture; shown where one of the three is there.
  media2: "", frame2: "", model2: "",
  method: "attention", layer: "", head: "mean", query: "",
  headfusion: "mean", discard: "0", of: "all", class: "top", neuron: "",
  view: "overlay", alpha: "0.6", colormap: "inferno", interpolation: "bilinear", scale: "frame",
};

/** The state of an address. Names that mean nothing are dropped. */
export function read(hash) {
  const state = { ...defaults };
  for (const [name, value] of new URLSearchParams(hash.replace(/^#/, ""))) {
    if (name in defaults) state[name] = value.slice(0, 500);
  }
  if (!/^\d{1,9}$/.test(state.frame)) state.frame = "0";
  return state;
}

/** The address of a state, without what is as usual. */
export function write(state) {
  const items = new URLSearchParams();
  for (const name of Object.keys(defaults)) {
    if (state[name] !== defaults[name]) items.set(name, state[name]);
  }
  return `#${items}`;
}

/** Whether there is a second picture beside the first. */
export const isCompared = (state) => Boolean(state.media2 || state.model2 || state.frame2);

/** Media, frame and model of the first (0) or the second (1) picture. */
export function side(state, index) {
  if (index === 0) return { media: state.media, frame: Number(state.frame), model: state.model };
  return {
    media: state.media2 || state.media,
    frame: Number(state.frame2 || (state.media2 ? 0 : state.frame)),
    model: state.model2 || state.model,
  };
}

/** A patch as [row, column]; null for every other query. */
export function patch(query) {
  const found = /^(\d+),(\d+)$/.exec(query);
  return found ? [Number(found[1]), Number(found[2])] : null;
}

/** Whether a head's number is chosen and no fusion of all. */
export const isHead = (head) => /^\d+$/.test(head);

/** The method and its options as the server takes them, which is as the command line does. */
export function methodItems(state, { layer, query }) {
  const items = { method: state.method };
  const chooseHeads = () => {
    if (isHead(state.head)) items.heads = state.head;
    else if (state.head !== "mean") items.fusion = state.head;
  };
  switch (state.method) {
    case "attention":
      if (state.layer !== "") items.layer = layer;
      chooseHeads();
      if (query) items.query = query;
      break;
    case "layers":
      chooseHeads();
      if (query) items.query = query;
      break;
    case "similarity":
      items.query = query || "cls";
      break;
    case "rollout":
    case "gradient-rollout":
      items["head-fusion"] = state.headfusion;
      if (Number(state.discard) > 0) items["discard-ratio"] = state.discard;
      if (state.method === "gradient-rollout") items.class = state.class;
      break;
    case "relevance":
      items.class = state.class;
      break;
    case "features":
      if (state.of !== "all") items["features-of"] = state.of;
      break;
    case "neuron":
      items.neuron = state.neuron;
      break;
    default:
      break;
  }
  return items;
}

/** How maps are shown, likewise. */
export function viewItems(state) {
  // Several maps of equal rank are a grid.
  const view = state.method === "layers" ? "heads" : state.view;
  const items = { view, alpha: state.alpha, colormap: state.colormap, interpolation: state.interpolation };
  if (state.scale !== "frame" || state.method === "neuron") items.scale = state.scale;
  return items;
}
