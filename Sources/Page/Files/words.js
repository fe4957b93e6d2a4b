// What is shown, in words.

import { isHead, patch } from "./state.js";

/** A query as people call it: "patch 12, 20", "class token". */
export function named(query) {
  if (patch(query)) return `patch ${query.replace(",", ", ")}`;
  return { cls: "class token", mean: "all patches, mean", probe: "pooling probe" }[query] ?? query;
}

/**
 * What a pane shows.
 *
 * @param item the picture's file, as the server describes it.
 * @param isOfFirst whether similarity is with a patch of the first picture.
 */
export function caption(pane, item, state, layer, query, isOfFirst) {
  const from = named(query);
  const head = isHead(state.head) ? `head ${state.head}` : state.head;
  const what = {
    attention: `attention from ${from}, layer ${layer}, ${head}`,
    layers: `attention from ${from} in every layer`,
    similarity: `similarity with ${from}${isOfFirst ? " of the first" : ""}`,
  }[state.method] ?? state.method;
  const frame = item?.kind === "video" ? `, frame ${pane.frame}` : "";
  return `${item?.name ?? ""}${frame} · ${pane.model.name} · ${what}`;
}
