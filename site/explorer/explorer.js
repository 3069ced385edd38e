/** The page: what is chosen, what is shown of it, and what is computed in between. */

import { element, MaskControls } from "./controls.js";
import { letPaint, paintLine } from "./drawing.js";
import { pushPull } from "./fill.js";
import { coverage, SIZE } from "./masks.js";
import { fetchBytes, loadNetwork } from "./network.js";
import { readTile } from "./picture.js";
import { scoresInHoles } from "./scores.js";

const HOLE = [237, 204, 247];
// The error map's last colour stands for this mean absolute error and more.
const LARGEST_ERROR = 0.25;
const SAVED_SCALE = 4;
const PAUSE = 800; // milliseconds
const OWN = "your own picture";
const ANSWERS = ["network", "fill"];
const DIGITS = { mse: 5, mae: 4, psnr: 1, ssim: 3 };

const at = (id) => document.getElementById(id);
const facts = await (await fetch("facts.json")).json();
const colours = Uint8Array.from(facts.error_colours.match(/../g), (digits) => parseInt(digits, 16));

let network = null;
let chosen = null; // {levels, values, name, code}
let shown = null; // the mask, as last shown
let drawn = null; // the same where it was drawn by hand, else null
let undoable = []; // masks before each stroke
let brush = null; // of the keyboard: column and row, while the masked tile is focused
let asked = 0; // how often tiles were asked for
let wishes = 0; // how often the reader asked for another tile
let scheduled = false;
let turn = 0; // of drawing
let speaking = null; // a timer
let drawing = ""; // what drawing had to say last; other messages outlive it

const controls = new MaskControls(() => {
  // Whoever touches a slider by mistake has drawn in vain otherwise.
  if (drawn) undoable.push(drawn);
  drawn = null;
  change();
});

/** Draw everything anew, once, before the screen's next picture. */
function change() {
  at("undo").disabled = undoable.length === 0;
  if (!chosen) return;
  // What would be spoken is half of this and half of what comes.
  clearTimeout(speaking);
  at("results").ariaBusy = "true";
  // What was said before the reader went on is over.
  if (at("message").textContent !== drawing) say(drawing);
  if (scheduled) return;
  scheduled = true;
  requestAnimationFrame(() => {
    scheduled = false;
    update();
  });
}

async function update() {
  if (!chosen) return;
  const own = ++turn;
  let words = "";
  try {
    words = await draw();
  } catch (problem) {
    words = `This cannot be shown: ${problem.message}.`;
    forget();
  }
  // An answer to an earlier question comes late; the last one has its own words.
  if (own !== turn) return;
  if (words || at("message").textContent === drawing) say(words);
  drawing = words;
  if (scheduled) return;
  at("results").ariaBusy = "false";
  clearTimeout(speaking);
  speaking = setTimeout(speak, PAUSE);
}

/** Tell those who hear the page what came of what they did, once they have stopped for a moment. */
function speak() {
  const scoreOf = (id) => at(`${id}-scores`).querySelector("td")?.textContent ?? "–";
  const scores = `MSE in the holes: U-Net ${scoreOf("network")}, push-pull ${scoreOf("fill")}`;
  at("spoken").textContent = `${at("coverage").textContent}. ${scores}.`;
}

/** Show what is chosen, then what the network makes of it; returns what there is to say of it. */
async function draw() {
  const { levels, values, name } = chosen;
  showLevels(at("tile"), levels);
  at("tile-name").textContent = name;
  describe("tile", `The tile, ${name}`);
  // Where there is no mask, this one stays.
  showMasked();
  const mask = drawn?.slice() ?? controls.mask();
  const known = coverage(mask);
  shown = mask;
  showMasked();
  at("coverage").textContent = `${(100 * known).toFixed(1)} % known`;
  describe("masked", `The masked tile, ${at("coverage").textContent}; holes are pale violet`);
  if (known === 0) throw new RangeError("every pixel is a hole");
  showCode(code(mask));
  showAnswer("fill", "push-pull", values, pushPull(values, mask), mask);
  try {
    const restored = await network?.restore(levels, mask);
    if (restored) showAnswer("network", "the U-Net", values, restored, mask);
  } catch (problem) {
    loseNetwork(problem);
  }
  return known === 1 ? "There are no holes: draw some on the masked tile." : "";
}

