import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SMTPServer } from 'smtp-server';
import { Webhook } from 'standardwebhooks';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type GateWorld, gateWorld, NOON_MS } from '../../../test/support/gateWorld.ts';
import { parseUsdc } from '../../core/money/microUsdc.ts';
import { requestPayment } from '../../decide/payments/gate.ts';
import { asLeader } from '../../store/leases/testing/asLeader.ts';
import { query } from '../../store/statement.ts';
import { noticeSender } from './deliver.ts';
import { addEndpoint, type Endpoint, exceptions, removeEndpoint } from './endpoints.ts';
import { BACKOFF_MS, redeliver } from './outbox.ts';

type Received = { headers: IncomingMessage['headers']; body: string };
const act = { actor: 'test', atMs: NOON_MS };
let world: GateWorld;
let server: Server;
let received: Received[];
let status = 200;
let now = NOON_MS;
let round: () => Promise<number>;
let mailPort = 0;

beforeEach(async () => {
  world = await gateWorld();
  received = [];
  status = 200;
  now = NOON_MS;
  server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => {
      body += chunk.toString();
    });
    request.on('end', () => {
      received.push({ headers: request.headers, body });
      response.writeHead(status, status === 307 ? { location: 'http://127.0.0.1:1/' } : {}).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  round = noticeSender({
    store: asLeader(world.store),
    clock: () => now,
    publicUrl: 'https://bursar.example',
    smtpUrl: null,
    mailFrom: 'bursar@example.com',
  });
  await round();
});
afterEach(async () => {
  await world.store.close();
  await new Promise((resolve) => server.close(resolve));
});

const url = () => `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;
const add = (changes: Partial<Omit<Endpoint, 'id' | 'secret'>> = {}) =>
  world.store.write((tx) =>
    addEndpoint(tx, act, {
      kind: 'webhook',
      target: url(),
      events: [...exceptions],
      template: null,
      inside: true,
      ...changes,
    }),
  );
const review = async () =>
  (await world.store.write((tx) => requestPayment(tx, world.request({ amount: parseUsdc('30') }), world.context())))
    .payment;
const states = () =>
  world.store.read((tx) =>
    tx.all(query((db) => db.selectFrom('notices').select(['id', 'state', 'attempts']).orderBy('id'))),
  );

describe('a webhook', () => {
  it('is told of a payment in review once, signed, with a link to exactly that payment', async () => {
    const { secret } = await add();
    const payment = await review();
    // The receiver's library knows only the real time.
    now = Date.now();
    await round();
    await round();
    expect(received).toHaveLength(1);
    const [{ headers, body }] = received as [Received];
    const content = new Webhook(secret ?? '').verify(body, {
      'webhook-id': String(headers['webhook-id']),
      'webhook-timestamp': String(headers['webhook-timestamp']),
      'webhook-signature': String(headers['webhook-signature']),
    }) as { type: string; data: { payment: string; link: string } };
    expect(content).toMatchObject({
      type: 'payment.review_requested',
      data: { payment: payment.id, link: `https://bursar.example/reviews/${payment.id}` },
    });
  });

  it('hears nothing of what needs no person', async () => {
    await add();
    await world.store.write((tx) => requestPayment(tx, world.request({ amount: parseUsdc('2') }), world.context()));
    await round();
    expect(received).toHaveLength(0);
  });

  it('is tried again with growing waits, then lies dead until a person sends it again', async () => {
    await add();
    await review();
    status = 500;
    await round();
    for (const wait of BACKOFF_MS) {
      now += wait - 1;
      await round();
      now += 1;
      await round();
    }
    expect(received).toHaveLength(BACKOFF_MS.length + 1);
    expect(await states()).toMatchObject([{ state: 'dead' }]);
    const dead = query((db) => db.selectFrom('events').select('seq').where('type', '=', 'notice.dead'));
    expect(await world.store.read((tx) => tx.all(dead))).toHaveLength(1);
    status = 204;
    const { id } = (await states())[0] ?? { id: '' };
    await world.store.write((tx) => redeliver(tx, id, now));
    await round();
    expect(await states()).toMatchObject([{ state: 'delivered' }]);
    expect(new Set(received.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
  });

  it('is not followed when it redirects, and does not stop the others', async () => {
    await add({ target: 'http://127.0.0.1:1/nobody' });
    await add();
    await review();
    await round();
    expect(received).toHaveLength(1);
    status = 307;
    await review();
    await round();
    expect((await states()).map(({ state }) => state).sort()).toEqual(['delivered', 'pending', 'pending', 'pending']);
  });

  it('inside the network is told only where the operator said so, and one at a metadata address never', async () => {
    await add({ inside: false });
    await add({ inside: false, target: url().replace('127.0.0.1', 'localhost') });
    await add({ target: 'http://169.254.169.254/latest/meta-data' });
    await add({ target: 'http://[::ffff:169.254.169.254]/latest/meta-data' });
    await review();
    await round();
    expect(received).toHaveLength(0);
    const errors = (
      await world.store.read((tx) => tx.all(query((db) => db.selectFrom('notices').select('last_error'))))
    ).map(({ last_error }) => last_error ?? '');
    expect(errors.filter((error) => error.includes('private, local or reserved'))).toHaveLength(2);
    expect(errors.filter((error) => error.includes('metadata'))).toHaveLength(2);
  });

  it('gets nothing any more once it is removed', async () => {
    const { id } = await add();
    await review();
    await world.store.write((tx) => removeEndpoint(tx, act, id));
    await review();
    await round();
    expect(received).toHaveLength(0);
  });
});

