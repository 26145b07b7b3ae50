/** Runs `work` again and again, `every` ms after it ended; rests while the page is hidden. Returns how to stop. */
export function poll(every: number, work: () => Promise<void>): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let stopped = false;
  const schedule = () => {
    clearTimeout(timer);
    if (!stopped && !document.hidden) timer = setTimeout(tick, every);
  };
  const tick = () => void work().finally(schedule);
  const onVisible = () => {
    clearTimeout(timer);
    if (!document.hidden) tick();
  };
  document.addEventListener('visibilitychange', onVisible);
  schedule();
  return () => {
    stopped = true;
    clearTimeout(timer);
    document.removeEventListener('visibilitychange', onVisible);
  };
}
