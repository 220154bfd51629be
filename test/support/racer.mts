// A client process of its own: fires its share of requests at once and prints the states it got.
import { randomUUID } from 'node:crypto';

const [url, key, payee, amount, count] = process.argv.slice(2);
const one = async (): Promise<string> => {
  const response = await fetch(`${url}/v1/payments`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', 'idempotency-key': randomUUID() },
    body: JSON.stringify({ payee, amount: { value: amount, currency: 'USDC' } }),
  });
  const body = (await response.json()) as { state?: string; code?: string };
  return body.state ?? body.code ?? 'none';
};
const states = await Promise.all(Array.from({ length: Number(count) }, one));
process.stdout.write(JSON.stringify(states));
