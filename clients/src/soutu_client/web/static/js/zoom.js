// Looking closer at a picture: wheel, pinch, double click, keys; dragged about once it is larger than its stage. Swipes, too.

const STEP = 1.5;
const LEAST_MOST = 4; // how far a picture can be enlarged at least
const CLOSER = 2.5;
const PAN_SHARE = 0.15; // of the stage, by an arrow key
const SWIPE_PIXELS = 50;
const TAP_PIXELS = 12;
const DOUBLE_TAP_MILLISECONDS = 320;
const WHEEL = 0.0022;

/** Zoom of the picture on a stage; 1 is the whole picture. `onSwipe` gets 1 or -1, `onChange` the new scale;
 * `canScroll` says whether there is something below the stage that the wheel scrolls to. */
export class Zoom {
  constructor(stage, { onSwipe, onChange, canScroll }) {
    Object.assign(this, { stage, onSwipe, onChange, canScroll, picture: null, scale: 1, x: 0, y: 0 });
    this.pixels = 0; // the original's width
    this.pointers = new Map();
    this.start = null; // of a pinch, a drag or a swipe
    this.lastTap = null;
    stage.addEventListener("wheel", (event) => this.#onWheel(event), { passive: false });
    stage.addEventListener("pointerdown", (event) => this.#onDown(event));
    stage.addEventListener("pointermove", (event) => this.#onMove(event));
    for (const type of ["pointerup", "pointercancel"]) stage.addEventListener(type, (event) => this.#onUp(event));
    stage.addEventListener("dblclick", (event) => {
      if (!this.wasTouched) this.toggle(this.#at(event)); // a double tap is seen below
    });
    new ResizeObserver(() => this.#apply()).observe(stage);
  }

  /** Another picture is on the stage. */
  reset(picture, pixels) {
    this.picture = picture;
    this.pixels = pixels;
    this.pointers.clear();
    this.start = null;
    this.#set(1, 0, 0);
  }

  get isClose() {
    return this.scale > 1;
  }

  /** Closer by a step, or farther. `0` shows the whole picture. */
  step(by) {
    this.#to(by === 0 ? 1 : this.scale * STEP ** by, { x: 0, y: 0 });
  }

  /** Closer, to see each pixel, or the whole picture again. */
  toggle(at = { x: 0, y: 0 }) {
    this.#to(this.isClose ? 1 : Math.max(CLOSER, this.#trueScale()), at);
  }

  /** Move the picture, by shares of the stage. */
  pan(across, down) {
    this.#set(this.scale, this.x - across * PAN_SHARE * this.stage.clientWidth, this.y - down * PAN_SHARE * this.stage.clientHeight);
  }

  /** Size of the picture when all of it is shown. */
  #shown() {
    const { naturalWidth, naturalHeight, offsetWidth, offsetHeight } = this.picture;
    if (!naturalWidth || !offsetWidth) return { width: this.stage.clientWidth, height: this.stage.clientHeight };
    const fit = Math.min(offsetWidth / naturalWidth, offsetHeight / naturalHeight);
    return { width: naturalWidth * fit, height: naturalHeight * fit };
  }

  #trueScale() {
    return this.pixels / this.#shown().width / devicePixelRatio;
  }

  #to(scale, at) {
    if (!this.picture) return;
    const next = Math.min(Math.max(LEAST_MOST, 2 * this.#trueScale()), Math.max(1, scale));
    const by = next / this.scale;
    this.#set(next, at.x - (at.x - this.x) * by, at.y - (at.y - this.y) * by);
  }

  #set(scale, x, y) {
    const isOther = scale !== this.scale;
    Object.assign(this, { scale, x, y });
    this.#apply();
    if (isOther) this.onChange(scale);
  }

  #apply() {
    this.stage.classList.toggle("is-close", this.isClose);
    if (!this.picture) return;
    const { width, height } = this.#shown();
    const held = (value, shown, room) => {
      const most = Math.max(0, (shown * this.scale - room) / 2);
      return Math.min(most, Math.max(-most, value));
    };
    this.x = held(this.x, width, this.stage.clientWidth);
    this.y = held(this.y, height, this.stage.clientHeight);
    this.picture.style.transform = this.isClose ? `translate(${this.x}px, ${this.y}px) scale(${this.scale})` : "";
  }

  /** Where an event is, from the middle of the stage. */
  #at(event) {
    const box = this.stage.getBoundingClientRect();
    return { x: event.clientX - box.left - box.width / 2, y: event.clientY - box.top - box.height / 2 };
  }

  #onWheel(event) {
    if (!this.picture || (this.canScroll() && !event.ctrlKey && !this.isClose)) return;
    event.preventDefault();
    const lines = event.deltaMode === 1 ? 16 : 1;
    this.#to(this.scale * Math.exp(-event.deltaY * lines * WHEEL * (event.ctrlKey ? 4 : 1)), this.#at(event));
  }

  #onDown(event) {
    this.wasTouched = event.pointerType !== "mouse";
    if (!this.picture || (!this.wasTouched && (event.button !== 0 || !this.isClose))) return;
    this.pointers.set(event.pointerId, this.#at(event));
    if (this.isClose && event.isTrusted) this.stage.setPointerCapture(event.pointerId);
    this.#begin();
  }

  #begin() {
    const [first, second] = this.pointers.values();
    this.start = { scale: this.scale, x: this.x, y: this.y, first, second, isPinch: Boolean(second) || Boolean(this.start?.isPinch) };
  }

  #onMove(event) {
    if (!this.start || !this.pointers.has(event.pointerId)) return;
    this.pointers.set(event.pointerId, this.#at(event));
    const [first, second] = this.pointers.values();
    const { start } = this;
    if (second && start.second) {
      const middle = (a, b) => ({ x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 });
      const [from, to] = [middle(start.first, start.second), middle(first, second)];
      const apart = (a, b) => Math.max(1, Math.hypot(a.x - b.x, a.y - b.y));
      Object.assign(this, { scale: start.scale, x: start.x + to.x - from.x, y: start.y + to.y - from.y });
      this.#to((start.scale * apart(first, second)) / apart(start.first, start.second), to);
    } else if (this.isClose) this.#set(this.scale, start.x + first.x - start.first.x, start.y + first.y - start.first.y);
  }

  #onUp(event) {
    const { start } = this;
    const end = this.#at(event);
    if (!this.pointers.delete(event.pointerId) || !start) return;
    if (this.pointers.size) return this.#begin(); // one finger of two stays
    this.start = null;
    if (event.type === "pointercancel" || start.isPinch || !this.wasTouched) return;
    const [across, down] = [end.x - start.first.x, end.y - start.first.y];
    if (Math.hypot(across, down) < TAP_PIXELS) this.#onTap(end, event.timeStamp);
    else if (!this.isClose && Math.abs(across) > SWIPE_PIXELS && Math.abs(across) > 2 * Math.abs(down))
      this.onSwipe(across < 0 ? 1 : -1);
  }

  #onTap(at, time) {
    const { lastTap } = this;
    this.lastTap = { at, time };
    if (!lastTap || time - lastTap.time > DOUBLE_TAP_MILLISECONDS) return;
    if (Math.hypot(at.x - lastTap.at.x, at.y - lastTap.at.y) > 3 * TAP_PIXELS) return;
    this.lastTap = null;
    this.toggle(at);
  }
}
