// A list of any length of which only what can be seen is in the page.

const SPARE = 240; // CSS pixels above and below what can be seen that are drawn, too: each cell costs time in every frame
const TALLEST = 12_000_000; // CSS pixels; browsers cut off longer elements

/** Lines of `columns` cells in `port`, the scrolling element.  draw(cell, index) fills a cell that make() made.
 * head(): pixels of what stays at the top. */
export class Rows {
  constructor(port, { height, head = () => 0, make, draw, onscroll = () => {} }) {
    this.port = port;
    this.make = make;
    this.draw = draw;
    this.height = height;
    this.head = head;
    this.columns = 1;
    this.count = 0;
    this.cells = new Map(); // index -> cell
    this.free = [];
    this.inner = document.createElement("div");
    this.inner.className = "rows";
    this.inner.setAttribute("role", "rowgroup");
    port.append(this.inner);
    this.onscroll = onscroll;
    this.listener = () => this.request();
    port.addEventListener("scroll", this.listener, { passive: true });
    this.watcher = new ResizeObserver(() => this.request());
    this.watcher.observe(port);
  }

  close() {
    this.port.removeEventListener("scroll", this.listener);
    this.watcher.disconnect();
    cancelAnimationFrame(this.frame);
  }

  get lines() {
    return Math.ceil(this.count / this.columns);
  }

  /** Pixels that a line is apart from where it would be if the element could be as tall as it likes. */
  get ratio() {
    const full = this.lines * this.height;
    const room = this.room;
    return full <= TALLEST ? 1 : (full - room) / (TALLEST - room);
  }

  /** Pixels for lines. */
  get room() {
    return Math.max(0, this.port.clientHeight - this.head());
  }

  set(count, { columns = this.columns, height = this.height } = {}) {
    if (columns !== this.columns || height !== this.height) this.drop();
    this.count = count;
    this.columns = columns;
    this.height = height;
    this.inner.style.height = `${Math.min(TALLEST, this.lines * height)}px`;
    this.refresh();
  }

  drop() {
    for (const cell of this.cells.values()) this.free.push(cell);
    this.cells.clear();
    for (const cell of this.free) cell.remove();
    this.free = [];
  }

  request() {
    if (this.frame) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      this.place();
      this.onscroll();
    });
  }

  /** Draw all that can be seen anew. */
  refresh() {
    this.place();
    for (const [index, cell] of this.cells) this.draw(cell, index);
  }

  get top() {
    return this.port.scrollTop * this.ratio;
  }

  place() {
    const spare = Math.ceil(SPARE / this.height);
    const first = Math.max(0, Math.floor(this.top / this.height) - spare) * this.columns;
    const visible = Math.ceil(this.port.clientHeight / this.height) + 2 * spare;
    const end = Math.min(this.count, first + visible * this.columns);
    for (const [index, cell] of this.cells) {
      if (index < first || index >= end) {
        this.cells.delete(index);
        this.free.push(cell);
      }
    }
    const shift = this.port.scrollTop - this.top;
    for (let index = first; index < end; index++) {
      let cell = this.cells.get(index);
      if (!cell) {
        cell = this.free.pop() || this.make();
        this.cells.set(index, cell);
        if (!cell.isConnected) this.inner.append(cell);
        cell.hidden = false;
        this.draw(cell, index);
      }
      cell.style.transform = `translateY(${Math.floor(index / this.columns) * this.height + shift}px)`;
      cell.style.width = this.columns > 1 ? `${100 / this.columns}%` : "";
      cell.style.left = this.columns > 1 ? `${((index % this.columns) * 100) / this.columns}%` : "";
    }
    for (const cell of this.free) cell.hidden = true;
  }

  /** Scroll as little as is needed to see an index. */
  show(index) {
    const start = Math.floor(index / this.columns) * this.height;
    const { room } = this;
    let top = this.top;
    if (start < top) top = start;
    else if (start + this.height > top + room) top = start + this.height - room;
    else return;
    this.port.scrollTop = top / this.ratio;
    this.place();
  }

  get perPage() {
    return Math.max(1, Math.floor(this.room / this.height) - 1) * this.columns;
  }

  /** The last index that can be seen. */
  get lastSeen() {
    return Math.min(this.count, (Math.ceil((this.top + this.port.clientHeight) / this.height) + 1) * this.columns);
  }
}
