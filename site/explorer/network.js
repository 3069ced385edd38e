/** Fetch the network, and ask it one question at a time. */

/**
 * Fetch runtime and network, and start a thread with both.
 *
 * @param {Object<string, {address: string, bytes: number}>} files - `runtime` and `network`.
 * @param {(done: number) => void} progressed - told the fraction fetched.
 * @returns {Promise<Network>}
 */
export async function loadNetwork(files, progressed) {
  const total = files.runtime.bytes + files.network.bytes;
  let done = 0;
  const received = (bytes) => {
    done += bytes;
    progressed(done / total);
  };
  const [runtime, network] = await Promise.all(
    [files.runtime, files.network].map(({ address }) => fetchBytes(address, received)),
  );
  const worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
  return new Promise((resolve, reject) => {
    const refuse = (reason) => {
      worker.terminate();
      reject(new Error(reason));
    };
    worker.onerror = (event) => refuse(reasonOf(event));
    worker.onmessage = ({ data }) =>
      data.ready ? resolve(new Network(worker)) : refuse(data.problem);
    worker.postMessage({ runtime, network }, [runtime.buffer, network.buffer]);
  });
}

/**
 * Fetch a file whole.
 *
 * @param {string} address
 * @param {(bytes: number) => void} received - told how many more have come, whenever some have.
 * @returns {Promise<Uint8Array>}
 */
export async function fetchBytes(address, received = () => {}) {
  const response = await fetch(address);
  if (!response.ok) throw new Error(`${address} cannot be fetched, ${response.status}`);
  const parts = [];
  for (const reader = response.body.getReader(); ;) {
    const { value, done } = await reader.read();
    if (done) return new Uint8Array(await new Blob(parts).arrayBuffer());
    parts.push(value);
    received(value.length);
  }
}

/** Of a program that could not be loaded browsers do not say why. */
function reasonOf(event) {
  return event.message || "its program cannot be loaded";
}

class Network {
  constructor(worker) {
    this.worker = worker;
    this.waiting = null;
    this.asked = null;
    worker.onmessage = ({ data }) => this.answered(data);
    worker.onerror = (event) => this.answered({ problem: reasonOf(event) });
  }

  /**
   * Restore a tile. Of the questions that come while one is computed only the last is.
   *
   * @param {Uint8Array} tile - 64 x 64 x 3 levels.
   * @param {Uint8Array} mask - 64 x 64, 1 = known, 0 = hole; with a known pixel.
   * @returns {Promise<Float32Array | null>} in [0, 1]; null if a later question came first.
   */
  restore(tile, mask) {
    this.waiting?.resolve(null);
    return new Promise((resolve, reject) => {
      this.waiting = { tile, mask, resolve, reject };
      if (!this.asked) this.ask();
    });
  }

  /** Answer whatever is still asked with null. */
  cancel() {
    this.asked?.resolve(null);
    this.waiting?.resolve(null);
    this.waiting = null;
  }

  ask() {
    [this.asked, this.waiting] = [this.waiting, null];
    if (this.asked) this.worker.postMessage({ tile: this.asked.tile, mask: this.asked.mask });
  }

  answered({ restored, problem }) {
    if (problem) this.asked?.reject(new Error(problem));
    else this.asked.resolve(restored);
    this.ask();
  }
}
