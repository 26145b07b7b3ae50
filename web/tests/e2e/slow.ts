/**
 * `SLOW=6` makes the browser six times slower and every answer of the server late by up to 0.6 s, in an order that
 * `SEED=2` changes: a test that acts before what it relies on is there fails here, and not one day on a busy machine.
 */
export const SLOW = Number(process.env['SLOW'] ?? 1);
