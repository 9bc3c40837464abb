// The real JavaScript clients, unchanged, against loci serve: openai, ollama, cohere-ai, LangChain, LlamaIndex, Hugging Face.
// The server is started by clients.sh: argv is its URL, its key, its log. Texts and their floats come from `loci embed`.
import { execFileSync } from "node:child_process";
import OpenAI, { AuthenticationError, BadRequestError, NotFoundError } from "openai";
import { Ollama } from "ollama";
import { CohereClientV2 } from "cohere-ai";
import { OpenAIEmbeddings } from "@langchain/openai";
import { OpenAIEmbedding } from "@llamaindex/openai";
import { Settings } from "llamaindex";
import { InferenceClient } from "@huggingface/inference";

const [url, key] = process.argv.slice(2);
const MODEL = "loci-static-en";
const TEXTS = ["a slow laptop", "", "Zwölf Boxkämpfer", "two\nlines"];
const MANY = Array.from({ length: 2048 }, (_, i) => `text number ${i}`);
let tests = 0;
let failures = 0;

function ok(good, name, more) {
  tests++;
  console.log(`${good ? "ok" : "not ok"} ${tests} - ${name}`);
  if (good) return;
  failures++;
  console.log(`#   ${String(more).slice(0, 1000).replaceAll("\n", "\n#   ")}`);
}

function embedded(texts) {
  const bytes = execFileSync(process.env.LOCI, ["embed", "-q", "--format", "bin", ...texts], { maxBuffer: 1 << 28 });
  const all = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
  const dim = all.length / texts.length;
  return texts.map((_, i) => all.slice(i * dim, (i + 1) * dim));
}

function same(got, wanted) {
  return (
    got.length === wanted.length &&
    got.every((v, i) => v.length === wanted[i].length && v.every((x, k) => Object.is(Math.fround(x), wanted[i][k])))
  );
}

async function rejects(call) {
  try {
    await call();
  } catch (error) {
    return error;
  }
  return undefined;
}

const wanted = embedded(TEXTS);
const many = embedded(MANY);

async function tryOpenAI() {
  const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: key, maxRetries: 0 });
  let r = await client.embeddings.create({ model: MODEL, input: TEXTS });
  ok(same(r.data.map((d) => d.embedding), wanted), "openai: its default encoding");
  r = await client.embeddings.create({ model: MODEL, input: TEXTS, encoding_format: "float" });
  ok(same(r.data.map((d) => d.embedding), wanted), "openai: float");
  r = await client.embeddings.create({ model: MODEL, input: "a slow laptop" });
  ok(same([r.data[0].embedding], wanted.slice(0, 1)), "openai: one string");
  r = await client.embeddings.create({ model: MODEL, input: MANY });
  ok(same(r.data.map((d) => d.embedding), many), "openai: 2,048 inputs");
  let e = await rejects(() => client.embeddings.create({ model: "none", input: "x" }));
  ok(e instanceof NotFoundError && e.code === "model_not_found", "openai: an unknown model", e);
  e = await rejects(() => client.embeddings.create({ model: MODEL, input: [...MANY, "x"] }));
  ok(e instanceof BadRequestError && e.param === "input", "openai: 2,049 inputs", e);
  const wrong = new OpenAI({ baseURL: `${url}/v1`, apiKey: "wrong", maxRetries: 0 });
  e = await rejects(() => wrong.embeddings.create({ model: MODEL, input: "x" }));
  ok(e instanceof AuthenticationError && e.code === "invalid_api_key", "openai: a wrong key", e);
  const ids = [];
  for await (const m of client.models.list()) ids.push(m.id);
  ok(ids.join() === MODEL, "openai: models", ids);
  const gone = new AbortController();
  const call = rejects(() => client.embeddings.create({ model: MODEL, input: MANY }, { signal: gone.signal }));
  gone.abort();
  ok((await call) !== undefined, "openai: a cancelled request");
}