/** Take away the answers to an earlier question, and those still to come. */
function forget() {
  network?.cancel();
  showCode("");
  ANSWERS.forEach(empty);
}

/** Go on without the network, which would not answer again; push-pull still does. */
function loseNetwork(problem) {
  network?.cancel();
  network = null;
  empty("network");
  at("loading").textContent = `The network cannot be used: ${problem.message}.`;
  at("loading").hidden = false;
  say(at("loading").textContent);
}

/** Take away what a method restored. */
function empty(id) {
  showScores(id, null);
  for (const canvas of [id, `${id}-error`]) {
    at(canvas).getContext("2d").clearRect(0, 0, SIZE, SIZE);
    describe(canvas, "Nothing yet");
  }
}

/** Restored tile, error and scores of one method. */
function showAnswer(id, method, tile, restored, mask) {
  const scores = coverage(mask) < 1 ? scoresInHoles(tile, restored, mask) : null;
  showScores(id, scores);
  showLevels(
    at(id),
    restored.map((value) => Math.round(255 * value)),
  );
  showErrors(at(`${id}-error`), tile, restored);
  const words = scores ? `, MSE ${scores.mse.toFixed(DIGITS.mse)} in the holes` : "";
  describe(id, `The tile as ${method} restores it${words}`);
  describe(`${id}-error`, `Where ${method} errs; bright is a large error`);
  // For tests: levels on a screen say less.
  Object.assign(at(id), { restored, mask });
}

/** A row of the table; dashes where there is nothing to score. */
function showScores(id, scores) {
  const row = at(`${id}-scores`);
  const cells = Object.entries(DIGITS).map(([measure, digits]) => {
    const textContent = scores ? scores[measure].toFixed(digits) : "–";
    return element("td", { textContent });
  });
  row.replaceChildren(row.firstElementChild, ...cells);
}

function showLevels(canvas, levels) {
  show(canvas, (pixel) => [levels[3 * pixel], levels[3 * pixel + 1], levels[3 * pixel + 2]]);
}

/** The masked tile, and a cross where the keyboard's brush is. */
function showMasked() {
  if (!shown) return;
  const isOnCross = (column, row) => {
    const [across, down] = [Math.abs(column - brush[0]), Math.abs(row - brush[1])];
    return Math.min(across, down) === 0 && Math.max(across, down) <= 3;
  };
  show(at("masked"), (pixel) => {
    const { levels } = chosen;
    const colour = shown[pixel] ? levels.subarray(3 * pixel, 3 * pixel + 3) : HOLE;
    const inverted = brush && isOnCross(pixel % SIZE, Math.floor(pixel / SIZE));
    return inverted ? colour.map((level) => 255 - level) : colour;
  });
}

function showErrors(canvas, tile, restored) {
  show(canvas, (pixel) => {
    const of = (channel) => Math.abs(tile[3 * pixel + channel] - restored[3 * pixel + channel]);
    const error = (of(0) + of(1) + of(2)) / 3 / LARGEST_ERROR;
    const place = 3 * Math.min(Math.floor(error * 256), 255);
    return colours.subarray(place, place + 3);
  });
}

/** Give every pixel of a canvas its red, green and blue. */
function show(canvas, pixelOf) {
  const image = new ImageData(canvas.width, canvas.height);
  for (let pixel = 0; pixel < canvas.width * canvas.height; pixel++) {
    image.data.set([...pixelOf(pixel), 255], 4 * pixel);
  }
  canvas.getContext("2d").putImageData(image, 0, 0);
}

function describe(id, words) {
  at(id).setAttribute("aria-label", words);
}

function say(words) {
  at("message").textContent = words;
}

function showCode(lines) {
  at("code").value = lines;
  at("copy").disabled = !lines;
}

