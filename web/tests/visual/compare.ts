import { crc32, deflateSync } from 'node:zlib';
import type { Page } from 'playwright-core';

export interface Difference {
  /** Pixels that the other picture has nothing like at their place or beside it. */
  pixels: number;
  /** Squares of eight pixels that are of one colour in both pictures, but not of the same. */
  squares: number;
  /** Where the first and the last of them are. */
  from: [number, number];
  to: [number, number];
}

/** A channel may differ by so much, and an edge may lie one pixel beside: so much differs where text is smoothed otherwise. */
const CHANNEL = 40;
/** The same of squares of one colour, where nothing is smoothed. */
const FLAT = 3;

/** Compares two PNGs in the browser that drew one of them. A picture of another size differs in all its pixels. */
export function difference(page: Page, one: Buffer, other: Buffer): Promise<Difference> {
  return page.evaluate(
    async ([a, b, channel, flat]) => {
      const read = async (data: string) => {
        const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
        const image = await createImageBitmap(new Blob([bytes], { type: 'image/png' }));
        const context = new OffscreenCanvas(image.width, image.height).getContext(
          '2d',
        ) as OffscreenCanvasRenderingContext2D;
        context.drawImage(image, 0, 0);
        return context.getImageData(0, 0, image.width, image.height);
      };
      const [left, right] = [await read(a), await read(b)];
      const { width, height } = left;
      const all = { pixels: width * height, squares: 0, from: [0, 0], to: [width, height] };
      if (right.width !== width || right.height !== height) return all as never;
      const like = (x: number, y: number, at: number, from: ImageData, to: ImageData) => {
        if (x < 0 || y < 0 || x >= width || y >= height) return false;
        const there = (y * width + x) * 4;
        for (let c = 0; c < 3; c++)
          if (Math.abs((from.data[at + c] ?? 0) - (to.data[there + c] ?? 0)) > channel) return false;
        return true;
      };
      const known = (x: number, y: number, from: ImageData, to: ImageData) => {
        const at = (y * width + x) * 4;
        if (like(x, y, at, from, to)) return true;
        for (let dy = -1; dy <= 1; dy++)
          for (let dx = -1; dx <= 1; dx++) if (like(x + dx, y + dy, at, from, to)) return true;
        return false;
      };
      let pixels = 0;
      const [from, to] = [
        [width, height],
        [0, 0],
      ] as [[number, number], [number, number]];
      for (let y = 0; y < height; y++)
        for (let x = 0; x < width; x++) {
          if (known(x, y, left, right) && known(x, y, right, left)) continue;
          pixels++;
          [from[0], from[1]] = [Math.min(from[0], x), Math.min(from[1], y)];
          [to[0], to[1]] = [Math.max(to[0], x), Math.max(to[1], y)];
        }
      const colourOf = ({ data }: ImageData, left: number, top: number) => {
        const first = (top * width + left) * 4;
        for (let y = top; y < top + 8; y++)
          for (let at = (y * width + left) * 4; at < (y * width + left + 8) * 4; at += 4)
            for (let c = 0; c < 3; c++) if (data[at + c] !== data[first + c]) return null;
        return data.subarray(first, first + 3);
      };
      let squares = 0;
      for (let y = 0; y + 8 <= height; y += 8)
        for (let x = 0; x + 8 <= width; x += 8) {
          const [one, other] = [colourOf(left, x, y), colourOf(right, x, y)];
          if (one && other && one.some((value, c) => Math.abs(value - (other[c] ?? 0)) > flat)) squares++;
        }
      return { pixels, squares, from, to };
    },
    [one.toString('base64'), other.toString('base64'), CHANNEL, FLAT] as const,
  );
}

/** The picture in at most 256 colours, packed well. Areas keep theirs; what smoothing made is near what it was. */
export async function packed(page: Page, picture: Buffer): Promise<Buffer> {
  const { width, height, text } = await page.evaluate(async (data) => {
    const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
    const image = await createImageBitmap(new Blob([bytes], { type: 'image/png' }));
    const { width, height } = image;
    const context = new OffscreenCanvas(width, height).getContext('2d') as OffscreenCanvasRenderingContext2D;
    context.drawImage(image, 0, 0);
    const pixels = context.getImageData(0, 0, width, height).data;
    const levels = Array.from(pixels, (value) => String.fromCharCode(value));
    return { width, height, text: levels.filter((_, at) => at % 4 !== 3).join('') };
  }, picture.toString('base64'));
  return png(width, height, Buffer.from(text, 'latin1'));
}

type Colour = readonly [red: number, green: number, blue: number];

/** So many of the most frequent colours are those of areas. */
const AREAS = 128;

/** For each colour its place in a palette; the nearest that is no further than need be. */
function paletteOf(colours: readonly Colour[]): { palette: Colour[]; places: number[] } {
  for (let within = 0; ; within += 2) {
    const palette: Colour[] = [];
    const places = colours.map((colour, index) => {
      const near = (other: Colour) => colour.every((value, c) => Math.abs(value - (other[c] ?? 0)) <= within);
      const found = index < AREAS ? -1 : palette.findIndex(near);
      return found < 0 ? palette.push(colour) - 1 : found;
    });
    if (palette.length <= 256) return { palette, places };
  }
}

/** `pixels` are three bytes each. */
function png(width: number, height: number, pixels: Buffer): Buffer {
  const seen = new Map<number, { colour: Colour; n: number }>();
  const keyAt = (at: number) => pixels.readUIntBE(at, 3);
  for (let at = 0; at < pixels.length; at += 3) {
    const known = seen.get(keyAt(at));
    if (known) known.n++;
    else seen.set(keyAt(at), { colour: [...pixels.subarray(at, at + 3)] as unknown as Colour, n: 1 });
  }
  const sorted = [...seen].sort(([, x], [, y]) => y.n - x.n);
  const { palette, places } = paletteOf(sorted.map(([, { colour }]) => colour));
  const placeOf = new Map(sorted.map(([key], index) => [key, places[index] ?? 0]));
  const rows = Buffer.alloc(height * (1 + width));
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) rows[y * (1 + width) + 1 + x] = placeOf.get(keyAt((y * width + x) * 3)) ?? 0;
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head.set([8, 3], 8);
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk('IHDR', head),
    chunk('PLTE', Buffer.from(palette.flat())),
    chunk('IDAT', deflateSync(rows, { level: 9, memLevel: 9 })),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

function chunk(name: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(name, 'latin1'), data]);
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  sum.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, sum]);
}
