/** Scores in the holes of a tile, as of `eurosat_inpaint.metrics` with a mask given. */

import { SIZE } from "./masks.js";

const PSNR_CAP = 100;
// A Gaussian of deviation 1.5, cut at 3.5 deviations: five pixels to each side.
const REACH = 5;
const WINDOW = Array.from({ length: 2 * REACH + 1 }, (_, k) =>
  Math.exp(-0.5 * ((k - REACH) / 1.5) ** 2),
);
const WINDOW_SUM = WINDOW.reduce((sum, weight) => sum + weight);

/**
 * @param {Float32Array} tile - the truth, 64 x 64 x 3 values in [0, 1].
 * @param {Float32Array} restored - same length.
 * @param {Uint8Array} mask - 64 x 64, 1 = known, 0 = hole; with a hole at least.
 * @returns {{mse: number, mae: number, psnr: number, ssim: number}}
 */
export function scoresInHoles(tile, restored, mask) {
  const inHoles = (values) => {
    let [sum, count] = [0, 0];
    for (let k = 0; k < values.length; k++) {
      if (!mask[Math.floor(k / 3)]) [sum, count] = [sum + values[k], count + 1];
    }
    return sum / count;
  };
  const errors = Float64Array.from(tile, (value, k) => value - restored[k]);
  const mse = inHoles(errors.map((error) => error ** 2));
  return {
    mse,
    mae: inHoles(errors.map(Math.abs)),
    psnr: Math.min(-10 * Math.log10(mse), PSNR_CAP),
    ssim: inHoles(similarities(tile, restored)),
  };
}

/** Structural similarity of every value, after Wang et al. (IEEE TIP 2004). */
function similarities(tile, restored) {
  const found = new Float64Array(tile.length);
  for (let channel = 0; channel < 3; channel++) {
    const [x, y] = [tile, restored].map((values) =>
      Float64Array.from({ length: SIZE * SIZE }, (_, k) => values[3 * k + channel]),
    );
    const product = (a, b) => smoothed(a.map((value, k) => value * b[k]));
    const [meanX, meanY] = [smoothed(x), smoothed(y)];
    const [xx, yy, xy] = [product(x, x), product(y, y), product(x, y)];
    for (let k = 0; k < meanX.length; k++) {
      const both = meanX[k] * meanY[k];
      const squares = meanX[k] ** 2 + meanY[k] ** 2;
      const luminance = (2 * both + 0.01 ** 2) / (squares + 0.01 ** 2);
      const structure = (2 * (xy[k] - both) + 0.03 ** 2) / (xx[k] + yy[k] - squares + 0.03 ** 2);
      found[3 * k + channel] = luminance * structure;
    }
  }
  return found;
}

/** Weighted means over the window around every pixel; beyond the border the tile is mirrored. */
function smoothed(values) {
  const along = (source, step, across) => {
    const result = new Float64Array(source.length);
    for (let line = 0; line < SIZE; line++) {
      for (let place = 0; place < SIZE; place++) {
        let sum = 0;
        for (let k = -REACH; k <= REACH; k++) {
          sum += WINDOW[k + REACH] * source[line * across + mirrored(place + k) * step];
        }
        result[line * across + place * step] = sum / WINDOW_SUM;
      }
    }
    return result;
  };
  return along(along(values, SIZE, 1), 1, SIZE);
}

function mirrored(place) {
  if (place < 0) return -1 - place;
  return place < SIZE ? place : 2 * SIZE - 1 - place;
}
