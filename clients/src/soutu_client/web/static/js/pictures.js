// Pictures of a question: made small enough to send, with a thumbnail for their chip.

import { t } from "./strings.js";

const MOST_SIDE = 1024;
const SMALL_BYTES = 500_000;
const MOST_BYTES = 32 * 2 ** 20; // what the embedding service takes

/** Make a term of a picture's file. What the browser cannot decode (HEIC, for instance) is sent as it is. */
export async function pictureTerm(file) {
  if (file.size === 0) throw new Error(t("pictureEmpty"));
  const sent = (await shrunk(file)) ?? file;
  if (sent.size > MOST_BYTES) throw new Error(t("pictureTooLarge", { limit: MOST_BYTES / 2 ** 20 }));
  return { name: file.name, url: URL.createObjectURL(sent), base64: await base64Of(sent), isNot: false };
}

async function shrunk(file) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(file, { imageOrientation: "from-image" });
  } catch {
    return null;
  }
  const scale = MOST_SIDE / Math.max(bitmap.width, bitmap.height);
  if (scale >= 1 && file.size <= SMALL_BYTES) {
    bitmap.close();
    return null;
  }
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(bitmap.width * Math.min(1, scale)));
  canvas.height = Math.max(1, Math.round(bitmap.height * Math.min(1, scale)));
  canvas.getContext("2d").drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  bitmap.close();
  return new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.92));
}

function base64Of(blob) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.addEventListener("load", () => resolve(reader.result.slice(reader.result.indexOf(",") + 1)));
    reader.addEventListener("error", () => reject(reader.error));
    reader.readAsDataURL(blob);
  });
}