/** Python lines that give what is shown. */
function code(mask) {
  const masks = drawn
    ? [
        `bits = base64.b64decode("${packed(mask)}")`,
        "masks = np.unpackbits(np.frombuffer(bits, np.uint8)).reshape(1, 64, 64, 1)",
      ]
    : [`masks = ${controls.code()}`];
  return [
    ...(drawn ? ["import base64", "", "import numpy as np", ""] : []),
    "import eurosat_inpaint as ei",
    "",
    ...masks,
    `tile = ${chosen.code} / 255`,
    'restored = ei.inpaint(tile, masks, model="unet_any")',
    "filled = ei.baselines.push_pull(tile * masks, masks)",
  ].join("\n");
}

/** A mask as base64 of its bits, eight pixels to a byte. */
function packed(mask) {
  const bytes = Array.from({ length: mask.length / 8 }, (_, place) =>
    mask.subarray(8 * place, 8 * place + 8).reduce((byte, bit) => 2 * byte + bit, 0),
  );
  return btoa(String.fromCharCode(...bytes));
}

// Tiles.

/** Offer the tiles of a source, and choose one, unless the reader has chosen another meanwhile. */
async function showTiles(source) {
  const { address, tiles, licence, start } = facts.tiles[source];
  const own = ++asked;
  wishes++;
  const before = chosen;
  at("results").ariaBusy = "true";
  try {
    const sheet = await fetchBytes(address);
    if (own !== asked) return;
    at("tiles").replaceChildren();
    const choices = tiles.map(({ name, place }, number) => {
      const levels = sheet.subarray(3 * SIZE * SIZE * number, 3 * SIZE * SIZE * (number + 1));
      const isDrawn = source === "synthetic";
      const argument = isDrawn ? ', source="synthetic"' : "";
      const code = `ei.data.load_tiles("validation"${argument}).images[[${place}]]`;
      return offer(at("tiles"), tileOf(levels, isDrawn ? `${name}, synthetic` : name, code));
    });
    at("licence").textContent = licence;
    // Chosen meanwhile, and still offered: a picture of the reader's own.
    const isKept = chosen !== before && document.querySelector("[name=tile]:checked");
    if (!isKept) choices[start]();
  } catch (problem) {
    if (own !== asked) return;
    // Either may be asked for again.
    for (const input of at("sources").querySelectorAll("input")) input.checked = false;
    say(`The tiles cannot be shown: ${problem.message}.`);
  }
  // A tile that was chosen is drawn, and ends this itself.
  if (own === asked && !scheduled) at("results").ariaBusy = "false";
}

function tileOf(levels, name, code) {
  return { levels, values: Float32Array.from(levels, (level) => level / 255), name, code };
}

/** Add a tile to those that can be chosen; returns a function that chooses it. */
function offer(tiles, tile) {
  const canvas = element("canvas", { width: SIZE, height: SIZE });
  showLevels(canvas, tile.levels);
  const input = element("input", { type: "radio", name: "tile", ariaLabel: tile.name });
  const label = element("label", { title: tile.name });
  label.append(input, canvas);
  const choose = () => {
    input.checked = true;
    chosen = tile;
    change();
  };
  input.addEventListener("change", () => {
    wishes++;
    choose();
  });
  tiles.append(label);
  return choose;
}

async function takePicture(file) {
  if (!file) return;
  const own = ++wishes;
  say(`Reading ${file.name} …`);
  try {
    const levels = await readTile(file);
    const code = `ei.data.read_tile(${JSON.stringify(file.name)})`;
    const choose = offer(at("own-tiles"), tileOf(levels, `${file.name}, ${OWN}`, code));
    // It can be chosen, but the reader has asked for another meanwhile.
    if (own !== wishes) return;
    say("");
    choose();
    at("own-tiles").lastElementChild.scrollIntoView({ block: "nearest" });
  } catch (problem) {
    say(`${file.name} cannot be shown: ${problem.message}.`);
  }
}