describe('a chat', () => {
  it('gets its template filled in, with nothing that could become structure', async () => {
    await add({ kind: 'chat', template: '{"blocks":[{"text":"{{text}} {{link}}"}]}' });
    const payment = await review();
    await round();
    const { blocks } = JSON.parse(received[0]?.body ?? '{}') as { blocks: { text: string }[] };
    expect(blocks[0]?.text).toContain(`/reviews/${payment.id}`);
  });

  it.each(['not json', '{"text":"no place for it"}'])('with the template %j is refused', async (template) => {
    await expect(add({ kind: 'chat', template })).rejects.toMatchObject({ code: 'invalid_request' });
  });
});

describe('e-mail', () => {
  const mails: string[] = [];
  let smtp: SMTPServer;
  beforeEach(async () => {
    smtp = new SMTPServer({
      disabledCommands: ['AUTH', 'STARTTLS'],
      onData: (stream, _session, done) => {
        let text = '';
        stream.on('data', (chunk: Buffer) => {
          text += chunk.toString();
        });
        stream.on('end', () => {
          mails.push(text);
          done();
        });
      },
    });
    await new Promise<void>((resolve) => smtp.listen(0, '127.0.0.1', () => resolve()));
    mailPort = (smtp.server.address() as AddressInfo).port;
  });
  afterEach(() => new Promise<void>((resolve) => smtp.close(() => resolve())));

  it('goes out by SMTP with the link', async () => {
    const send = noticeSender({
      store: asLeader(world.store),
      clock: () => now,
      publicUrl: 'https://bursar.example',
      smtpUrl: `smtp://127.0.0.1:${mailPort}`,
      mailFrom: 'bursar@example.com',
    });
    await add({ kind: 'email', target: 'finance@example.com' });
    const payment = await review();
    await send();
    expect(mails.at(-1)).toContain(`https://bursar.example/reviews/${payment.id}`);
    expect(mails.at(-1)).toContain('To: finance@example.com');
  });

  it('waits where no SMTP server is configured', async () => {
    await add({ kind: 'email', target: 'finance@example.com' });
    await review();
    await noticeSender({
      store: asLeader(world.store),
      clock: () => now,
      publicUrl: '',
      smtpUrl: null,
      mailFrom: 'x@example.com',
    })();
    expect(await states()).toMatchObject([{ state: 'pending', attempts: 1n }]);
  });
});
