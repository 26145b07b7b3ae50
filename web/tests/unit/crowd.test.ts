import { describe, expect, test } from 'vitest';
import { boundariesOf, buildAxis, type Axis } from '../../src/trace/axis';
import { buildModel } from '../../src/trace/model';
import { drawnOf } from '../../src/trace/slivers';
import { stepLine, type Stop } from '../../src/trace/stepline';
import { span } from './spans';

/** Bars on a scale of ten pixels a second. */
function drawn(spans: Parameters<typeof buildModel>[0]): string[] {
  const { nodes, length } = buildModel(spans);
  const options = { width: length / 1e8, from: 0, to: length, compress: false, opened: new Set<number>() };
  const axis: Axis = buildAxis(boundariesOf(nodes), options);
  const inOrder = [...nodes].sort((a, b) => a.start - b.start);
  return drawnOf(inOrder, axis).map(
    ({ x, width, node, members }) => `${node.span.name} ${Math.round(x)}+${Math.round(width)} of ${members.length}`,
  );
}

const beats = (count: number, every: number, from = 0) =>
  Array.from({ length: count }, (_, i) => span(`${i}`, from + i * every, from + i * every + (i === 3 ? 0.2 : 0.1)));
const end = span('end', 99, 100);

describe('a lane with more spans than pixels', () => {
  test('slivers that touch are a strip that names the longest', () =>
    expect(drawn([...beats(20, 0.3), end])).toEqual(['3 0+60 of 20', 'end 990+10 of 1']));

  test('slivers apart from each other are bars', () =>
    expect(drawn([...beats(3, 1), end])).toEqual(['0 0+3 of 1', '1 10+3 of 1', '2 20+3 of 1', 'end 990+10 of 1']));

  test('a few that touch stay bars, without those that would not be seen', () =>
    expect(drawn([...beats(4, 0.1), end])).toEqual(['0 0+3 of 1', '2 2+3 of 1', 'end 990+10 of 1']));

  test('a wide bar parts two strips, and stands before what lies upon it', () => {
    const wide = span('wide', 6.2, 20);
    expect(drawn([...beats(20, 0.3), wide, ...beats(20, 0.3, 30), end])).toEqual([
      '3 0+60 of 20',
      'wide 62+138 of 1',
      '3 300+60 of 20',
      'end 990+10 of 1',
    ]);
  });

  test('every span is in one bar or strip, or under one', () => {
    const { nodes, length } = buildModel(beats(5000, 0.02));
    const axis = buildAxis(boundariesOf(nodes), {
      width: 1000,
      from: 0,
      to: length,
      compress: true,
      opened: new Set(),
    });
    const [strip, ...others] = drawnOf(nodes, axis);
    expect([strip?.members.length, others]).toEqual([5000, []]);
  });
});

describe('the step line', () => {
  const stop = (from: number, to: number, y: number, joined = true): Stop => ({ from, to, y, joined });

  test('goes along a lane and up or down to the next', () =>
    expect(stepLine([stop(0, 50, 10, false), stop(50, 90, 30), stop(90, 100, 10)])).toBe(
      'M0,10L50,10V10V30V30L90,30V10V30V10L100,10',
    ));

  test('does not lead where nobody waited', () =>
    expect(stepLine([stop(0, 5, 10, false), stop(40, 50, 10, false)])).toBe('M0,10L5,10M40,10L50,10'));

  test('what lies in one column is one upright', () => {
    const corners = Array.from({ length: 1000 }, (_, i) => stop(50 + i / 5000, 50 + i / 5000, 10 + (i % 4) * 10));
    expect(stepLine([stop(0, 50, 10, false), ...corners, stop(50.2, 90, 10)])).toBe('M0,10L50,10V10V40V10L90,10');
  });

  test('a wall of uprights becomes the lanes it is in', () => {
    const beats = Array.from({ length: 40 }, (_, i) => [
      stop(20 + i * 2, 21 + i * 2, 30),
      stop(21 + i * 2, 22 + i * 2, 10),
    ]);
    expect(stepLine([stop(0, 20, 10, false), ...beats.flat(), stop(100, 150, 10)])).toBe(
      'M0,10L20,10V10V30V30M20,10H99M20,30H99M99,30V10V30V10L100,10L150,10',
    );
  });

  test('a short one stays as it is', () => {
    const beats = Array.from({ length: 4 }, (_, i) => [
      stop(20 + i * 2, 21 + i * 2, 30),
      stop(21 + i * 2, 22 + i * 2, 10),
    ]);
    expect(stepLine([stop(0, 20, 10, false), ...beats.flat()]).match(/V/g)?.length).toBeGreaterThan(12);
  });

  test('is empty without a stop', () => expect(stepLine([])).toBe(''));
});
