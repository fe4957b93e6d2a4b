// What follows of a frame's queries, keys and tokens without another pass. Maps are Float32Arrays of rows × columns.

/**
 * softmax(q·Kᵀ/√d) of one token to the patches, a map a head.
 *
 * @param qk [2, tokens, D]: the queries of all tokens, then their keys, as attention multiplies them.
 */
export function attentionOf(token, qk, { tokens, width, heads, special }) {
  const headWidth = width / heads;
  const scale = 1 / Math.sqrt(headWidth);
  const scores = new Float64Array(tokens);
  const maps = [];
  for (let head = 0; head < heads; head++) {
    const query = qk.subarray(token * width + head * headWidth, token * width + (head + 1) * headWidth);
    let most = -Infinity;
    for (let other = 0; other < tokens; other++) {
      const key = (tokens + other) * width + head * headWidth;
      let sum = 0;
      for (let i = 0; i < headWidth; i++) sum += query[i] * qk[key + i];
      scores[other] = sum * scale;
      if (scores[other] > most) most = scores[other];
    }
    let sum = 0;
    for (let other = 0; other < tokens; other++) {
      scores[other] = Math.exp(scores[other] - most);
      sum += scores[other];
    }
    const map = new Float32Array(tokens - special);
    for (let patch = 0; patch < map.length; patch++) map[patch] = scores[special + patch] / sum;
    maps.push(map);
  }
  return maps;
}

/** Several maps as one: their mean, least or largest value. */
export function fuse(maps, how) {
  const fused = Float32Array.from(maps[0]);
  for (const map of maps.slice(1)) {
    for (let i = 0; i < fused.length; i++) {
      if (how === "min") fused[i] = Math.min(fused[i], map[i]);
      else if (how === "max") fused[i] = Math.max(fused[i], map[i]);
      else fused[i] += map[i];
    }
  }
  if (how !== "min" && how !== "max") {
    const share = Math.fround(1 / maps.length);
    for (let i = 0; i < fused.length; i++) fused[i] *= share;
  }
  return fused;
}

/** A token's vector out of [tokens, D]. */
export const vectorOf = (token, tokens, width) => tokens.subarray(token * width, (token + 1) * width);

/** The cosine of each patch's vector with another one; 0 where either has no length. */
export function cosines(vector, tokens, { width, special }) {
  const map = new Float32Array(tokens.length / width - special);
  let own = 0;
  for (const value of vector) own += value * value;
  own = Math.sqrt(own);
  for (let patch = 0; patch < map.length; patch++) {
    const start = (special + patch) * width;
    let product = 0;
    let square = 0;
    for (let i = 0; i < width; i++) {
      const value = tokens[start + i];
      product += value * vector[i];
      square += value * value;
    }
    const length = Math.sqrt(square) * own;
    map[patch] = length > 0 ? product / length : 0;
  }
  return map;
}
