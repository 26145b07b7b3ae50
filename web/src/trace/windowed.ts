/** Which of many rows of one height are near the screen. */
export function windowOf(scrollTop: number, height: number, row: number, count: number, spare = 12): [number, number] {
  const first = Math.max(0, Math.min(count - 1, Math.floor(scrollTop / row) - spare));
  return [first, Math.min(count, Math.max(first + 1, Math.ceil((scrollTop + height) / row) + spare))];
}
