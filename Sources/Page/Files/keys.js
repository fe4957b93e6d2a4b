// The keyboard: on a picture the arrows move the patch, elsewhere left and right go through the frames.

const arrows = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

/**
 * @param onMove told the rows and columns that the patch moves by.
 * @param onBack told that the class token is wanted.
 * @param onStep told how many frames to go.
 */
export function listenToKeys({ onMove, onBack, onStep }) {
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const isOnPicture = event.target.matches?.(".pane canvas");
    const isOnField = event.target.matches?.("input, select, textarea");
    if (event.key === "Escape") onBack();
    else if (isOnPicture && arrows[event.key]) onMove(arrows[event.key]);
    else if (!isOnField && (event.key === "," || event.key === "ArrowLeft")) onStep(-1);
    else if (!isOnField && (event.key === "." || event.key === "ArrowRight")) onStep(1);
    else return;
    event.preventDefault();
  });
}
