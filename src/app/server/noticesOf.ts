import { noticeSender } from '../../control/notices/deliver.ts';
import { readEnvironment } from '../../core/environment/environment.ts';
import type { LedStore } from '../../store/leases/leadership.ts';
import type { Config } from './config.ts';

/** `BURSAR_PUBLIC_URL`: the console's URL in links. Mail is sent through `BURSAR_SMTP_URL`. */
export function noticesOf(
  { store, clock }: { store: LedStore; clock: () => number },
  server: Config['server'],
): () => Promise<number> {
  const environment = readEnvironment();
  return noticeSender({
    store,
    clock,
    publicUrl: environment.BURSAR_PUBLIC_URL ?? `http://${server.host}:${server.port}`,
    smtpUrl: environment.BURSAR_SMTP_URL ?? null,
    mailFrom: environment.BURSAR_MAIL_FROM,
  });
}
