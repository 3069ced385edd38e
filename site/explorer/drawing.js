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
 * @param {(pixel: number[] | null) => void} hands.move - the pixel of the keyboard's brush, while
 *   it is in use.
 */
export function letPaint(canvas, { begin, paint, move }) {
  let stroke = null; // {pointer, last}: of the pointer that began it; others are ignored
  let brush = [SIZE / 2, SIZE / 2];
  const placeOf = (event) => {
    const box = canvas.getBoundingClientRect();
    const part = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
    return part.map((along) => along * SIZE);
  };
  const pixelOf = (place) => place.map((at) => Math.min(Math.max(Math.floor(at), 0), SIZE - 1));
  let isShown = false;
  const show = (pixel) => {
    isShown = pixel !== null;
    move(pixel);
  };
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || stroke) return;
    canvas.setPointerCapture(event.pointerId);
    stroke = { pointer: event.pointerId, last: placeOf(event) };
    begin();
    paint(stroke.last, stroke.last);
    show(null);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (event.pointerId !== stroke?.pointer) return;
    // A quick hand moves on between two pictures of the screen.
    const passed = event.getCoalescedEvents?.() ?? [];
    for (const each of passed.length ? passed : [event]) {
      const place = placeOf(each);
      paint(stroke.last, place);
      stroke.last = place;
    }
  });
  // A menu that opens takes the pointer, and its release, elsewhere.
  for (const end of ["pointerup", "pointercancel", "lostpointercapture"]) {
    canvas.addEventListener(end, (event) => {
      if (event.pointerId !== stroke?.pointer) return;
      // The keyboard goes on from there.
      brush = pixelOf(stroke.last);
      stroke = null;
    });
  }

  canvas.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const step = STEPS[event.key];
    if (!step && event.key !== " ") return;
    event.preventDefault();
    if (step) {
      brush = pixelOf(brush.map((place, axis) => place + step[axis]));
    } else if (isShown) {
      // Nobody paints where they do not see it.
      if (!event.repeat) begin();
      const middle = brush.map((place) => place + 0.5);
      paint(middle, middle);
    }
    show(brush);
  });
  canvas.addEventListener("focus", () => canvas.matches(":focus-visible") && show(brush));
  canvas.addEventListener("blur", () => show(null));
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
