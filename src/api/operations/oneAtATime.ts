/**
 * Bounds what a job over all data takes from the rest: it runs once at a time, and all who ask while it runs share the next run. So no
 * answer is of a run that began before it was asked for.
 */
export function oneAtATime<T>(job: () => Promise<T>): () => Promise<T> {
  let running: Promise<T> | null = null;
  let next: Promise<T> | null = null;

  function start(): Promise<T> {
    const run = job();
    running = run;
    const ended = (): void => {
      if (running === run) running = null;
    };
    run.then(ended, ended);
    return run;
  }
  return () => {
    if (next !== null) return next;
    if (running === null) return start();
    next = running
      .then(
        () => {},
        () => {},
      )
      .then(() => {
        next = null;
        return start();
      });
    return next;
  };
}
