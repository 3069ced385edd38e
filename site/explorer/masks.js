/**
 * The mask families of `eurosat_inpaint.masks`, bit for bit: 1 = known, 0 = hole. A mask is a
 * Uint8Array of 64 x 64 pixels, row by row.
 *
 * Each function is the port of the Python function of its name, which says what it does and where
 * it comes from. Only one mask is drawn at a time: the first of its seed.
 */

import { Generator } from "./random.js";

export const SIZE = 64;
const LAST = SIZE - 1;
const PIXELS = SIZE * SIZE;
const SHAPES_PER_TURN = 8;
const MOST_TURNS = 1000;
const TURNS_WITHOUT_ANY = 100;
const SHAPES_TO_JUDGE_BY = 100;
const UNIT = 4096;
const PIECES = 8;
const POINTS = 16;
const PARTS = 4096;
const WEIGHT = 256;

/**
 * Draw the first mask of a seed.
 *
 * @param {string} family - a name in FAMILIES.
 * @param {Object} parameters - of the family's function, by their Python names; null is None.
 * @param {number} seed - 0 or more.
 * @throws {RangeError} if there is none of these parameters, in the words of the Python function.
 */
export function makeMask(family, parameters, seed) {
  return FAMILIES[family](parameters, seed);
}

/** Fraction of known pixels. */
export function coverage(mask) {
  return mask.reduce((sum, known) => sum + known, 0) / mask.length;
}

const FAMILIES = {
  lines({ lines, thickness, include_last_column, coverage }, seed) {
    const columns = include_last_column ? SIZE : LAST;
    if (coverage !== null) {
      const shape = ([top, bottom]) =>
        line(Math.trunc(top * columns), Math.trunc(bottom * columns), thickness);
      return join([shape, 2], SIZE, { fraction: coverage, seed });
    }
    const generator = new Generator(seed);
    const mask = new Uint8Array(PIXELS);
    for (let number = 0; number < lines; number++) {
      const top = generator.integer(columns);
      paint(mask, line(top, generator.integer(columns), thickness));
    }
    return mask;
  },

  free_lines({ lines, thickness, angles, coverage }, seed) {
    const [lowest, highest] = angles;
    const shape = ([turn, place]) => {
      const radians = (lowest + turn * (highest - lowest)) * (Math.PI / 180);
      const across = [Math.sin(radians), Math.cos(radians)];
      return strip(...across.map((part) => Math.floor(part * UNIT + 0.5)), place, thickness);
    };
    return join([shape, 2], SIZE, { count: lines, fraction: coverage, seed });
  },

  scan_line_gaps({ period, widest_gap, scene_width, tilt, position }, seed) {
    if (widest_gap >= period) {
      throw new RangeError(`widest_gap must be less than period, ${period}, got ${widest_gap}`);
    }
    const generator = new Generator(seed);
    const slope = Math.floor(PARTS * Math.tan(tilt * (Math.PI / 180)) + 0.5);
    const start = integerFrom(generator.random(), 0, PARTS * period - 1);
    const place = generator.random();
    const tiles = Math.floor(scene_width / SIZE);
    const left =
      position === null
        ? integerFrom(place, 0, tiles - 1) * SIZE + Math.floor((scene_width % SIZE) / 2)
        : Math.floor(((position + 1) / 2) * (scene_width - SIZE) + 0.5);
    return maskOf((row, x) => {
      const column = left + x;
      const aside = 2 * column - (scene_width - 1);
      const shift = start - slope * column + (aside > 0 ? Math.floor((PARTS * period) / 2) : 0);
      const below = modulo(PARTS * row + shift, PARTS * period);
      const fromGap = Math.min(below, PARTS * period - below);
      return 2 * scene_width * fromGap >= PARTS * widest_gap * Math.abs(aside);
    });
  },

  clouds({ coverage, scale, octaves, roughness }, seed) {
    const generator = new Generator(seed);
    const corner = [0, 1].map(() => integerFrom(generator.random(), 0, scale - 1));
    const noise = new Float64Array(PIXELS);
    let strength = 1;
    for (let octave = 0; octave < octaves && 2 ** octave <= scale; octave++) {
      const spacing = scale / 2 ** octave;
      const points = Math.floor((SIZE + scale - 1) / spacing) + 2;
      const values = generator.uniforms(points ** 2).map((u) => integerFrom(u, 0, 4095));
      addLayer(noise, values, points, spacing, corner, Math.floor(strength * WEIGHT + 0.5));
      strength *= roughness;
    }
    const known = Math.min(Math.max(Math.round(coverage * PIXELS), 1), PIXELS - 1);
    return lowest(noise, known);
  },

  boxes({ boxes, sides, coverage }, seed) {
    const shape = (uniforms) => {
      const [height, width] = uniforms.slice(0, 2).map((u) => integerFrom(u, ...sides));
      const top = integerFrom(uniforms[2], 1 - height, LAST);
      const left = integerFrom(uniforms[3], 1 - width, LAST);
      const right = left + width - 1;
      return rowsOf(SIZE, (row) => (row >= top && row < top + height ? [left, right] : [0, -1]));
    };
    return inverted(join([shape, 4], SIZE, { count: boxes, fraction: holes(coverage), seed }));
  },

  brush_strokes({ strokes, widths, coverage }, seed) {
    const parts = [stroke(widths), 4 + 2 * PIECES];
    return inverted(join(parts, SIZE, { count: strokes, fraction: holes(coverage), seed }));
  },

  random_pixels({ coverage }, seed) {
    const uniforms = new Generator(seed).uniforms(PIXELS);
    const mask = Uint8Array.from(uniforms, (u) => u < coverage);
    const by = (compare) => uniforms.reduce((b, u, k) => (compare(u, uniforms[b]) ? k : b), 0);
    mask[by((u, best) => u < best)] = 1;
    mask[by((u, best) => u > best)] = 0;
    return mask;
  },

  dead_columns({ groups, widest, coverage }, seed) {
    const shape = ([first, second]) => {
      const width = integerFrom(first, 1, widest);
      const left = integerFrom(second, 1 - width, LAST);
      return rowsOf(1, () => [left, left + width - 1]);
    };
    const settings = { count: groups, fraction: holes(coverage), seed };
    const alive = inverted(join([shape, 2], 1, settings));
    return maskOf((row, column) => alive[column]);
  },
};

