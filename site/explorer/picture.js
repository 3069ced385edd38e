/** A picture of one's own as a tile, as `eurosat_inpaint.data.read_tile` makes it. */

import { SIZE } from "./masks.js";

const MOST_BYTES = 64 * 2 ** 20;
const MOST_PIXELS = 40_000_000;
const WIDEST = 20;
// Lanczos' window reaches so far to each side, in pixels of the smaller picture.
const LOBES = 3;
const PRECISION = 2 ** 22;

/**
 * The middle square of a picture, resized to 64 x 64 pixels by Lanczos' window with Pillow's
 * rounding. Nothing of it leaves the page.
 *
 * @param {Blob} file - a PNG or JPEG.
 * @returns {Promise<Uint8Array>} 64 x 64 x 3 levels.
 * @throws {Error} with a sentence for the reader, if the picture cannot be taken.
 */
export async function readTile(file) {
  if (file.size > MOST_BYTES) throw new Error("the picture must have at most 64 MiB");
  if (!(await isPngOrJpeg(file))) throw new Error("the picture must be a PNG or JPEG");
  const picture = await decoded(file);
  const { width, height } = picture;
  if (width * height > MOST_PIXELS)
    throw new Error("the picture must have at most 40 million pixels");
  if (Math.max(width, height) > WIDEST * Math.min(width, height)) {
    throw new Error("no side of the picture may be more than 20 times the other");
  }
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(picture, 0, 0);
  const { data } = context.getImageData(0, 0, width, height);
  const levels = new Uint8Array(width * height * 3);
  for (let k = 0; k < width * height; k++) {
    if (data[4 * k + 3] < 255) throw new Error("the picture must have no transparent pixels");
    levels.set(data.subarray(4 * k, 4 * k + 3), 3 * k);
  }
  return resized(levels, width, height);
}

async function isPngOrJpeg(file) {
  const start = new Uint8Array(await file.slice(0, 4).arrayBuffer()).join();
  return start === "137,80,78,71" || start.startsWith("255,216,255");
}

async function decoded(file) {
  try {
    // As it is stored: no colour profile is applied; but upright, as EXIF says.
    const settings = { colorSpaceConversion: "none", premultiplyAlpha: "none" };
    return await createImageBitmap(file, settings);
  } catch {
    throw new Error("the picture must be an undamaged PNG or JPEG");
  }
}

/** The middle square of levels (height, width, 3), resized. */
function resized(levels, width, height) {
  const side = Math.min(width, height);
  const across = taps((width - side) / 2, side, width);
  const down = taps((height - side) / 2, side, height);
  const narrow = new Uint8Array(height * SIZE * 3);
  for (let row = 0; row < height; row++) {
    weigh(narrow, row * SIZE, 1, across, levels, row * width, 1);
  }
  const tile = new Uint8Array(SIZE * SIZE * 3);
  for (let column = 0; column < SIZE; column++) {
    weigh(tile, column, SIZE, down, narrow, column, SIZE);
  }
  return tile;
}

/** For each of the 64 pixels, where its window begins, and the weights in it, as whole numbers. */
function taps(start, side, length) {
  const scale = side / SIZE;
  const stretch = Math.max(scale, 1);
  return Array.from({ length: SIZE }, (_, pixel) => {
    const centre = start + (pixel + 0.5) * scale;
    const first = Math.max(Math.trunc(centre - LOBES * stretch + 0.5), 0);
    const after = Math.min(Math.trunc(centre + LOBES * stretch + 0.5), length);
    const weights = Array.from({ length: after - first }, (_, k) =>
      lanczos((first + k - centre + 0.5) / stretch),
    );
    const sum = weights.reduce((total, weight) => total + weight);
    const whole = (weight) => Math.trunc((weight / sum) * PRECISION + Math.sign(weight / sum) / 2);
    return { first, weights: weights.map(whole) };
  });
}

/** Resize one row or column: 64 weighted sums of three channels. */
function weigh(target, start, step, windows, source, sourceStart, sourceStep) {
  windows.forEach(({ first, weights }, pixel) => {
    for (let channel = 0; channel < 3; channel++) {
      let sum = PRECISION / 2;
      weights.forEach((weight, k) => {
        sum += weight * source[(sourceStart + (first + k) * sourceStep) * 3 + channel];
      });
      const level = Math.floor(sum / PRECISION);
      target[(start + pixel * step) * 3 + channel] = Math.min(Math.max(level, 0), 255);
    }
  });
}

function lanczos(x) {
  const sinc = (t) => (t === 0 ? 1 : Math.sin(t * Math.PI) / (t * Math.PI));
  return Math.abs(x) < LOBES ? sinc(x) * sinc(x / LOBES) : 0;
}
