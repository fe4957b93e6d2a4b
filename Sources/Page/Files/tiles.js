// Small multiples: a button for each map, which shows it large.

const root = document.getElementById("tiles");

/**
 * @param tiles `{ name, map }` each, and what of the state it stands for.
 * @param isShown whether a tile's map is the large one.
 * @param onChoose told the tile that was chosen.
 * @param draw draws a map on a canvas.
 */
export function drawTiles(tiles, { isShown, onChoose, draw }) {
  while (root.children.length > tiles.length) root.lastElementChild.remove();
  while (root.children.length < tiles.length) {
    const button = document.createElement("button");
    button.append(document.createElement("canvas"), document.createElement("span"));
    root.append(button);
  }
  tiles.forEach((tile, i) => {
    const button = root.children[i];
    button.lastElementChild.textContent = tile.name;
    button.setAttribute("aria-pressed", String(isShown(tile)));
    button.onclick = () => onChoose(tile);
    draw(button.firstElementChild, tile.map);
  });
}
