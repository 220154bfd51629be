/**
 * Bounds the cost of a job over all data: it runs once at a time, and all requests during a run share the next one. So no answer
 * comes from a run that began before the request.
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
