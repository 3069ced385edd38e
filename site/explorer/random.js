/**
 * NumPy's default generator: PCG64, seeded by SeedSequence. The same seed gives the same numbers.
 *
 * After O'Neill, "PCG: a family of simple fast space-efficient statistically good algorithms for
 * random number generation" (2014), and NumPy's documentation of SeedSequence.
 */

const WORD = (1n << 32n) - 1n;
const HALF = (1n << 64n) - 1n;
const WHOLE = (1n << 128n) - 1n;
const MULTIPLIER = 0x2360ed051fc65da44385df649fccf645n;
const POOL_WORDS = 4;

/** A generator whose numbers are those of `numpy.random.default_rng(seed)`. */
export class Generator {
  /** @param {number | number[]} seed - one or two whole numbers of 0 or more, below 2**53. */
  constructor(seed) {
    const [stateHigh, stateLow, streamHigh, streamLow] = stateOf([seed].flat());
    this.increment = ((((streamHigh << 64n) | streamLow) << 1n) | 1n) & WHOLE;
    this.state = 0n;
    this.step();
    this.state = (this.state + ((stateHigh << 64n) | stateLow)) & WHOLE;
    this.step();
    this.spare = null;
  }

  /** The next number in [0, 1), a multiple of 2**-53, as of `Generator.random`. */
  random() {
    return Number(this.next64() >> 11n) / 2 ** 53;
  }

  /** So many numbers in [0, 1), one after the other. */
  uniforms(count) {
    return Float64Array.from({ length: count }, () => this.random());
  }

  /** The next whole number from 0 to `end` - 1, as of `Generator.integers`; `end` below 2**32. */
  integer(end) {
    // Lemire, "Fast random integer generation in an interval" (2019).
    const range = BigInt(end);
    const threshold = (1n << 32n) % range;
    let product;
    do {
      product = this.next32() * range;
    } while ((product & WORD) < threshold);
    return Number(product >> 32n);
  }

  step() {
    this.state = (this.state * MULTIPLIER + this.increment) & WHOLE;
  }

  next64() {
    this.step();
    const folded = (this.state >> 64n) ^ (this.state & HALF);
    const turn = this.state >> 122n;
    return ((folded >> turn) | (folded << (64n - turn))) & HALF;
  }

  /** Half of 64 bits; the other half is kept for the next call. */
  next32() {
    if (this.spare !== null) {
      const spare = this.spare;
      this.spare = null;
      return spare;
    }
    const drawn = this.next64();
    this.spare = drawn >> 32n;
    return drawn & WORD;
  }
}

/** Four numbers of 64 bits from a seed, as SeedSequence mixes them. */
function stateOf(seed) {
  const entropy = seed.flatMap(wordsOf);
  let constant = 0x43b0d7e5;
  const hash = (value) => {
    value ^= constant;
    constant = Math.imul(constant, 0x931e8875);
    value = Math.imul(value, constant);
    return value ^ (value >>> 16);
  };
  const mix = (x, y) => {
    const mixed = Math.imul(0xca01f9dd, x) - Math.imul(0x4973f715, y);
    return mixed ^ (mixed >>> 16);
  };
  const pool = Array.from({ length: POOL_WORDS }, (_, place) => hash(entropy[place] ?? 0));
  for (let from = 0; from < POOL_WORDS; from++) {
    for (let to = 0; to < POOL_WORDS; to++) {
      if (from !== to) pool[to] = mix(pool[to], hash(pool[from]));
    }
  }
  constant = 0x8b51f9dd;
  const words = Array.from({ length: 8 }, (_, place) => {
    let value = pool[place % POOL_WORDS] ^ constant;
    constant = Math.imul(constant, 0x58f38ded);
    value = Math.imul(value, constant);
    return BigInt((value ^ (value >>> 16)) >>> 0);
  });
  return [0, 2, 4, 6].map((place) => words[place] | (words[place + 1] << 32n));
}

/** A whole number as words of 32 bits, the lowest first. */
function wordsOf(number) {
  const low = number % 2 ** 32;
  const high = Math.floor(number / 2 ** 32);
  return high ? [low, high] : [low];
}
