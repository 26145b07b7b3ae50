import { crc32, deflateSync } from 'node:zlib';
import type { Page } from 'playwright-core';

export interface Difference {
  /** Pixels that the other picture has nothing like at their place or beside it. */
  pixels: number;
  /** Where the first and the last of them are. */
  from: [number, number];
  to: [number, number];
}

/** A channel may differ by so much, and an edge may lie one pixel beside: so much differs where text is smoothed otherwise. */
const CHANNEL = 40;

/** Compares two PNGs in the browser that drew one of them. A picture of another size differs in all its pixels. */
export function difference(page: Page, one: Buffer, other: Buffer): Promise<Difference> {
  return page.evaluate(
    async ([a, b, channel]) => {
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
      const all = { pixels: width * height, from: [0, 0], to: [width, height] };
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
      return { pixels, from, to };
    },
    [one.toString('base64'), other.toString('base64'), CHANNEL] as const,
  );
}

/** The picture with sixteen levels of each colour, packed well: a third of the room, and no difference. */
export async function packed(page: Page, picture: Buffer): Promise<Buffer> {
  const { width, height, text } = await page.evaluate(async (data) => {
    const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
    const image = await createImageBitmap(new Blob([bytes], { type: 'image/png' }));
    const { width, height } = image;
    const context = new OffscreenCanvas(width, height).getContext('2d') as OffscreenCanvasRenderingContext2D;
    context.drawImage(image, 0, 0);
    const pixels = context.getImageData(0, 0, width, height).data;
    const levels = Array.from(pixels, (value) => String.fromCharCode(Math.round(value / 17)));
    return { width, height, text: levels.filter((_, at) => at % 4 !== 3).join('') };
  }, picture.toString('base64'));
  return png(width, height, Buffer.from(text, 'latin1'));
}

/** `levels` are 0 to 15, three for each pixel. Up to 256 colours are a palette. */
function png(width: number, height: number, levels: Buffer): Buffer {
  const palette = new Map<number, number>();
  const colour = (at: number) => ((levels[at] ?? 0) << 8) | ((levels[at + 1] ?? 0) << 4) | (levels[at + 2] ?? 0);
  for (let at = 0; at < levels.length; at += 3) if (!palette.has(colour(at))) palette.set(colour(at), palette.size);
  const indexed = palette.size <= 256;
  const depth = indexed ? 1 : 3;
  const rows = Buffer.alloc(height * (1 + width * depth));
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const [from, to] = [(y * width + x) * 3, y * (1 + width * depth) + 1 + x * depth];
      if (indexed) rows[to] = palette.get(colour(from)) ?? 0;
      else for (let c = 0; c < 3; c++) rows[to + c] = (levels[from + c] ?? 0) * 17;
    }
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head.set([8, indexed ? 3 : 2], 8);
  const colours = [...palette.keys()].flatMap((one) => [one >> 8, (one >> 4) & 15, one & 15]).map((one) => one * 17);
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk('IHDR', head),
    ...(indexed ? [chunk('PLTE', Buffer.from(colours))] : []),
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
