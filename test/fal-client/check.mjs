// Runs fal's official JavaScript client against the local trainer. The client is independent of this repository and works
// with fal, so what it accepts is fal's protocol. Exit code 0 when every check passes.
import assert from "node:assert/strict";
import { File } from "node:buffer";
import { execFileSync, spawn } from "node:child_process";
import { createHash, createPublicKey, randomBytes, verify } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { ApiError, createFalClient, ValidationError } from "@fal-ai/client";

const TRAIN = "fal-ai/flux-lora-fast-training";
const IMAGE = "fal-ai/flux-lora";
const TRIGGER = "ohwxperson";
const root = fileURLToPath(new URL("../..", import.meta.url));
const work = mkdtempSync(join(tmpdir(), "fal-client-"));

// startTrainer builds and starts the program on a free port, with slow trainings, so that a running one can be observed.
async function startTrainer() {
  const program = join(work, "localtrainer");
  execFileSync("go", ["build", "-o", program, "./cmd/localtrainer"], { cwd: root, stdio: "inherit" });
  const child = spawn(program, ["-listen", "127.0.0.1:0", "-data", join(work, "data"), "-key", "id:secret", "-pace", "3s"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  for await (const line of createInterface(child.stdout)) {
    const found = line.match(/^export FAL_QUEUE_URL=(.*)$/);
    if (found) {
      child.stdout.resume();
      return { url: found[1], stop: () => (child.kill("SIGINT"), once(child, "exit")) };
    }
  }
  throw new Error("the local trainer did not start");
}

const trainer = process.argv[2] ? { url: process.argv[2].replace(/\/$/, ""), stop: async () => {} } : await startTrainer();
const here = new URL(trainer.url).host;

function client(credentials = "id:secret") {
  return createFalClient({
    credentials,
    // All of fal's hosts are replaced by one address.
    requestMiddleware: async (request) => {
      const to = new URL(request.url);
      return { ...request, url: trainer.url + to.pathname + to.search };
    },
    // No request may leave this machine, and the addresses in replies must be those of the trainer.
    fetch: (url, init) => {
      assert.equal(new URL(url).host, here, "a request to another host");
      return fetch(url, init);
    },
  });
}
const fal = client();

const bytesOf = async (url) => {
  const reply = await fetch(url);
  assert.equal(reply.status, 200, `${url} answers ${reply.status}`);
  return Buffer.from(await reply.arrayBuffer());
};
const sha = (data) => createHash("sha256").update(data).digest("hex");
const fault = async (body) => {
  const reply = await fetch(trainer.url + "/_local/faults", { method: "POST", body: JSON.stringify(body) });
  assert.equal(reply.status, 200);
};
const jobs = async () => (await (await fetch(trainer.url + "/_local/jobs")).json()).jobs;

// One receiver for all webhooks, which are identified by request id.
const received = new Map();
const hooks = createServer(async (request, reply) => {
  const parts = [];
  for await (const part of request) parts.push(part);
  reply.end();
  const raw = Buffer.concat(parts);
  received.set(JSON.parse(raw).request_id, { headers: request.headers, raw });
  hooks.emit("webhook");
});
hooks.listen(0, "127.0.0.1");
await once(hooks, "listening");
const hookURL = `http://127.0.0.1:${hooks.address().port}/webhooks/fal/token`;
async function webhook(id) {
  while (!received.has(id)) await once(hooks, "webhook", { signal: AbortSignal.timeout(30_000) });
  return received.get(id);
}

let dataset, requestId, lora;

const checks = {
  async "storage.upload sends a file and gets its address"() {
    const zip = execFileSync("go", ["run", "./test/fal-client/dataset", TRIGGER], { cwd: root, maxBuffer: 1 << 28 });
    dataset = new Blob([zip], { type: "application/zip" });
    const url = await fal.storage.upload(new File([dataset], "set.zip", { type: "application/zip" }), { lifecycle: { expiresIn: "1h" } });
    assert.equal(sha(await bytesOf(url)), sha(zip));
  },

  async "storage.upload sends more than 90 MB in parts"() {
    const data = Buffer.concat(Array(91).fill(randomBytes(1 << 20)));
    const url = await fal.storage.upload(new Blob([data]));
    assert.equal(sha(await bytesOf(url)), sha(data));
  },

  async "queue.submit buys a training"() {
    const before = (await jobs()).length;
    const submitted = await fal.queue.submit(TRAIN, {
      input: { images_data_url: dataset, trigger_word: TRIGGER, steps: 200, create_masks: false },
      webhookUrl: hookURL,
      priority: "low",
      hint: "training",
      storageSettings: { expiresIn: "1d" },
    });
    requestId = submitted.request_id;
    assert.equal(submitted.status, "IN_QUEUE");
    assert.equal(new URL(submitted.status_url).host, here);
    assert.equal((await jobs()).length, before + 1);
  },

  async "queue.status tells its progress"() {
    const seen = new Set();
    let steps = 0;
    for (;;) {
      const status = await fal.queue.status(TRAIN, { requestId, logs: true });
      seen.add(status.status);
      assert.equal(status.request_id, requestId);
      assert.ok(status.response_url);
      for (const line of status.logs ?? []) {
        const step = Number(line.message.match(/step (\d+)\/200/)?.[1] ?? 0);
        if (step > 0 && step < 200 && status.status === "IN_PROGRESS") steps = Math.max(steps, step);
      }
      if (status.status === "COMPLETED") break;
      await new Promise((done) => setTimeout(done, 100));
    }
    assert.ok(seen.has("IN_PROGRESS"), "it was never seen running");
    assert.ok(steps > 0, "no step was seen while it ran");
    assert.equal((await fal.queue.status(TRAIN, { requestId })).logs, null);
  },

  async "queue.result gives the weights"() {
    const { data, requestId: id } = await fal.queue.result(TRAIN, { requestId });
    assert.equal(id, requestId);
    lora = data.diffusers_lora_file.url;
    const weights = await bytesOf(lora);
    assert.equal(weights.length, data.diffusers_lora_file.file_size);
    const header = JSON.parse(weights.subarray(8, 8 + Number(weights.readBigUInt64LE())));
    assert.ok(Object.keys(header).length > 1, "not a safetensors file");
    assert.equal(JSON.parse(await bytesOf(data.config_file.url)).trigger_word, TRIGGER);
  },

  async "the webhook is signed as fal signs"() {
    const { headers, raw } = await webhook(requestId);
    const { keys } = JSON.parse(await bytesOf(trainer.url + "/.well-known/jwks.json"));
    const message = ["request-id", "user-id", "timestamp"].map((name) => headers["x-fal-webhook-" + name]);
    assert.ok(
      verify(
        null,
        Buffer.from([...message, sha(raw)].join("\n")),
        createPublicKey({ key: keys[0], format: "jwk" }),
        Buffer.from(headers["x-fal-webhook-signature"], "hex"),
      ),
    );
    assert.ok(Math.abs(Date.now() / 1000 - Number(message[2])) < 300);
    assert.equal(JSON.parse(raw).status, "OK");
    assert.equal(JSON.parse(raw).payload.diffusers_lora_file.url, lora);
  },

  async "subscribe draws the person"() {
    const updates = [];
    const input = { loras: [{ path: lora, scale: 1 }], image_size: { width: 256, height: 256 }, seed: 3 };
    const draw = async (prompt) => {
      const { data } = await fal.subscribe(IMAGE, {
        input: { ...input, prompt },
        logs: true,
        pollInterval: 50,
        onQueueUpdate: (update) => updates.push(update),
      });
      assert.equal(data.seed, 3);
      assert.deepEqual(data.has_nsfw_concepts, [false]);
      assert.deepEqual([data.images[0].width, data.images[0].height], [256, 256]);
      const picture = await bytesOf(data.images[0].url);
      assert.equal(picture.readUInt16BE(), 0xffd8, "not a JPEG");
      return sha(picture);
    };
    assert.notEqual(await draw(`a photo of ${TRIGGER}`), await draw("a photo of somebody"));
    assert.equal(updates.at(-1).status, "COMPLETED");
    assert.ok(Array.isArray(updates.at(-1).logs));
  },

  async "subscribe follows the status stream, with logs"() {
    const updates = [];
    const { data } = await fal.subscribe(TRAIN, {
      input: { images_data_url: dataset, steps: 20 },
      mode: "streaming",
      logs: true,
      onQueueUpdate: (update) => updates.push(update),
    });
    assert.ok(data.diffusers_lora_file.url);
    const messages = updates.at(-1).logs.map((line) => line.message);
    assert.equal(new Set(messages).size, messages.length, "each line came once");
    assert.equal(messages.at(-1), "Training step 20/20");
  },

  async "queue.cancel stops a training, and a start timeout ends one that waits"() {
    const input = { images_data_url: dataset, steps: 20 };
    const running = await fal.queue.submit(TRAIN, { input });
    const waiting = await fal.queue.submit(TRAIN, { input, startTimeout: 1.1 });
    await fal.queue.subscribeToStatus(TRAIN, { requestId: waiting.request_id });
    await assert.rejects(
      fal.queue.result(TRAIN, { requestId: waiting.request_id }),
      (error) => error instanceof ApiError && error.status === 504 && error.isUserTimeout,
    );
    await fal.queue.cancel(TRAIN, { requestId: running.request_id });
    const end = await fal.queue.subscribeToStatus(TRAIN, { requestId: running.request_id });
    assert.equal(end.error_type, "client_cancelled");
    await assert.rejects(fal.queue.cancel(TRAIN, { requestId: running.request_id }), (error) => error.status === 400);
  },

  async "wrong input is a ValidationError of the result"() {
    await assert.rejects(fal.subscribe(IMAGE, { input: { num_images: 9 } }), (error) => {
      assert.ok(error instanceof ValidationError);
      assert.equal(error.status, 422);
      assert.equal(error.getFieldErrors("prompt")[0].type, "missing");
      assert.equal(error.getFieldErrors("num_images")[0].type, "less_than_equal");
      return true;
    });
  },

  async "an unknown input field is a ValidationError of the result"() {
    await assert.rejects(fal.subscribe(IMAGE, { input: { prompt: "x", promt: "y" } }), (error) => {
      assert.ok(error instanceof ValidationError);
      assert.equal(error.getFieldErrors("promt")[0].type, "extra_forbidden");
      return true;
    });
  },

  async "a wrong key is refused"() {
    if (process.argv[2]) return; // a trainer that was not started here may accept any key
    await assert.rejects(client("id:other").queue.submit(IMAGE, { input: {} }), (error) => error.status === 401);
  },

  async "the client's own retries get over bad answers, and buy twice after a lost reply"() {
    const before = (await jobs()).length;
    await fault({ on: "generate", effect: "error_503" });
    await fault({ on: "status", effect: "error_500" });
    await fault({ on: "result", effect: "reject_429" });
    await fal.subscribe(IMAGE, { input: { prompt: "x", image_size: "square" } });
    assert.equal((await jobs()).length, before + 1);
    await fault({ on: "generate", effect: "lost_reply" });
    await fal.subscribe(IMAGE, { input: { prompt: "x", image_size: "square" } });
    assert.equal((await jobs()).length, before + 3);
  },
};

let failed = 0;
for (const [name, check] of Object.entries(checks)) {
  const begun = Date.now();
  try {
    await check();
    console.log(`ok    ${name} (${Date.now() - begun} ms)`);
  } catch (error) {
    failed++;
    console.log(`FAIL  ${name}\n      ${String(error.stack ?? error).replaceAll("\n", "\n      ")}`);
  }
}
hooks.close();
hooks.closeAllConnections();
await trainer.stop();
rmSync(work, { recursive: true, force: true });
console.log(failed ? `${failed} of ${Object.keys(checks).length} checks failed` : `all ${Object.keys(checks).length} checks hold`);
process.exit(failed ? 1 : 0);
