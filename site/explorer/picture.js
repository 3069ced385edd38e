/** A picture of one's own as a tile, as `eurosat_inpaint.data.read_tile` makes it. */

import { SIZE } from "./masks.js";

const MOST_BYTES = 64 * 2 ** 20;
const MOST_PIXELS = 40_000_000;
const WIDEST = 20;
// Lanczos' window reaches so far to each side, in pixels of the smaller picture.
const LOBES = 3;
const PRECISION = 2 ** 22;
const DAMAGED = "the picture must be an undamaged PNG or JPEG";

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
  requireFitting(new DataView(await file.arrayBuffer()));
  const picture = await decoded(file);
  const { width, height } = picture;
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  requireExact();
  context.drawImage(picture, 0, 0);
  picture.close();
  const { data } = context.getImageData(0, 0, width, height);
  for (let k = 3; k < data.length; k += 4) {
    if (data[k] < 255) throw new Error("the picture must have no transparent pixels");
  }
  return resized(data, width, height);
}

/** Raise an error for a picture that should not be decoded, by its header. */
function requireFitting(file) {
  const { width, height, bits, channels } = headerOf(file);
  if (bits > 8) throw new Error("the picture must have 8 bits per channel");
  if (channels > 3) throw new Error("the picture must be RGB or grey, not CMYK");
  if (width * height > MOST_PIXELS) {
    throw new Error("the picture must have at most 40 million pixels");
  }
  if (Math.max(width, height) > WIDEST * Math.min(width, height)) {
    throw new Error("no side of the picture may be more than 20 times the other");
  }
}

/** What a PNG or a JPEG says of itself; the channels of a PNG are told when it is decoded. */
function headerOf(file) {
  if (file.byteLength > 26 && file.getUint32(0) === 0x89504e47) {
    const [width, height] = [file.getUint32(16), file.getUint32(20)];
    return { width, height, bits: file.getUint8(24), channels: 3 };
  }
  if (file.byteLength < 4 || file.getUint16(0) !== 0xffd8) {
    throw new Error("the picture must be a PNG or JPEG");
  }
  for (let at = 2; at + 9 < file.byteLength;) {
    const kind = file.getUint16(at);
    // A frame, be it sequential or progressive; three of the kinds are tables.
    if (kind >= 0xffc0 && kind <= 0xffcf && ![0xffc4, 0xffc8, 0xffcc].includes(kind)) {
      const [height, width] = [file.getUint16(at + 5), file.getUint16(at + 7)];
      return { width, height, bits: file.getUint8(at + 4), channels: file.getUint8(at + 9) };
    }
    // Any number of bytes 0xff may come before a marker.
    at += kind === 0xffff ? 1 : 2 + file.getUint16(at + 2);
  }
  throw new Error(DAMAGED);
}

/** Some browsers change the pixels that a page reads, so that it cannot recognise its reader. */
function requireExact() {
  const context = new OffscreenCanvas(8, 8).getContext("2d", { willReadFrequently: true });
  const painted = new ImageData(8, 8);
  painted.data.forEach((_, k) => (painted.data[k] = k % 4 === 3 ? 255 : (7 * k) % 256));
  context.putImageData(painted, 0, 0);
  const { data } = context.getImageData(0, 0, 8, 8);
  if (painted.data.some((level, k) => level !== data[k])) {
    throw new Error("this browser lets no page read pixels as they are: allow it for this page");
  }
}

async function decoded(file) {
  try {
    // As it is stored: no colour profile is applied; but upright, as EXIF says.
    const settings = { colorSpaceConversion: "none", premultiplyAlpha: "none" };
    return await createImageBitmap(file, settings);
  } catch {
    throw new Error(DAMAGED);
  }
}

/** The middle square of levels (height, width, 4), resized; without the last channel. */
function resized(levels, width, height) {
  const side = Math.min(width, height);
  const across = taps((width - side) / 2, side, width);
  const down = taps((height - side) / 2, side, height);
  const narrow = new Uint8Array(height * SIZE * 3);
  for (let row = 0; row < height; row++) {
    weigh(narrow, row * SIZE, 1, across, levels, 4, row * width, 1);
  }
  const tile = new Uint8Array(SIZE * SIZE * 3);
  for (let column = 0; column < SIZE; column++) {
    weigh(tile, column, SIZE, down, narrow, 3, column, SIZE);
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
    return { first, weights: Float64Array.from(weights, whole) };
  });
}

/** Resize one row or column: 64 weighted sums, of three channels each. */
function weigh(target, start, step, windows, source, channels, sourceStart, sourceStep) {
  for (let pixel = 0; pixel < SIZE; pixel++) {
    const { first, weights } = windows[pixel];
    for (let channel = 0; channel < 3; channel++) {
      let place = (sourceStart + first * sourceStep) * channels + channel;
      let sum = PRECISION / 2;
      for (const weight of weights) {
        sum += weight * source[place];
        place += sourceStep * channels;
      }
      const level = Math.floor(sum / PRECISION);
      target[(start + pixel * step) * 3 + channel] = Math.min(Math.max(level, 0), 255);
    }
  }
}

function lanczos(x) {
  const sinc = (t) => (t === 0 ? 1 : Math.sin(t * Math.PI) / (t * Math.PI));
  return Math.abs(x) < LOBES ? sinc(x) * sinc(x / LOBES) : 0;
}
