import { asJson, asText, type Figure, type Say } from './figure.ts';

/** Loaded when run: a bench of one subject does not pay for the others. */
const benches: Record<string, () => Promise<(say: Say) => Promise<Figure[]>>> = {
  decision: async () => (await import('./decision.ts')).decision,
  statements: async () => (await import('./statements.ts')).statements,
  gate: async () => (await import('./gate.ts')).gate,
  http: async () => (await import('./http.ts')).http,
  postgres: async () => (await import('./postgres.ts')).postgres,
  gas: async () => (await import('./gas.ts')).gas,
  history: async () => (await import('./history.ts')).history,
  x402: async () => (await import('./x402.ts')).x402,
  gateway: async () => (await import('./gateway.ts')).gateway,
  payout: async () => (await import('./payout.ts')).payout,
  cost: async () => (await import('./cost.ts')).cost,
  start: async () => (await import('./start.ts')).start,
};

const args = process.argv.slice(2);
const json = args.includes('--json');
const names = args.filter((arg) => arg !== '--json');
const unknown = names.filter((name) => !(name in benches));
if (unknown.length > 0) {
  process.stderr.write(`There is no bench ${unknown.join(', ')}. There are: ${Object.keys(benches).join(', ')}.\n`);
  process.exit(2);
}
const say: Say = json ? () => {} : (line) => process.stdout.write(`${line}\n`);
for (const [name, load] of Object.entries(benches)) {
  if (names.length > 0 && !names.includes(name)) continue;
  say(`\n# ${name}`);
  const bench = await load();
  for (const figure of await bench(say)) process.stdout.write(`${json ? asJson(figure) : asText(figure)}\n`);
}
