// Dates, sizes and amounts in a person's language.

import { language, t } from "./strings.js";

const locale = language === "zh" ? "zh-CN" : "en-GB";
const number = new Intl.NumberFormat(locale);
const day = new Intl.DateTimeFormat(locale, { dateStyle: "long", timeZone: "UTC" });
const moment = new Intl.DateTimeFormat(locale, { dateStyle: "long", timeStyle: "short", timeZone: "UTC" });
const monthName = new Intl.DateTimeFormat(locale, { year: "numeric", month: "long", timeZone: "UTC" });
const ago = new Intl.RelativeTimeFormat(locale, { numeric: "auto" });

const FORMATS = {
  "x-raw": "RAW",
  quicktime: "MOV",
  "x-matroska": "MKV",
  "x-msvideo": "AVI",
  "x-ms-asf": "WMV",
  "x-flv": "FLV",
  mp2t: "MTS",
};
const UNITS = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"];

export function amount(value) {
  return number.format(value);
}

export function bytes(value) {
  const power = Math.min(UNITS.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, value)) / 3)));
  const digits = power > 1 && value / 1000 ** power < 100 ? 1 : 0;
  const format = new Intl.NumberFormat(locale, { style: "unit", unit: UNITS[power], maximumFractionDigits: digits });
  return format.format(value / 1000 ** power);
}

/** When a photo was taken, on the clock of the place. */
export function takenText(taken) {
  return moment.format(new Date(`${taken.local_time.slice(0, 19)}Z`));
}

export function takenDay(taken) {
  return day.format(new Date(`${taken.local_time.slice(0, 19)}Z`));
}

/** `2019-05` for people. */
export function monthText(month) {
  return monthName.format(new Date(`${month.slice(0, 7)}-01T00:00:00Z`));
}

/** A filter's date for people: a year, a month or a day. */
export function dateText(date) {
  const isDate = /^\d{4}(-\d\d){0,2}$/u.test(date) && !Number.isNaN(Date.parse(date));
  if (!isDate) return date; // the API says what is wrong with it
  if (date.length === 4) return language === "zh" ? `${date}年` : date;
  return date.length === 7 ? monthText(date) : day.format(new Date(`${date.slice(0, 10)}T00:00:00Z`));
}

/** How long ago an instant was. */
export function agoText(instant) {
  const seconds = (new Date(instant) - Date.now()) / 1000;
  for (const [unit, size] of [
    ["day", 86400],
    ["hour", 3600],
    ["minute", 60],
  ]) {
    if (Math.abs(seconds) >= size) return ago.format(Math.round(seconds / size), unit);
  }
  return t("justNow");
}

/** How long something takes. */
export function durationText(seconds) {
  if (seconds < 60) return t("secondsLong", { n: Math.max(1, Math.round(seconds)) });
  if (seconds < 3600) return t("minutesLong", { n: Math.round(seconds / 60) });
  return t("hoursLong", { n: amount(Math.round(seconds / 360) / 10) });
}

/** A photo's newest name without its folders. */
export function shortName(photo) {
  const name = photo.names[0]?.name ?? "";
  return name.slice(name.lastIndexOf("/") + 1);
}

/** A time within a video, as players write it: 0:42. */
export function clockText(milliseconds) {
  const seconds = Math.floor(milliseconds / 1000);
  const two = (value) => String(value).padStart(2, "0");
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  return hours ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
}

/** The clip of a Live Photo, if it has one. */
export function clipOf(photo) {
  return photo.parts.find((part) => part.media_type.startsWith("video/")) ?? null;
}

/** What a photo is beside a picture: RAW, LIVE, or a video with the time of the frame that was found, else its length. */
export function badges(photo, frame = null) {
  const found = [];
  if ([photo, ...photo.parts].some((file) => file.media_type === "image/x-raw")) found.push("RAW");
  if (clipOf(photo)) found.push("LIVE");
  if (photo.kind === "VIDEO") found.push(`▶ ${clockText(frame ?? photo.duration_ms ?? 0)}`);
  return found;
}

/** A media type for people. */
export function formatText(mediaType) {
  const name = mediaType.replace(/^(image|video)\//u, "");
  return FORMATS[name] ?? name.toUpperCase();
}

/** A photo in a few words, for those who hear pages. */
export function photoText(photo) {
  const parts = [photo.annotations.caption || shortName(photo), photo.taken && takenDay(photo.taken)];
  if (photo.annotations.favourite) parts.push(t("favourite"));
  return parts.filter(Boolean).join(", ");
}
