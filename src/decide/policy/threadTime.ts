import { readFileSync } from 'node:fs';

type Usage = { user: number; system: number };
/** Node 23.9 and later. */
const own = (process as { threadCpuUsage?: () => Usage }).threadCpuUsage?.bind(process);
const SCHEDSTAT = '/proc/thread-self/schedstat';

/**
 * CPU time of the calling thread, in ms: it does not advance while the process is stopped or waits for a CPU. Without such a clock
 * (Node before 23.9 outside Linux) it is that of the whole process, which is never less. Takes some microseconds.
 */
export function threadCpuMs(): number {
  if (own) return msOf(own());
  if (!isSchedstat) return msOf(process.cpuUsage());
  return Number(readFileSync(SCHEDSTAT, 'latin1').split(' ')[0]) / 1e6;
}

const msOf = ({ user, system }: Usage): number => (user + system) / 1_000;

const isSchedstat = ((): boolean => {
  try {
    return Number(readFileSync(SCHEDSTAT, 'latin1').split(' ')[0]) > 0;
  } catch {
    return false;
  }
})();