async function tryOllama() {
  const client = new Ollama({ host: url, headers: { Authorization: `Bearer ${key}` } });
  ok(same((await client.embed({ model: MODEL, input: TEXTS })).embeddings, wanted), "ollama: several");
  ok(same((await client.embed({ model: MODEL, input: MANY })).embeddings, many), "ollama: 2,048 inputs");
  ok(same([(await client.embeddings({ model: MODEL, prompt: TEXTS[0] })).embedding], wanted.slice(0, 1)), "ollama: embeddings()");
  const e = await rejects(() => client.embed({ model: "none", input: "x" }));
  ok(e?.status_code === 404 && /not found/.test(e.message), "ollama: an unknown model", e);
  const unknown = await rejects(() => new Ollama({ host: url }).embed({ model: MODEL, input: "x" }));
  ok(unknown?.status_code === 401, "ollama: no key", unknown);
  ok((await client.list()).models[0].model === MODEL, "ollama: list()");
  ok((await client.show({ model: MODEL })).capabilities[0] === "embedding", "ollama: show()");
}

async function tryCohere() {
  const client = new CohereClientV2({ token: key, environment: url, maxRetries: 0 });
  const r = await client.embed({ model: MODEL, inputType: "search_document", texts: TEXTS, embeddingTypes: ["float", "uint8"] });
  ok(same(r.embeddings.float, wanted), "cohere-ai: float");
  ok(r.embeddings.uint8.length === TEXTS.length, "cohere-ai: uint8");
  const e = await rejects(() => client.embed({ model: "none", inputType: "search_query", texts: ["x"], embeddingTypes: ["float"] }));
  ok(e?.statusCode === 404, "cohere-ai: an unknown model", e);
  const wrong = new CohereClientV2({ token: "wrong", environment: url, maxRetries: 0 });
  const u = await rejects(() => wrong.embed({ model: MODEL, inputType: "search_query", texts: ["x"], embeddingTypes: ["float"] }));
  ok(u?.statusCode === 401, "cohere-ai: a wrong key", u);
}

async function tryLangChain() {
  const client = new OpenAIEmbeddings({ model: MODEL, apiKey: key, configuration: { baseURL: `${url}/v1` }, stripNewLines: false });
  ok(same(await client.embedDocuments(TEXTS), wanted), "@langchain/openai: documents, an empty one among them");
  ok(same([await client.embedQuery(TEXTS[0])], wanted.slice(0, 1)), "@langchain/openai: a query");
  ok(same(await client.embedDocuments(MANY), many), "@langchain/openai: 2,048 inputs");
}

async function tryLlamaIndex() {
  Settings.embedModel = new OpenAIEmbedding({ model: MODEL, apiKey: key, baseURL: `${url}/v1` });
  ok(same([await Settings.embedModel.getTextEmbedding(TEXTS[0])], wanted.slice(0, 1)), "llamaindex: a text");
  ok(same(await Settings.embedModel.getTextEmbeddings([TEXTS[0], TEXTS[2]]), [wanted[0], wanted[2]]), "llamaindex: several");
}

async function tryHuggingFace() {
  const client = new InferenceClient(key, { endpointUrl: `${url}/embed` });
  ok(same(await client.featureExtraction({ inputs: [TEXTS[0], TEXTS[2]] }), [wanted[0], wanted[2]]), "@huggingface/inference: feature extraction");
  const scores = await new InferenceClient(key, { endpointUrl: `${url}/similarity` }).sentenceSimilarity({
    inputs: { source_sentence: "a cat", sentences: ["a cat", "a car"] },
  });
  ok(scores.length === 2 && Math.abs(scores[0] - 1) < 1e-6 && scores[1] < 1, "@huggingface/inference: similarity", scores);
}

for (const attempt of [tryOpenAI, tryOllama, tryCohere, tryLangChain, tryLlamaIndex, tryHuggingFace]) {
  try {
    await attempt();
  } catch (error) {
    ok(false, `${attempt.name} ends well`, error.stack);
  }
}
console.log(`1..${tests}`);
process.exit(failures ? 1 : 0);
