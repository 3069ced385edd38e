/** The controls of the mask families: one for each parameter of the Python function. */

import { makeMask } from "./masks.js";

const slider = (label, low, high, start, step = 1) => ({
  kind: "slider",
  label,
  low,
  high,
  start,
  step,
});
const range = (label, low, high, ...start) => ({ kind: "range", label, low, high, start, step: 1 });
const tick = (label) => ({ kind: "tick", label, start: false });
/** Not used unless its box is ticked. */
const optional = (box, control) => ({ ...control, box });

const coverage = optional("Ask for a coverage", slider("Coverage (%)", 5, 95, 50));

/** Family -> parameter -> control, in the order of the Python function's arguments. */
export const FAMILIES = {
  lines: {
    lines: slider("Number of lines", 1, 30, 9),
    thickness: slider("OpenCV thickness", 1, 9, 2),
    include_last_column: tick("End in last column"),
    coverage,
  },
  free_lines: {
    lines: slider("Number of lines", 1, 30, 9),
    thickness: slider("Thickness (px)", 1, 9, 3),
    angles: range("Angles (degrees)", -180, 180, 0, 180),
    coverage,
  },
  scan_line_gaps: {
    period: slider("Gap distance (px)", 2, 64, 16),
    widest_gap: slider("Widest gap (px)", 1, 63, 7),
    scene_width: slider("Scene width (px)", 64, 1024, 256),
    tilt: slider("Tilt (degrees)", -45, 45, 10),
    position: optional("Choose the place", slider("Place (-1 to 1)", -1, 1, 0, 0.05)),
  },
  clouds: {
    coverage: slider("Coverage (%)", 5, 95, 60),
    scale: slider("Cloud size (px)", 4, 64, 32),
    octaves: slider("Layers of noise", 1, 6, 4),
    roughness: slider("Roughness (0-1)", 0, 1, 0.5, 0.05),
  },
  boxes: {
    boxes: slider("Number of boxes", 1, 20, 4),
    sides: range("Sides (px)", 1, 64, 8, 24),
    coverage,
  },
  brush_strokes: {
    strokes: slider("Number of strokes", 1, 20, 4),
    widths: range("Brush width (px)", 1, 24, 4, 10),
    coverage,
  },
  random_pixels: { coverage: slider("Coverage (%)", 5, 95, 50) },
  dead_columns: {
    groups: slider("Number of groups", 1, 20, 6),
    widest: slider("Widest group (px)", 1, 16, 3),
    coverage,
  },
};
// Of these a family draws as many as the coverage takes, where one is asked for.
const COUNTS = ["lines", "boxes", "strokes", "groups"];
const FRACTIONS = ["position", "roughness"];
const SEEDS = 1000;

/** Family, parameters and seed of a mask, under the reader's hands. */
export class MaskControls {
  /** @param {() => void} changed - called after every change. */
  constructor(changed) {
    this.changed = changed;
    this.family = document.getElementById("family");
    this.seed = document.getElementById("seed");
    for (const name of Object.keys(FAMILIES)) {
      const label = name === "scan_line_gaps" ? "scan-line gaps" : name.replaceAll("_", " ");
      this.family.add(new Option(label, name));
    }
    this.family.addEventListener("change", () => this.show());
    this.seed.addEventListener("input", () => this.tell());
    document.getElementById("another").addEventListener("click", () => {
      this.seed.value = (this.seed.valueAsNumber + 1) % SEEDS;
      this.tell();
    });
    this.reset();
  }

  /** As at the start: the first family, the defaults of each, the first seed. */
  reset() {
    this.values = Object.fromEntries(
      Object.entries(FAMILIES).map(([family, controls]) => [family, startOf(controls)]),
    );
    this.family.selectedIndex = 0;
    this.seed.value = 0;
    this.show();
  }

  /**
   * @returns {Uint8Array} the mask chosen.
   * @throws {RangeError} in the words of the controls, if there is none of these parameters.
   */
  mask() {
    const used = this.used();
    const parameters = mapped(this.controls, (name) =>
      used.includes(name) ? this.value(name) : null,
    );
    try {
      return makeMask(this.family.value, parameters, this.seed.valueAsNumber);
    } catch (problem) {
      if (!(problem instanceof RangeError)) throw problem;
      const names = Object.keys(this.controls).join("|");
      const inWords = (name) => `"${this.controls[name].label}"`;
      throw new RangeError(problem.message.replace(RegExp(`\\b(${names})\\b`, "g"), inWords));
    }
  }

