/** A second Ctrl-C of a person; npm and tsx forward the first one again within a few milliseconds. */
const SECOND_AFTER_MS = 500;

export type Stopping = {
  /** Resolves at the first SIGINT or SIGTERM. */
  readonly asked: Promise<void>;
};

/** The first signal asks to stop, and a second one ends the process at once. */
export function onStopSignal(say: (line: string) => void): Stopping {
  let askedAt: number | null = null;
  const asked = new Promise<void>((resolve) => {
    const hear = (): void => {
      const now = performance.now();
      if (askedAt === null) {
        askedAt = now;
        say('Stopping; once more to end at once.');
        resolve();
      } else if (now - askedAt > SECOND_AFTER_MS) {
        process.exit(130);
      }
    };
    process.on('SIGINT', hear);
    process.on('SIGTERM', hear);
  });
  return { asked };
}
