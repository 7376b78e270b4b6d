// Rows of photos that fill the width, each as high as its photos want it. Only numbers: nothing of the page.

const NARROWEST = 0.5;
const WIDEST = 3;
const HEADING_HEIGHT = 52;

/** Width over height, held to what a row can bear. */
export function aspectOf(photo) {
  if (!photo.width || !photo.height) return 1;
  return Math.min(WIDEST, Math.max(NARROWEST, photo.width / photo.height));
}

/** Rows for photos that come page by page. `headingOf` names the group of a photo; groups never share a row. */
export class Layout {
  constructor({ width, rowHeight, gap, headingOf = null }) {
    Object.assign(this, { width, rowHeight, gap, headingOf });
    this.rows = []; // { top, height, heading } or { top, height, boxes: [{ index, left, width }] }
    this.rowOf = []; // index of each photo's row
    this.height = 0;
  }

  /** Lay out the photos from the first that has no settled row on. */
  extend(photos) {
    let next = this.rowOf.length;
    const last = this.rows.at(-1);
    if (last?.boxes && !last.isFull) {
      next = last.boxes[0].index;
      this.rows.pop();
      this.rowOf.length = next;
      this.height = last.top;
    }
    let group = next > 0 && this.headingOf ? this.headingOf(photos[next - 1]) : null;
    while (next < photos.length) {
      const heading = this.headingOf?.(photos[next]) ?? null;
      if (heading !== group) {
        group = heading;
        this.#push({ height: HEADING_HEIGHT, heading });
      }
      next = this.#fillRow(photos, next, group);
    }
  }

  #push(row) {
    row.top = this.height;
    this.rows.push(row);
    this.height += row.height + (row.boxes ? this.gap : 0);
  }

  #fillRow(photos, first, group) {
    let aspects = 0;
    let end = first;
    let isFull = false;
    while (end < photos.length && !isFull) {
      if (this.headingOf && this.headingOf(photos[end]) !== group) break;
      aspects += aspectOf(photos[end]);
      end += 1;
      isFull = aspects * this.rowHeight + (end - first - 1) * this.gap >= this.width;
    }
    const room = this.width - (end - first - 1) * this.gap;
    const height = isFull ? room / aspects : Math.min(this.rowHeight, room / aspects);
    const boxes = [];
    let left = 0;
    for (let index = first; index < end; index += 1) {
      const width = aspectOf(photos[index]) * height;
      boxes.push({ index, left, width });
      left += width + this.gap;
      this.rowOf[index] = this.rows.length;
    }
    this.#push({ height, boxes, isFull: isFull || end < photos.length });
    return end;
  }

  /** The first row that reaches below a height. */
  rowAt(y) {
    let low = 0;
    let high = this.rows.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const row = this.rows[middle];
      if (row.top + row.height < y) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The photo next to one: `down` is -1 or 1 rows away, and the nearest in it. */
  neighbour(index, down) {
    const row = this.rowOf[index];
    const box = this.rows[row].boxes.find((one) => one.index === index);
    const centre = box.left + box.width / 2;
    for (let at = row + down; at >= 0 && at < this.rows.length; at += down) {
      const { boxes } = this.rows[at];
      if (!boxes) continue;
      const distance = (one) => Math.abs(one.left + one.width / 2 - centre);
      return boxes.reduce((best, one) => (distance(one) < distance(best) ? one : best)).index;
    }
    return index;
  }
}