  /** The Python expression that draws this mask. */
  code() {
    const used = this.used().filter((name) => this.value(name) !== false);
    const settings = used.map((name) => `, ${name}=${python(name, this.value(name))}`);
    return `ei.masks.make("${this.family.value}", 1, seed=${this.seed.value}${settings.join("")})`;
  }

  get controls() {
    return FAMILIES[this.family.value];
  }

  value(name) {
    const { value } = this.values[this.family.value][name];
    return name === "coverage" ? value / 100 : value;
  }

  /** Names of the parameters that are used, given the boxes that are ticked. */
  used() {
    const state = this.values[this.family.value];
    const asked = this.controls.coverage?.box && state.coverage.ticked;
    return Object.keys(this.controls).filter(
      (name) =>
        !(this.controls[name].box && !state[name].ticked) && !(asked && COUNTS.includes(name)),
    );
  }

  /** Swap the controls; a family that was chosen before keeps its values. */
  show() {
    const used = this.used();
    const rows = Object.entries(this.controls).flatMap(([name, control]) => {
      const state = this.values[this.family.value][name];
      const box = control.box ? [this.box(control.box, state, "ticked")] : [];
      if (!used.includes(name)) return box;
      if (control.kind === "tick") return [...box, this.box(control.label, state, "value")];
      return [...box, ...this.sliders(name, control, state)];
    });
    document.getElementById("parameters").replaceChildren(...rows);
    this.tell();
  }

  tell() {
    document.getElementById("seed-value").textContent = this.seed.value;
    this.changed();
  }

  /** A box to tick; it may bring or take away sliders. */
  box(label, state, key) {
    const input = element("input", { type: "checkbox", checked: state[key] });
    input.addEventListener("change", () => {
      state[key] = input.checked;
      this.show();
      // It was made anew.
      boxOf(label).focus();
    });
    const words = element("label");
    words.append(input, ` ${label}`);
    const row = element("div", { className: "row" });
    row.append(words);
    return row;
  }

  /** A slider, or two for the ends of a range. */
  sliders(name, control, state) {
    const ends = control.kind === "range" ? ["lowest", "highest"] : [""];
    const inputs = ends.map((end, k) => {
      const { low, high, step } = control;
      const input = element("input", { type: "range", min: low, max: high, step, id: name + k });
      input.value = ends.length > 1 ? state.value[k] : state.value;
      return input;
    });
    const read = () => inputs.map((input) => Math.round(input.valueAsNumber * 100) / 100);
    return inputs.map((input, k) => {
      const shown = element("output", { textContent: input.value, ariaLive: "off" });
      shown.htmlFor.add(input.id);
      input.shown = shown;
      input.addEventListener("input", () => {
        // Neither end of a range goes past the other.
        for (const other of inputs) {
          const passed = other !== input && read()[0] > (read()[1] ?? Infinity);
          if (passed) other.value = input.value;
        }
        for (const each of inputs) each.shown.textContent = each.value;
        state.value = control.kind === "range" ? read() : read()[0];
        this.tell();
      });
      const label = [control.label, ends[k]].filter(Boolean).join(", ");
      const row = element("div", { className: "row" });
      row.append(element("label", { htmlFor: input.id, textContent: label }), input, shown);
      return row;
    });
  }
}

/** An element with properties. */
export function element(kind, properties = {}) {
  return Object.assign(document.createElement(kind), properties);
}

function boxOf(label) {
  const labels = [...document.querySelectorAll("#parameters label")];
  return labels.find((words) => words.textContent.trim() === label).querySelector("input");
}

function startOf(controls) {
  return mapped(controls, (name) => ({ value: controls[name].start, ticked: false }));
}

function mapped(object, value) {
  return Object.fromEntries(Object.keys(object).map((name) => [name, value(name)]));
}

/** A value as Python writes it. */
function python(name, value) {
  if (Array.isArray(value)) return `(${value.join(", ")})`;
  if (value === true) return "True";
  return FRACTIONS.includes(name) && Number.isInteger(value) ? `${value}.0` : String(value);
}
