/** Drawing on a picture of 64 x 64 pixels: by mouse, finger, pen or keyboard. */

import { SIZE } from "./masks.js";

const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/**
 * Let the reader paint on a canvas.
 *
 * @param {HTMLCanvasElement} canvas - of 64 x 64 pixels, shown at any size.
 * @param {Object} hands
 * @param {() => void} hands.begin - a stroke begins.
 * @param {(from: number[], to: number[]) => void} hands.paint - of the stroke, from one place to
 *   the next, as column and row in pixels.
 * @param {(at: number[] | null) => void} hands.move - where the keyboard's brush is now.
 */
export function letPaint(canvas, { begin, paint, move }) {
  let last = null;
  const placeOf = (event) => {
    const box = canvas.getBoundingClientRect();
    const part = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
    return part.map((along) => along * SIZE);
  };
  const stop = () => (last = null);
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    canvas.setPointerCapture(event.pointerId);
    last = placeOf(event);
    begin();
    paint(last, last);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!last) return;
    // A quick hand moves on between two pictures of the screen.
    const passed = event.getCoalescedEvents?.() ?? [];
    for (const each of passed.length ? passed : [event]) {
      const place = placeOf(each);
      paint(last, place);
      last = place;
    }
  });
  for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, stop);

  let brush = [SIZE / 2, SIZE / 2]; // a pixel
  canvas.addEventListener("keydown", (event) => {
    const step = STEPS[event.key];
    if (step) {
      brush = brush.map((place, axis) => Math.min(Math.max(place + step[axis], 0), SIZE - 1));
      move(brush);
    } else if (event.key === " ") {
      begin();
      const middle = brush.map((place) => place + 0.5);
      paint(middle, middle);
    } else {
      return;
    }
    event.preventDefault();
  });
  canvas.addEventListener("focus", () => canvas.matches(":focus-visible") && move(brush));
  canvas.addEventListener("blur", () => move(null));
}

/**
 * Set all pixels of a mask within half a brush of a straight line.
 *
 * @param {Uint8Array} mask - 64 x 64, changed in place.
 * @param {number[]} from - column and row, in pixels.
 * @param {number[]} to - the same.
 * @param {number} width - of the brush, in pixels; the pixel under the line is always set.
 * @param {number} value - 0 for a hole, 1 for known.
 */
export function paintLine(mask, from, to, width, value) {
  const [x, y] = from;
  const [across, down] = [to[0] - x, to[1] - y];
  const length = across ** 2 + down ** 2;
  const reach = Math.max(width / 2, Math.SQRT1_2);
  for (let k = 0; k < mask.length; k++) {
    const [column, row] = [(k % SIZE) + 0.5 - x, Math.floor(k / SIZE) + 0.5 - y];
    const along = length ? Math.min(Math.max((column * across + row * down) / length, 0), 1) : 0;
    if (Math.hypot(column - along * across, row - along * down) <= reach) mask[k] = value;
  }
}
