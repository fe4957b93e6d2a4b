// Maps as pixels, with the program's own formulas, so that a copied command gives the same picture: 32-bit floats where
// it has them (Math.fround), the same interpolation, colour tables and rounding.

const f = Math.fround;

/** Where the pixels of one axis lie among the cells: `taps` cells from `first` on, with their weights. */
function axis(length, cells, cell, interpolation) {
  const first = new Int32Array(length);
  if (interpolation === "nearest") {
    for (let x = 0; x < length; x++) first[x] = Math.min(cells - 1, Math.floor((x + 0.5) / cell));
    return { first, taps: 1, weights: [] };
  }
  if (interpolation === "bilinear") {
    const share = new Float32Array(length);
    for (let x = 0; x < length; x++) {
      const place = Math.min(cells - 1, Math.max(0, (x + 0.5) / cell - 0.5));
      first[x] = Math.floor(place);
      share[x] = place - Math.floor(place);
    }
    return { first, taps: 2, weights: [share] };
  }
  // Keys' cubic with a = −0.75, as PyTorch has it.
  const near = (d) => (1.25 * d - 2.25) * d * d + 1;
  const far = (d) => ((-0.75 * d + 3.75) * d - 6) * d + 3;
  const weights = [0, 1, 2, 3].map(() => new Float32Array(length));
  for (let x = 0; x < length; x++) {
    const place = Math.min(cells, (x + 0.5) / cell - 0.5);
    const t = place - Math.floor(place);
    first[x] = Math.floor(place) - 1;
    [far(1 + t), near(t), near(1 - t), far(2 - t)].forEach((weight, tap) => { weights[tap][x] = weight; });
  }
  return { first, taps: 4, weights };
}

const axes = new Map();

/** The same, kept: a page asks for few. */
function keptAxis(...key) {
  const name = key.join();
  if (axes.size > 64) axes.clear();
  if (!axes.has(name)) axes.set(name, axis(...key));
  return axes.get(name);
}

/** One line of cells between rows, for the pixels of row y. */
function lineAt(y, map, rows, columns, vertical, line) {
  const at = (tap) => Math.max(0, Math.min(rows - 1, vertical.first[y] + tap)) * columns;
  const [a, b] = [at(0), at(1)];
  if (vertical.taps === 1) {
    for (let x = 0; x < columns; x++) line[x + 3] = map[a + x];
  } else if (vertical.taps === 2) {
    const w = vertical.weights[0][y];
    for (let x = 0; x < columns; x++) line[x + 3] = f(map[a + x] + w * f(map[b + x] - map[a + x]));
  } else {
    const [c, d] = [at(2), at(3)];
    const [wa, wb, wc, wd] = vertical.weights.map((weights) => weights[y]);
    for (let x = 0; x < columns; x++) {
      line[x + 3] = wa * map[a + x] + wb * map[b + x] + wc * map[c + x] + wd * map[d + x];
    }
  }
  for (let i = 0; i < 3; i++) {
    line[i] = line[3];
    line[columns + 3 + i] = line[columns + 2];
  }
}

/** Calls `row` for each row of pixels with the values of its pixels. */
function forEachRow({ map, rows, columns, height, width, cellHeight, cellWidth, interpolation }, row) {
  const vertical = keptAxis(height, rows, cellHeight, interpolation);
  const { first, taps, weights } = keptAxis(width, columns, cellWidth, interpolation);
  const line = new Float32Array(columns + 6);
  const values = new Float32Array(width);
  for (let y = 0; y < height; y++) {
    lineAt(y, map, rows, columns, vertical, line);
    if (taps === 1) {
      for (let x = 0; x < width; x++) values[x] = line[first[x] + 3];
    } else if (taps === 2) {
      const share = weights[0];
      for (let x = 0; x < width; x++) {
        const a = line[first[x] + 3];
        values[x] = a + share[x] * f(line[first[x] + 4] - a);
      }
    } else {
      const [wa, wb, wc, wd] = weights;
      for (let x = 0; x < width; x++) {
        const at = first[x] + 3;
        values[x] = wa[x] * line[at] + wb[x] * line[at + 1] + wc[x] * line[at + 2] + wd[x] * line[at + 3];
      }
    }
    row(y, values);
  }
}

