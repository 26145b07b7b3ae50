export interface Label {
  text: string;
  /** Space before the text, in pixels. */
  pad: number;
}

const PAD = 5;
/** No word fits less, and measuring thousands of slivers takes time. */
export const LABELLED = 20;

/**
 * The first of `labels` that fits a bar, before its first cut or between two cuts; else the first word; else none.
 * Text is never clipped. `cuts` count from the left end of the bar.
 */
export function fitLabel(
  labels: readonly string[],
  width: number,
  cuts: readonly number[],
  measure: (text: string) => number,
): Label {
  const free = (cuts[0] ?? width) - PAD - 3;
  const [first, second] = cuts;
  if (width < LABELLED) return { text: '', pad: PAD };
  for (const text of labels) {
    if (measure(text) <= free) return { text, pad: PAD };
    if (first !== undefined && (second ?? width) - first - 22 > measure(text)) return { text, pad: first + 12 };
  }
  const word = labels.at(-1)?.split(' ')[0] ?? '';
  return word.length > 1 && measure(word) <= free && !/^\d/.test(word)
    ? { text: word, pad: PAD }
    : { text: '', pad: PAD };
}

let context: CanvasRenderingContext2D | null = null;

/** Measures with the page's own font. */
export function measurer(font: string): (text: string) => number {
  context ??= document.createElement('canvas').getContext('2d');
  const family = getComputedStyle(document.body).fontFamily;
  return (text) => {
    if (!context) return text.length * 7;
    context.font = `${font} ${family}`;
    return context.measureText(text).width + 1;
  };
}