function listen() {
  const sources = Object.keys(facts.tiles);
  sources.forEach((source, k) => {
    const input = element("input", { type: "radio", name: "source", defaultChecked: k === 0 });
    input.addEventListener("change", () => showTiles(source));
    const label = element("label");
    label.append(input, ` ${facts.tiles[source].label}`);
    at("sources").append(label);
  });
  at("own").addEventListener("change", () => {
    takePicture(at("own").files[0]);
    // The same file may be chosen again.
    at("own").value = "";
  });
  document.addEventListener("dragover", (event) => event.preventDefault());
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    takePicture(event.dataTransfer.files[0]);
  });
  at("controls").addEventListener("submit", (event) => event.preventDefault());
  at("brush").addEventListener("input", () => {
    at("brush-value").textContent = at("brush").value;
  });
  letPaint(at("masked"), {
    begin: () => shown && keep(drawn ?? shown),
    paint: (from, to) => {
      // Sliders and buttons end a stroke that is still going on.
      if (!drawn) return;
      const value = Number(document.querySelector("[name=paint]:checked").value);
      paintLine(drawn, from, to, at("brush").valueAsNumber, value);
      change();
    },
    move: (place) => {
      brush = place;
      showMasked();
    },
  });
  at("undo").addEventListener("click", () => {
    drawn = undoable.pop();
    change();
    // A button that is switched off loses the focus, and the keyboard its place.
    if (at("undo").disabled) at("clear").focus();
  });
  at("clear").addEventListener("click", () => {
    keep(new Uint8Array(SIZE * SIZE).fill(1));
    change();
  });
  at("restart").addEventListener("click", () => {
    undoable = [];
    drawn = null;
    at("controls").reset();
    at("brush-value").textContent = at("brush").value;
    controls.reset();
    showTiles(sources[0]);
  });
  at("copy").addEventListener("click", copyCode);
  at("save").addEventListener("click", savePicture);
}

/** Go on with this mask, drawn by hand, and keep the one before it. */
function keep(mask) {
  undoable.push(drawn);
  drawn = mask.slice();
}

async function copyCode() {
  try {
    await navigator.clipboard.writeText(at("code").value);
    say("The code is copied.");
  } catch {
    at("code").select();
    say("The browser does not let a page copy. The code is selected: copy it.");
  }
}

/** All six pictures and their captions, as one PNG. */
function savePicture() {
  const figures = [...document.querySelectorAll("#pictures figure")];
  const [side, line, gap] = [SAVED_SCALE * SIZE, 24, 8];
  const canvas = element("canvas", {
    width: 3 * side + 4 * gap,
    height: 2 * (side + line) + 3 * gap,
  });
  const context = canvas.getContext("2d");
  context.fillStyle = "white";
  context.fillRect(0, 0, canvas.width, canvas.height);
  Object.assign(context, {
    fillStyle: "black",
    font: "15px sans-serif",
    imageSmoothingEnabled: false,
  });
  figures.forEach((figure, k) => {
    const [x, y] = [gap + (k % 3) * (side + gap), gap + Math.floor(k / 3) * (side + line + gap)];
    const words = figure.querySelector("figcaption").textContent.replace(/\s+/g, " ").trim();
    context.fillText(words, x, y + 17, side);
    context.drawImage(figure.querySelector("canvas"), x, y + line, side, side);
  });
  canvas.toBlob((png) => {
    const address = URL.createObjectURL(png);
    element("a", { href: address, download: "restored.png" }).click();
    // Some browsers read it only now.
    setTimeout(() => URL.revokeObjectURL(address), 60_000);
  });
}

async function load() {
  at("megabytes").textContent = (facts.bytes / 1e6).toFixed(1);
  try {
    network = await loadNetwork(facts.files, (done) => (at("progress").value = done));
    at("loading").hidden = true;
    update();
  } catch (problem) {
    loseNetwork(problem);
  }
}

show(at("colour-bar"), (place) => colours.subarray(3 * place, 3 * place + 3));
listen();
at("waiting").remove();
document.querySelector("main").hidden = false;
showTiles(Object.keys(facts.tiles)[0]);
load();
