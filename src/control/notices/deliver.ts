import { createTransport } from 'nodemailer';
import { Webhook } from 'standardwebhooks';
import { guardedRequest } from '../../core/net/guardedRequest.ts';
import type { LedStore } from '../../store/leases/leadership.ts';
import { messageOf } from './message.ts';
import { dueNotices, fillOutbox, type Notice, noteDelivered, noteFailed } from './outbox.ts';

export type NoticeOptions = {
  store: LedStore;
  clock: () => number;
  /** The URL at which people reach the console. */
  publicUrl: string;
  /** `smtp://user:password@host:port`; null: no mail can be sent. */
  smtpUrl: string | null;
  mailFrom: string;
};

const NOTICES_PER_ROUND = 20;
const TIMEOUT_MS = 10_000;
/** A mail server that answers slowly keeps within each single timeout; this limits the whole notice. */
const DEADLINE_MS = 30_000;

/** One round: makes notices of new events and sends the due ones, each attempt recorded. Never throws for a target's failure. */
export function noticeSender(options: NoticeOptions): () => Promise<number> {
  const { store, clock } = options;
  return async () => {
    await store.write((tx) => fillOutbox(tx, clock()));
    const due = await store.read((tx) => dueNotices(tx, clock(), NOTICES_PER_ROUND));
    await Promise.all(
      due.map(async (notice) => {
        const error = await Promise.race([send(notice, options), tooLate()]).then(
          () => null,
          (reason: unknown) => (reason instanceof Error ? reason.message : 'failed'),
        );
        await store.write(async (tx) =>
          error === null ? await noteDelivered(tx, notice.id, clock()) : await noteFailed(tx, notice, error, clock()),
        );
      }),
    );
    return due.length;
  };
}

function tooLate(): Promise<never> {
  return new Promise((_resolve, reject) => {
    setTimeout(() => reject(new Error(`no answer within ${DEADLINE_MS / 1000} s`)), DEADLINE_MS).unref();
  });
}

async function send(notice: Notice, options: NoticeOptions): Promise<void> {
  const { endpoint, event } = notice;
  const message = messageOf(event, options.publicUrl);
  switch (endpoint.kind) {
    case 'webhook':
      return post(endpoint, ...signed(notice, message.link, endpoint.secret ?? '', options.clock()));
    case 'chat':
      return post(endpoint, fill(endpoint.template ?? '', message), {});
    case 'email':
      return mail(endpoint.target, message, options);
    default:
      return endpoint.kind satisfies never;
  }
}

/** Standard Webhooks (standardwebhooks.com): the id is the notice's, so a receiver recognises a retry. */
function signed(notice: Notice, link: string, secret: string, atMs: number): [string, Record<string, string>] {
  const { event } = notice;
  const body = JSON.stringify({ type: event.type, timestamp: event.at, data: { ...event, link } });
  const at = new Date(atMs);
  return [
    body,
    {
      'webhook-id': notice.id,
      'webhook-timestamp': String(Math.floor(atMs / 1000)),
      'webhook-signature': new Webhook(secret).sign(notice.id, at, body),
    },
  ];
}

/** No redirect is followed: it would send the notice to another server. */
async function post(
  { target, inside }: Notice['endpoint'],
  body: string,
  headers: Record<string, string>,
): Promise<void> {
  const { status } = await guardedRequest(
    new URL(target),
    { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body: Buffer.from(body) },
    { maxBytes: 0, signal: AbortSignal.timeout(TIMEOUT_MS) },
    { isListed: async () => inside },
  );
  if (status < 200 || status > 299) throw new Error(`answered ${status}`);
}

/** Inserts the message into the template's strings as JSON text, so that it cannot change the structure. */
function fill(template: string, { text, link }: { text: string; link: string }): string {
  const values: Record<string, string> = { text, link };
  return JSON.stringify(JSON.parse(template), (_name, value: unknown) =>
    typeof value === 'string'
      ? value.replaceAll(/\{\{(text|link)\}\}/g, (_all, name: string) => values[name] ?? '')
      : value,
  );
}

async function mail(
  to: string,
  message: { subject: string; text: string; link: string },
  { smtpUrl, mailFrom }: NoticeOptions,
): Promise<void> {
  if (smtpUrl === null) throw new Error('no SMTP server is configured (BURSAR_SMTP_URL)');
  const transport = createTransport({ url: smtpUrl, connectionTimeout: TIMEOUT_MS, socketTimeout: TIMEOUT_MS });
  try {
    await transport.sendMail({
      from: mailFrom,
      to,
      subject: message.subject,
      text: `${message.text}\n\n${message.link}\n`,
    });
  } finally {
    transport.close();
  }
}
