/** Starts the SDK, and warns (`process.on('warning')`, code `THROUGHLINE_LATE_START`) if requests were served before. */
export function start(sdk: { start(): void }): string | undefined;
/** What is wrong with starting the SDK now; nothing if it is early enough. */
export function lateStart(): string | undefined;
