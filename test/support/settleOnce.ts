import type { Address, Hex } from 'viem';
import { openDesk } from './paymentScene.ts';

/** A process of its own: one facilitator with its own database and key, which settles what stands in its environment. */
const { RPC_URL, TOKEN, FACTORY, EXECUTOR_KEY, PAYLOAD, REQUIREMENTS } = process.env;
const desk = await openDesk(String(RPC_URL), TOKEN as Address, FACTORY as Address, {
  executorKey: EXECUTOR_KEY as Hex,
});
process.stdout.write('ready\n');
process.stdin.once('data', async () => {
  const answer = await desk.facilitator.settle(JSON.parse(String(PAYLOAD)), JSON.parse(String(REQUIREMENTS)));
  process.stdout.write(`${JSON.stringify(answer)}\n`);
  await desk.stop();
  process.exit(0);
});
