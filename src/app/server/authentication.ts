import { type ApiKeyAuth, openApiKeyAuth } from '../../api/http/apiKeyAuth.ts';
import type { People } from '../../api/http/callers.ts';
import type { App } from '../../api/operations/app.ts';
import { openOidc } from '../../control/sign-in/oidc/oidc.ts';
import { clientSecret } from '../../control/sign-in/oidc/settings.ts';
import { openSharedOnce } from '../../control/sign-in/once.ts';
import { refusalLog } from '../../control/sign-in/refusals.ts';
import { openSessions } from '../../control/sign-in/sessions.ts';
import { readEnvironment } from '../../core/environment/environment.ts';
import { clientAddress } from '../../core/net/clientAddress.ts';
import type { Config } from './config.ts';

/**
 * Opens the authentication: agents and scripts by key, people by session. Throws `not_configured` if the client secret cannot be
 * read.
 */
export function openAuthentication(app: App, { server, oidc: given }: Config): { keys: ApiKeyAuth; people: People } {
  const oidc = given ?? null;
  const { store, chain, clock } = app;
  const note = refusalLog(store, clock);
  return {
    keys: openApiKeyAuth(app, { address: clientAddress(server.trusted_proxies), note }),
    people: {
      sessions: openSessions({ store, chain, chainId: app.chainFacts.chainId, clock, oidc }),
      site: { host: server.host, origin: server.origin ?? null },
      oidc:
        oidc && openOidc(oidc, clientSecret(oidc, readEnvironment()), { clock, once: openSharedOnce(store, clock) }),
      note,
    },
  };
}
