// Loaded into a server by `node --import`: its clock is the machine's and the seconds that stand in a file, read again and again. What
// steps a system's clock does to a process, without the rights to set it.
import { readFileSync } from 'node:fs';

const realNow = Date.now;
let shiftMs = 0;
function read() {
  try {
    shiftMs = Number(readFileSync(process.env.CHAOS_CLOCK_FILE, 'utf8')) * 1_000 || 0;
  } catch {
    // The file is being written.
  }
}
read();
setInterval(read, 20).unref();
Date.now = () => realNow() + shiftMs;
globalThis.Date = new Proxy(Date, {
  construct: (target, args, newTarget) => Reflect.construct(target, args.length > 0 ? args : [target.now()], newTarget),
  apply: (target) => new target(target.now()).toString(),
});
