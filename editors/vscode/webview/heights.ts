// The heights of many rows, measured or guessed: where a row begins, and which row is at a place, in logarithmic time. Pure.

export class Heights {
  private tree = new Float64Array(1);
  private values = new Float64Array(0);
  private known = new Uint8Array(0);
  private count = 0;

  constructor(private readonly guess: number) {}

  get length(): number {
    return this.count;
  }

  get total(): number {
    return this.before(this.count);
  }

  /** Adds rows of a guessed height, in front or behind. What is measured stays so. */
  grow(front: number, behind: number): void {
    const count = this.count + front + behind;
    if (front === 0 && count <= this.values.length) {
      for (let at = this.count; at < count; at += 1) {
        this.values[at] = this.guess;
        this.known[at] = 0;
      }
      const from = this.count;
      this.count = count;
      for (let at = from; at < count; at += 1) this.link(at);
      return;
    }
    const size = Math.max(64, count * 2);
    const values = new Float64Array(size).fill(this.guess, 0, count);
    const known = new Uint8Array(size);
    values.set(this.values.subarray(0, this.count), front);
    known.set(this.known.subarray(0, this.count), front);
    this.values = values;
    this.known = known;
    this.count = count;
    this.build();
  }

  clear(): void {
    this.count = 0;
    this.values = new Float64Array(0);
    this.known = new Uint8Array(0);
    this.tree = new Float64Array(1);
  }

  /** Takes a measured height, and returns by how much the row grew. */
  set(at: number, height: number): number {
    const more = height - (this.values[at] ?? 0);
    this.known[at] = 1;
    if (more === 0) return 0;
    this.values[at] = height;
    for (let node = at + 1; node < this.tree.length; node += node & -node)
      this.tree[node] = (this.tree[node] ?? 0) + more;
    return more;
  }

  get(at: number): number {
    return this.values[at] ?? 0;
  }

  isMeasured(at: number): boolean {
    return this.known[at] === 1;
  }

  /** The height of all rows before this one. */
  before(at: number): number {
    let sum = 0;
    for (let node = at; node > 0; node -= node & -node) sum += this.tree[node] ?? 0;
    return sum;
  }

  /** The row that is at this place. */
  at(place: number): number {
    let node = 0;
    let rest = place;
    for (let step = 1 << Math.floor(Math.log2(Math.max(1, this.count))); step > 0; step >>= 1) {
      const next = node + step;
      if (next <= this.count && (this.tree[next] ?? 0) <= rest) {
        node = next;
        rest -= this.tree[next] ?? 0;
      }
    }
    return Math.min(node, Math.max(0, this.count - 1));
  }

  private link(at: number): void {
    const node = at + 1;
    let sum = this.values[at] ?? 0;
    for (let child = node - 1; child > node - (node & -node); child -= child & -child) sum += this.tree[child] ?? 0;
    this.tree[node] = sum;
  }

  private build(): void {
    this.tree = new Float64Array(this.values.length + 1);
    for (let node = 1; node <= this.count; node += 1) {
      this.tree[node] = (this.tree[node] ?? 0) + (this.values[node - 1] ?? 0);
      const parent = node + (node & -node);
      if (parent <= this.count) this.tree[parent] = (this.tree[parent] ?? 0) + (this.tree[node] ?? 0);
    }
  }
}