/** Pixels from a function of row and column. */
function maskOf(isSet) {
  return Uint8Array.from({ length: PIXELS }, (_, k) => isSet(Math.floor(k / SIZE), k % SIZE));
}

/** Rows of pixels, each set from a first to a last column, which may lie outside. */
function rowsOf(rows, interval) {
  const pixels = new Uint8Array(rows * SIZE);
  for (let row = 0; row < rows; row++) {
    const [first, last] = interval(row);
    pixels.fill(
      1,
      row * SIZE + clipped(first),
      row * SIZE + Math.max(clipped(first), clipped(last + 1)),
    );
  }
  return pixels;
}

/** Join random shapes: `count` of them, or as many as come nearest to a `fraction`. */
function join([shape, numbers], rows, { count, fraction, seed }) {
  const draw = (generator) => [shape(Array.from(generator.uniforms(numbers)))].flat();
  if (fraction !== null) return joinUntil(draw, rows * SIZE, fraction, seed);
  const generator = new Generator(seed);
  const mask = new Uint8Array(rows * SIZE);
  for (let number = 0; number < count; number++) {
    for (const part of draw(generator)) paint(mask, part);
  }
  return mask;
}

/** Join shapes until the part of the pixels that is painted comes as near as it gets. */
function joinUntil(draw, everything, fraction, seed) {
  const wanted = fraction * everything;
  const mask = new Uint8Array(everything);
  let [painted, drawn, fitting, area] = [0, 0, 0, 0];
  for (let turn = 0; turn < MOST_TURNS; turn++) {
    const generator = new Generator([seed, turn]);
    const shapes = Array.from({ length: SHAPES_PER_TURN }, () => draw(generator)).flat();
    const added = shapes.filter((shape) => shape.includes(0));
    if (fitting < SHAPES_TO_JUDGE_BY) {
      drawn += shapes.length;
      fitting += added.length;
      area += added.reduce((sum, shape) => sum + areaOf(shape), 0);
    }
    for (const shape of added) {
      const after = painted + newIn(shape, mask);
      if (after >= wanted) {
        const nearerBefore = after - wanted > wanted - painted;
        const isBack = painted > 0 && (nearerBefore || after === everything);
        if (!isBack) paint(mask, shape);
        return mask;
      }
      paint(mask, shape);
      painted = after;
    }
    if (fitting === 0 && turn >= TURNS_WITHOUT_ANY) break;
    if (fitting >= SHAPES_TO_JUDGE_BY) {
      const left = (MOST_TURNS - turn) * shapes.length;
      const missed = Math.max(0, 1 - (2 * area) / drawn / everything) ** left;
      if ((1 - painted / everything) * missed > 1 - fraction) break;
    }
  }
  throw new RangeError("coverage must be one that shapes of this size can reach on such a tile");
}