/** What becomes heat 0 and 1: `frame`, `percentile:2:98`, `0:0.02`. Limits of a clip are here the frame's own. */
export function limits(map, scale) {
  const percentile = /percentile:([\d.]+):([\d.]+)$/.exec(scale);
  const fixed = /^(-?[\d.eE+-]+):(-?[\d.eE+-]+)$/.exec(scale);
  if (percentile) {
    const sorted = Float32Array.from(map.filter(Number.isFinite)).sort();
    const of = (share) => {
      const place = share * (sorted.length - 1);
      const low = Math.floor(place);
      const high = Math.min(low + 1, sorted.length - 1);
      return f(sorted[low] + f(f(place - low) * f(sorted[high] - sorted[low])));
    };
    return sorted.length ? [of(percentile[1] / 100), of(percentile[2] / 100)] : [0, 0];
  }
  if (fixed) return [f(Number(fixed[1])), f(Number(fixed[2]))];
  let [low, high] = [Infinity, -Infinity];
  for (const value of map) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return low <= high ? [low, high] : [0, 0];
}

/** A map as heat of 0 to 1; all 0 where it is constant. */
export function heat(map, scale) {
  const [low, high] = limits(map, scale);
  if (!(high > low)) return new Float32Array(map.length);
  const span = f(high - low);
  return map.map((value) => f(f(value - low) / span));
}

const whole = 2 ** 23;
let kept = {};

/** (1 − α)·under + α·colour to the nearest integer, of every colour of a table and every byte: [256, 3, 256]. */
function blends(table, alpha) {
  if (kept.table === table && kept.alpha === alpha) return kept.bytes;
  const share = Math.round(alpha * whole);
  const bytes = new Uint8Array(256 * 3 * 256);
  for (let color = 0; color < 768; color++) {
    const over = table[color] * share + whole / 2;
    for (let under = 0; under < 256; under++) {
      bytes[color * 256 + under] = (under * (whole - share) + over) / whole | 0;
    }
  }
  kept = { table, alpha, bytes };
  return bytes;
}

/**
 * Paints a heat map, over a picture or opaque.
 *
 * @param out bytes of RGBA, height × width.
 * @param picture the same of what is under it; null for none.
 * @param table 256 × 3 bytes.
 */
export function paintHeat(out, picture, table, alpha, grid) {
  const { width } = grid;
  const bytes = blends(table, picture ? alpha : 1);
  const pixels = new Uint32Array(out.buffer, out.byteOffset, out.length / 4);
  const ground = picture ? new Uint32Array(picture.buffer, picture.byteOffset, pixels.length) : pixels;
  forEachRow(grid, (y, values) => {
    let to = y * width;
    for (let x = 0; x < width; x++, to++) {
      const scaled = values[x] * 256;
      const color = (scaled > 0 ? (scaled < 255 ? scaled | 0 : 255) : 0) * 768;
      const under = ground[to];
      // Red comes first in memory.
      pixels[to] = 0xff000000 | bytes[color + 512 + (under >> 16 & 255)] << 16
        | bytes[color + 256 + (under >> 8 & 255)] << 8 | bytes[color + (under & 255)];
    }
  });
}

/** Paints three maps of 0 to 1 as red, green and blue. */
export function paintColors(out, picture, maps, alpha, grid) {
  const { width } = grid;
  const share = picture ? f(alpha) : 1;
  maps.forEach((map, channel) => {
    forEachRow({ ...grid, map }, (y, values) => {
      let to = y * width * 4 + channel;
      for (let x = 0; x < width; x++, to += 4) {
        const color = f(255 * Math.min(1, Math.max(0, values[x])));
        const under = picture ? picture[to] : 0;
        out[to] = f(under + f(share * f(color - under)) + 0.5) | 0;
        if (channel === 0) out[to + 3] = 255;
      }
    });
  });
}

/** Frames a cell in white between two dark lines. */
export function paintMarker(out, row, column, { height, width, cellHeight, cellWidth }) {
  const line = Math.max(1, Math.round(Math.min(height, width) / 400));
  const span = (index, cell) => {
    const side = Math.max(Math.round(cell) + 2 * line, 11 * line);
    const first = Math.round((index + 0.5) * cell - side / 2);
    return [first, first + side];
  };
  const [top, bottom] = span(row, cellHeight);
  const [left, right] = span(column, cellWidth);
  for (let y = Math.max(0, top); y < Math.min(height, bottom); y++) {
    for (let x = Math.max(0, left); x < Math.min(width, right); x++) {
      const depth = Math.min(y - top, bottom - 1 - y, x - left, right - 1 - x);
      if (depth >= 3 * line) continue;
      out.fill(Math.floor(depth / line) === 1 ? 255 : 0, (y * width + x) * 4, (y * width + x) * 4 + 3);
    }
  }
}
