/** The network, in a thread of its own: sliders stay quick while it computes. */

import * as ort from "./vendor/ort.wasm.bundle.min.mjs";

let session;

/** Messages: first what was fetched, `{runtime, network}`; then `{tile, mask}`, one at a time. */
self.onmessage = async ({ data }) => {
  try {
    if (data.network) {
      ort.env.wasm.wasmBinary = data.runtime;
      ort.env.wasm.numThreads = 1;
      session = await ort.InferenceSession.create(data.network, { executionProviders: ["wasm"] });
      // The first answers take longer: memory is laid out.
      await restore(new Uint8Array(64 * 64 * 3), new Uint8Array(64 * 64).fill(1));
      self.postMessage({ ready: true });
    } else {
      self.postMessage({ restored: await restore(data.tile, data.mask) });
    }
  } catch (problem) {
    self.postMessage({ problem: String(problem.message ?? problem) });
  }
};

async function restore(tile, mask) {
  const answer = await session.run({
    tiles: new ort.Tensor("uint8", tile, [1, 64, 64, 3]),
    masks: new ort.Tensor("uint8", mask, [1, 64, 64, 1]),
  });
  return answer[session.outputNames[0]].data;
}