function paint(mask, shape) {
  for (let k = 0; k < mask.length; k++) mask[k] |= shape[k];
}

function areaOf(shape) {
  let area = 0;
  for (const pixel of shape) area += pixel;
  return area;
}

/** How many pixels of a shape are not in the mask yet. */
function newIn(shape, mask) {
  let count = 0;
  for (let k = 0; k < mask.length; k++) count += shape[k] & (1 - mask[k]);
  return count;
}

/** A line from the top to the bottom row, as OpenCV draws it. */
function line(top, bottom, thickness) {
  const slope = Math.abs(bottom - top) / LAST;
  const length = Math.sqrt(1 + slope ** 2);
  const reach = thickness === 1 ? 0 : (thickness + (thickness % 2)) / 2;
  const exact = (reach * slope) / length;
  const rounded = Math.floor(exact + 0.5);
  return rowsOf(SIZE, (row) => {
    const down = row / LAST;
    const centre = top + ((bottom - top) * row) / LAST;
    const ahead = Math.max(rounded, exact * (1 - down) + rounded * down);
    const behind = Math.max(rounded, exact * down + rounded * (1 - down));
    const [onLeft, onRight] = bottom >= top ? [behind, ahead] : [ahead, behind];
    const left = centre - reach / length - slope * onLeft - 0.5;
    const right = centre + reach / length + slope * onRight + 0.5;
    return [Math.ceil(left), Math.ceil(right) - 1];
  });
}

/** A straight strip across the tile, in whole numbers throughout. */
function strip(columnPart, rowPart, place, thickness) {
  const farthest = (Math.abs(columnPart) + Math.abs(rowPart)) * LAST;
  const sign = columnPart < 0 ? -1 : 1;
  const middle = sign * integerFrom(place, -farthest, farthest);
  [columnPart, rowPart] = [sign * columnPart, sign * rowPart];
  return rowsOf(SIZE, (row) => {
    const low = middle - thickness * UNIT - rowPart * (2 * row - LAST);
    const high = low + 2 * thickness * UNIT;
    if (columnPart === 0) return low <= 0 && high > 0 ? [0, LAST] : [0, -1];
    const [first, after] = [low, high].map((end) =>
      Math.ceil((end + columnPart * LAST) / (2 * columnPart)),
    );
    return [first, after - 1];
  });
}

