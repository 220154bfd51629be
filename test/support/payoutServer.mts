// A Bursar in a process of its own, on a data directory that exists: prints where it listens, and serves until it is killed.
import { launch } from '../../src/app/server/localLaunch.ts';

const launched = await launch({ dir: String(process.argv[2]), port: 0, version: 'test', say: () => {} });
process.stdout.write(`${JSON.stringify({ url: launched.url, operatorKey: launched.operatorKey })}\n`);
