// Starts the SDK, and says so if that is too late. Counts requests from the moment this module is loaded.
import { subscribe, unsubscribe } from 'node:diagnostics_channel';

const CHANNEL = 'http.server.request.start';
let served = 0;
const count = () => {
  served += 1;
};
subscribe(CHANNEL, count);

/**
 * Starts `sdk` (a `NodeSDK`, or anything with `start()`), and warns if requests were served before: their spans do not
 * exist, and the interaction's first seconds are missing. Returns the warning's text.
 */
export function start(sdk) {
  const warning = lateStart();
  unsubscribe(CHANNEL, count);
  served = 0;
  if (warning) process.emitWarning(warning, { type: 'LateStart', code: 'THROUGHLINE_LATE_START' });
  sdk.start();
  return warning;
}

/** What is wrong with starting the SDK now. */
export function lateStart() {
  const listens = process.getActiveResourcesInfo().includes('TCPServerWrap');
  if (served === 0 && !listens) return undefined;
  const seen =
    served === 0
      ? 'a server already listens'
      : served === 1
        ? '1 request was served'
        : `${served} requests were served`;
  return (
    `OpenTelemetry starts ${process.uptime().toFixed(1)} s after the process, and ${seen}: nothing before is traced. ` +
    'Start the SDK at the entry point, before the server is loaded: node --import ./tracing.mjs server.mjs'
  );
}
