import type { App } from '../../api/operations/app.ts';
import { noticeSender } from '../../control/notices/deliver.ts';
import type { Config } from './config.ts';

/** `BURSAR_PUBLIC_URL`: where people reach the console, for links. Mail goes by `BURSAR_SMTP_URL`. */
export function noticesOf({ store, clock }: App, server: Config['server']): () => Promise<number> {
  return noticeSender({
    store,
    clock,
    publicUrl: process.env.BURSAR_PUBLIC_URL ?? `http://${server.host}:${server.port}`,
    smtpUrl: process.env.BURSAR_SMTP_URL ?? null,
    mailFrom: process.env.BURSAR_MAIL_FROM ?? 'bursar@localhost',
  });
}
