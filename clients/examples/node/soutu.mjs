// 用 JavaScript 和搜图说话：搜索、用图片找相似的、添加、取原图。
// Speaks to soutu from JavaScript: search by words or by a picture, add a photo, get an original.
//
//   npm ci
//   export SOUTU_ADDRESS=nas.local:8401 SOUTU_AUTHORITY=ca.pem SOUTU_TOKEN=soutu_…
//   node soutu.mjs search 雪地里的狗
//   node soutu.mjs similar picture.jpg
//   node soutu.mjs add picture.jpg
//   node soutu.mjs save PHOTO_ID copy.jpg
//
// Without SOUTU_AUTHORITY nothing is encrypted: for a service on this machine alone, which asks for no token.
import { createHash } from "node:crypto";
import { createWriteStream, readFileSync, statSync } from "node:fs";
import { basename } from "node:path";
import { pipeline } from "node:stream/promises";
import { fileURLToPath } from "node:url";
import grpc from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";

const CHUNK_BYTES = 256 * 1024; // the service takes 1 MiB at most
const MESSAGE_BYTES = 64 * 1024 * 1024;
const PROTOS = fileURLToPath(new URL("../../../protos", import.meta.url)); // copy that folder along with this file

const { SearchService, PhotoService } = grpc.loadPackageDefinition(
  loadSync(["soutu/search/v1/search_service.proto", "soutu/search/v1/photo_service.proto"], {
    includeDirs: [PROTOS],
    longs: Number,
    enums: String,
    arrays: true, // empty ones too
  }),
).soutu.search.v1;

const { SOUTU_ADDRESS = "127.0.0.1:8401", SOUTU_AUTHORITY, SOUTU_TOKEN, SOUTU_LANGUAGE = "zh" } = process.env;
const credentials = SOUTU_AUTHORITY
  ? grpc.credentials.createSsl(readFileSync(SOUTU_AUTHORITY))
  : grpc.credentials.createInsecure();
const options = { "grpc.max_receive_message_length": MESSAGE_BYTES, "grpc.max_send_message_length": MESSAGE_BYTES };
const search = new SearchService(SOUTU_ADDRESS, credentials, options);
const photos = new PhotoService(SOUTU_ADDRESS, credentials, options);

function metadata() {
  const told = new grpc.Metadata();
  told.set("accept-language", SOUTU_LANGUAGE); // of the messages that the service writes
  if (SOUTU_TOKEN) told.set("authorization", `Bearer ${SOUTU_TOKEN}`);
  return told;
}

const within = (seconds) => ({ deadline: Date.now() + 1000 * seconds });

function find(term) {
  return new Promise((resolve, reject) => {
    search.searchPhotos({ terms: [term], pageSize: 10 }, metadata(), within(30), (error, page) =>
      error ? reject(error) : resolve(page),
    );
  });
}

function show({ hits, notices }) {
  for (const { photo, cosine } of hits) {
    console.log([photo.photoId, cosine ? cosine.toFixed(3) : "-", photo.names[0]?.name].join("\t"));
  }
  for (const { message } of notices) console.error(message);
}

function add(path) {
  const bytes = readFileSync(path);
  const { mtimeMs } = statSync(path);
  const header = {
    name: basename(path),
    sizeBytes: bytes.length,
    sha256: createHash("sha256").update(bytes).digest("hex"),
    modifiedTime: { seconds: Math.floor(mtimeMs / 1000) },
  };
  return new Promise((resolve, reject) => {
    const call = photos.uploadPhoto(metadata(), within(600), (error, answer) => (error ? reject(error) : resolve(answer)));
    call.write({ header });
    for (let at = 0; at < bytes.length; at += CHUNK_BYTES) call.write({ chunk: bytes.subarray(at, at + CHUNK_BYTES) });
    call.end();
  });
}

async function save(photoId, path) {
  const call = photos.readOriginal({ photoId }, metadata(), within(600));
  await pipeline(
    call,
    async function* (parts) {
      for await (const part of parts) if (part.chunk?.length) yield part.chunk;
    },
    createWriteStream(path, { flags: "wx" }), // what is there already is not overwritten
  );
}

const [command, ...words] = process.argv.slice(2);
try {
  if (command === "search" && words.length) show(await find({ text: words.join(" ") }));
  else if (command === "similar" && words.length === 1) show(await find({ image: readFileSync(words[0]) }));
  else if (command === "add" && words.length === 1) {
    const { photoId, created, name } = await add(words[0]);
    console.log([photoId, created ? "new" : "known", name].join("\t"));
  } else if (command === "save" && words.length === 2) await save(...words);
  else {
    console.error("usage: node soutu.mjs search WORDS… | similar FILE | add FILE | save PHOTO_ID FILE");
    process.exitCode = 2;
  }
} catch (error) {
  console.error(error.details ?? error.message); // the service's own words, in one line
  process.exitCode = 1;
} finally {
  search.close();
  photos.close();
}
