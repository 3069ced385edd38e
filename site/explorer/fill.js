/** Push-pull, the fill without learning: the port of `eurosat_inpaint.baselines.push_pull`. */

import { SIZE } from "./masks.js";

// A coarse pixel is trusted fully when one of the four finer ones under it is known.
const ENOUGH_KNOWN = 4;

/**
 * Fill the holes from a pyramid of normalised averages, after Gortler et al., "The Lumigraph"
 * (SIGGRAPH 1996).
 *
 * @param {Float32Array} tile - 64 x 64 x 3 values in [0, 1]; what stands in holes is ignored.
 * @param {Uint8Array} mask - 64 x 64, 1 = known, 0 = hole.
 * @returns {Float32Array} the tile without holes; known pixels as they were.
 */
export function pushPull(tile, mask) {
  const finest = {
    size: SIZE,
    weight: Float32Array.from(mask),
    sums: new Float32Array(tile.length),
  };
  tile.forEach((value, k) => {
    finest.sums[k] = mask[Math.floor(k / 3)] ? value : 0;
  });
  const levels = [finest];
  while (levels.at(-1).size > 1) levels.push(halved(levels.at(-1)));
  let filled = normalised(levels.at(-1));
  for (const level of levels.slice(1, -1).reverse()) {
    const coarse = doubled(filled, level.size / 2);
    const own = normalised(level);
    filled = coarse.map((value, k) => {
      const confidence = Math.min(ENOUGH_KNOWN * level.weight[Math.floor(k / 3)], 1);
      return value + confidence * (own[k] - value);
    });
  }
  return doubled(filled, SIZE / 2).map((value, k) => (mask[Math.floor(k / 3)] ? tile[k] : value));
}

/** The mean of every four pixels. */
function halved({ size, weight, sums }) {
  const half = size / 2;
  const mean = (values, channels) =>
    Float32Array.from({ length: half * half * channels }, (_, k) => {
      const channel = k % channels;
      const pixel = Math.floor(k / channels);
      const corner = 2 * Math.floor(pixel / half) * size + 2 * (pixel % half);
      const at = (place) => values[place * channels + channel];
      return (at(corner) + at(corner + 1) + at(corner + size) + at(corner + size + 1)) / 4;
    });
  return { size: half, weight: mean(weight, 1), sums: mean(sums, 3) };
}

function normalised({ weight, sums }) {
  return sums.map((sum, k) => sum / Math.max(weight[Math.floor(k / 3)], 1e-12));
}

/** Twice the side, bilinearly interpolated between the pixels' centres. */
function doubled(values, size) {
  const nearAndFar = (pixel) => {
    const near = Math.floor(pixel / 2);
    const far = pixel % 2 ? near + 1 : near - 1;
    return [near, Math.min(Math.max(far, 0), size - 1)];
  };
  return Float32Array.from({ length: 4 * values.length }, (_, k) => {
    const pixel = Math.floor(k / 3);
    const [row, otherRow] = nearAndFar(Math.floor(pixel / (2 * size)));
    const [column, otherColumn] = nearAndFar(pixel % (2 * size));
    const at = (y, x) => values[(y * size + x) * 3 + (k % 3)];
    const along = (y) => 0.75 * at(y, column) + 0.25 * at(y, otherColumn);
    return 0.75 * along(row) + 0.25 * along(otherRow);
  });
}
