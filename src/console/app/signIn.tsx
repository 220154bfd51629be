import { Alert, Button, Paper, Stack, Text, Title } from '@mantine/core';
import { useEffect, useState } from 'react';
import { getAddress } from 'viem';
import { createSiweMessage } from 'viem/siwe';
import { ask } from './api.ts';
import type { Me } from './session.tsx';
import { inert } from './views.ts';
import { connect, type Provider, signText, walletProblem, wallets } from './wallet.ts';

type Asked = { nonce: string; domain: string; uri: string; chain_id: number; statement: string };
type Signed = { message: string; signature: string };
type Methods = { oidc: { name: string } | null };

/** The ticket that `bursar console` puts behind the #: signed on the command line, valid once and for minutes. */
function fromCommandLine(): Signed | null {
  const text = /^#sign-in=([\w-]+)$/.exec(location.hash)?.[1];
  if (text === undefined) return null;
  history.replaceState(null, '', location.pathname);
  try {
    const { message, signature } = JSON.parse(atob(text.replaceAll('-', '+').replaceAll('_', '/'))) as Signed;
    return { message, signature };
  } catch {
    return null;
  }
}

/** The server redirects to the identity provider, and back to the requested page. */
const startOf = ({ pathname, search }: Location): string =>
  `/auth/oidc/start?${new URLSearchParams({ return_to: `${pathname}${search}` })}`;

/**
 * Sign in with Ethereum (EIP-4361): an approver's wallet signs a text; no password, no transaction. Or by the identity provider.
 */
export function SignIn({ onSignedIn, problem }: { onSignedIn: (me: Me) => void; problem: string | null }) {
  const [isBusy, setBusy] = useState(false);
  const [failure, setFailure] = useState<string | null>(problem);
  const [found, setFound] = useState(wallets);
  const [given] = useState(fromCommandLine);
  const [oidc, setOidc] = useState<Methods['oidc']>(null);
  useEffect(() => {
    // Without an answer, signing in with a wallet is still offered.
    ask<Methods>('/auth/methods').then(
      (methods) => setOidc(methods.oidc),
      () => {},
    );
  }, []);
  useEffect(() => {
    document.title = 'Sign in · Bursar';
    const look = (): void => setFound(wallets());
    addEventListener('eip6963:announceProvider', look);
    return () => removeEventListener('eip6963:announceProvider', look);
  }, []);

  const enter = async (sign: () => Promise<Signed>): Promise<void> => {
    setBusy(true);
    setFailure(null);
    try {
      onSignedIn(await ask<Me>('/auth/siwe', await sign()));
    } catch (error) {
      setFailure(walletProblem(error));
      setBusy(false);
    }
  };
  const byWallet = async (provider: Provider): Promise<Signed> => {
    const address = getAddress(await connect(provider));
    const { nonce, domain, uri, chain_id: chainId, statement } = await ask<Asked>('/auth/nonce');
    const message = createSiweMessage({ address, domain, uri, chainId, nonce, statement, version: '1' });
    return { message, signature: await signText(provider, address, message) };
  };
  const name = given === null ? null : (/^(0x[0-9a-fA-F]{40})$/m.exec(given.message)?.[1] ?? 'unknown');
  return (
    <main className="page" style={{ maxWidth: '30rem', paddingTop: '10vh' }}>
      <Paper withBorder p="xl">
        <Stack>
          <Title order={1} size="h2">
            Bursar
          </Title>
          <Text>
            Payment infrastructure for AI agents. Sign in with your approver wallet
            {oidc && `, or with ${inert(oidc.name)}`}.
          </Text>
          {failure && (
            <Alert color="red" variant="outline" role="alert" title="Not signed in">
              {failure}
            </Alert>
          )}
          {given && (
            <Button loading={isBusy} onClick={() => enter(async () => given)}>
              Sign in as {name?.slice(0, 10)}… (link from the command line)
            </Button>
          )}
          {found.map((wallet) => (
            <Button key={wallet.name} loading={isBusy} onClick={() => enter(() => byWallet(wallet.provider))}>
              Sign in with Ethereum ({wallet.name})
            </Button>
          ))}
          {oidc && (
            <Button component="a" variant="default" href={startOf(location)}>
              Sign in with {inert(oidc.name)}
            </Button>
          )}
          {found.length === 0 && !given && (
            <Text c="dimmed">
              This browser has no wallet. Install one that holds an approver's key, or run{' '}
              <code>npm run -s bursar -- console</code> on the machine with that key.
            </Text>
          )}
        </Stack>
      </Paper>
    </main>
  );
}
