// Names over the picture, on the canvas above the points: text is drawn, never markup. What comes first is placed first and keeps
// its room; a later name that would overlap is left out. The order: the chosen point and its neighbours, names of clusters,
// then points in their order (for word vectors: by frequency) once few enough are in sight.

export interface Name {
  text: string;
  x: number;
  y: number;
  size: number;
  weight: number;
  colour: string;
  /** Drawn on a plate, and never left out. */
  plate?: boolean;
  /** Pixels between the point and its name: 0 sets the name over the point itself. */
  gap: number;
}

interface Box {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

const FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", sans-serif';
const LONGEST = 42;

export function shorten(text: string, longest = LONGEST): string {
  const line = text.replace(/\s+/g, ' ').trim();
  if (line.length <= longest) return line;
  return [...line].slice(0, longest - 1).join('').trimEnd() + '…';
}

export class LabelLayer {
  readonly context: CanvasRenderingContext2D;
  private readonly widths = new Map<string, number>();
  private ratio = 1;
  /** Names drawn at the last call. */
  drawn: string[] = [];

  constructor(private readonly canvas: HTMLCanvasElement) {
    this.context = canvas.getContext('2d')!;
  }

  resize(width: number, height: number, ratio: number): void {
    this.ratio = ratio;
    this.canvas.width = Math.round(width * this.ratio);
    this.canvas.height = Math.round(height * this.ratio);
  }

  private width(font: string, text: string): number {
    const key = `${font}\n${text}`;
    let w = this.widths.get(key);
    if (w === undefined) {
      if (this.widths.size > 20000) this.widths.clear();
      w = this.context.measureText(text).width;
      this.widths.set(key, w);
    }
    return w;
  }

  /** An empty canvas, in CSS pixels. */
  begin(): void {
    this.context.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    this.context.clearRect(0, 0, this.canvas.width / this.ratio, this.canvas.height / this.ratio);
  }

  draw(names: Iterable<Name>, halo: string, plate: string, limit: number): void {
    const c = this.context;
    const width = this.canvas.width / this.ratio;
    const height = this.canvas.height / this.ratio;
    c.textBaseline = 'middle';
    c.lineJoin = 'round';
    const taken = new Map<number, Box[]>();
    const CELL = 96;
    const cells = function* (b: Box) {
      for (let gy = Math.floor(b.top / CELL); gy <= Math.floor(b.bottom / CELL); gy++)
        for (let gx = Math.floor(b.left / CELL); gx <= Math.floor(b.right / CELL); gx++) yield gy * 1000 + gx;
    };
    const free = (b: Box) => {
      for (const cell of cells(b))
        for (const o of taken.get(cell) ?? [])
          if (b.left < o.right && b.right > o.left && b.top < o.bottom && b.bottom > o.top) return false;
      return true;
    };
    this.drawn = [];
    for (const name of names) {
      if (this.drawn.length >= limit) break;
      if (name.x < -40 || name.y < -20 || name.x > width + 40 || name.y > height + 20) continue;
      const text = shorten(name.text);
      if (text === '') continue;
      const font = `${name.weight} ${name.size}px ${FONT}`;
      c.font = font;
      const w = this.width(font, text);
      const h = name.size * 1.25;
      // A point's name stands right of it, or left, above or below when that room is taken.
      const places: [number, number][] = name.gap
        ? [
            [name.x + name.gap, name.y],
            [name.x - name.gap - w, name.y],
            [name.x - w / 2, name.y - name.gap - h / 2],
            [name.x - w / 2, name.y + name.gap + h / 2],
          ]
        : [[name.x - w / 2, name.y]];
      const pad = name.plate ? 5 : 2;
      const boxOf = ([x, y]: [number, number]): Box => ({ left: x - pad, right: x + w + pad, top: y - h / 2 - 1, bottom: y + h / 2 + 1 });
      let place = places.find((p) => free(boxOf(p)));
      if (!place) {
        if (!name.plate) continue;
        place = places[0]!;
      }
      const box = boxOf(place);
      for (const cell of cells(box)) {
        const list = taken.get(cell);
        if (list) list.push(box);
        else taken.set(cell, [box]);
      }
      if (name.plate) {
        c.fillStyle = plate;
        c.beginPath();
        c.roundRect(box.left, box.top, box.right - box.left, box.bottom - box.top, 5);
        c.fill();
      } else {
        c.strokeStyle = halo;
        c.lineWidth = Math.max(3, name.size / 4);
        c.strokeText(text, place[0], place[1]);
      }
      c.fillStyle = name.colour;
      c.fillText(text, place[0], place[1]);
      this.drawn.push(name.text);
    }
  }
}
