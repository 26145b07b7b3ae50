import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { poll } from '../../src/poll';

const page = Object.assign(new EventTarget(), { hidden: false });
const show = (visible: boolean) => {
  page.hidden = !visible;
  page.dispatchEvent(new Event('visibilitychange'));
};

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal('document', page);
  page.hidden = false;
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test('asks again after each answer, rests while hidden, looks at once when seen again, stops for good', async () => {
  const work = vi.fn(async () => undefined);
  const stop = poll(2000, work);
  await vi.advanceTimersByTimeAsync(4100);
  expect(work).toHaveBeenCalledTimes(2);
  show(false);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(work).toHaveBeenCalledTimes(2);
  show(true);
  await vi.advanceTimersByTimeAsync(0);
  expect(work).toHaveBeenCalledTimes(3);
  stop();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(work).toHaveBeenCalledTimes(3);
});

test('a slow answer is not asked for twice', async () => {
  let answer = () => {};
  const work = vi.fn(() => new Promise<void>((resolve) => (answer = resolve)));
  const stop = poll(2000, work);
  await vi.advanceTimersByTimeAsync(20_000);
  expect(work).toHaveBeenCalledTimes(1);
  answer();
  await vi.advanceTimersByTimeAsync(2000);
  expect(work).toHaveBeenCalledTimes(2);
  stop();
});