/** A function from uniforms to the pieces of one brush stroke. */
function stroke(widths) {
  return (uniforms) => {
    const turns = uniforms.slice(4, 4 + PIECES).map((u) => (Math.PI / 2) * (2 * u - 1));
    const lengths = uniforms.slice(4 + PIECES).map((u) => POINTS * (4 + u * 8));
    const [columns, rows] = strokePoints(uniforms, turns, lengths);
    const reach = integerFrom(uniforms[3], ...widths) / 2;
    return lengths.map((_, k) => piece(columns[k], rows[k], columns[k + 1], rows[k + 1], reach));
  };
}

function strokePoints(start, turns, lengths) {
  const last = POINTS * LAST;
  const places = [0, 1].map((axis) => [integerFrom(start[axis], 0, last)]);
  let turned = 0;
  turns.forEach((turn, k) => {
    turned = k ? turned + turn : turn;
    const direction = 2 * Math.PI * start[2] + turned;
    [Math.cos(direction), Math.sin(direction)].forEach((along, axis) => {
      places[axis].push(places[axis][k] + Math.floor(lengths[k] * along + 0.5));
    });
  });
  // A triangle wave: the border throws the stroke back.
  const [columns, rows] = places.map((path) =>
    path.map((place) => last - Math.abs(modulo(place, 2 * last) - last)),
  );
  const alternating = rows.map((row, k) => row - (row % 2) + (k % 2));
  return [columns, alternating].map((path) => path.map((place) => place / POINTS));
}

/** Pixels within `reach` of a straight piece from (x, y) to (toX, toY). */
function piece(x, y, toX, toY, reach) {
  const [across, down] = [toX - x, toY - y];
  const aside = (reach * across * Math.sign(down)) / Math.sqrt(across ** 2 + down ** 2);
  return rowsOf(SIZE, (row) => {
    const below = row - y;
    const ends = [(below - reach) / down, (below + reach) / down];
    const begin = Math.max(Math.min(...ends), 0);
    const end = Math.min(Math.max(...ends), 1);
    if (begin > end) return [0, -1];
    const edge = (sign) => {
      const at = Math.min(Math.max((below + sign * aside) / down, begin), end);
      const half = Math.sqrt(Math.max(reach ** 2 - (below - at * down) ** 2, 0));
      return x + at * across + sign * half;
    };
    return [Math.ceil(edge(-1)), Math.floor(edge(1))];
  });
}

/** Add a layer of value noise, in whole numbers. */
function addLayer(noise, values, points, spacing, corner, strength) {
  const [rows, columns] = corner.map((first) =>
    Array.from({ length: SIZE }, (_, pixel) => {
      const place = (first + pixel) / spacing;
      const left = Math.floor(place);
      const part = place - left;
      const weight = Math.floor(WEIGHT * part * part * (3 - 2 * part) + 0.5);
      return [
        [left, WEIGHT - weight],
        [left + 1, weight],
      ];
    }),
  );
  for (let k = 0; k < PIXELS; k++) {
    let sum = 0;
    for (const [i, down] of rows[Math.floor(k / SIZE)]) {
      for (const [j, across] of columns[k % SIZE]) sum += down * values[i * points + j] * across;
    }
    noise[k] += strength * sum;
  }
}

/** Where the `count` lowest stand; of equal ones the first are taken. */
function lowest(values, count) {
  const order = Array.from(values.keys()).sort((a, b) => values[a] - values[b] || a - b);
  const mask = new Uint8Array(values.length);
  for (const place of order.slice(0, count)) mask[place] = 1;
  return mask;
}

function inverted(pixels) {
  return pixels.map((pixel) => 1 - pixel);
}

function holes(coverage) {
  return coverage === null ? null : 1 - coverage;
}

/** A whole number from `lowest` to `highest`, both included, from a number in [0, 1). */
function integerFrom(uniform, lowest, highest) {
  return lowest + Math.trunc(uniform * (highest - lowest + 1));
}

function clipped(column) {
  return Math.min(Math.max(column, 0), SIZE);
}

function modulo(number, divisor) {
  return number - divisor * Math.floor(number / divisor);
}
