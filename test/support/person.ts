import { type Address, type Hex, hashMessage } from 'viem';
import { createSiweMessage } from 'viem/siwe';
import type { TestServer } from './testServer.ts';

export type Person = {
  address: Address;
  sign(message: string): Promise<Hex>;
  /** The EIP-4361 message for this server, fresh. */
  message(changed?: Partial<Parameters<typeof createSiweMessage>[0]>): Promise<string>;
  signIn(message?: string, headers?: Record<string, string>): Promise<Response>;
  /** Signs in; gives the cookie and the CSRF value. */
  session(): Promise<{ cookie: string; csrf: string }>;
};

/** Somebody whose wallet has one of the data directory's keys. */
export async function person(server: TestServer, role = 'approver'): Promise<Person> {
  const { keys, url } = server;
  const address = await keys.address(role);
  const sign = (message: string): Promise<Hex> => keys.signDigest(role, hashMessage(message)) as Promise<Hex>;
  const message: Person['message'] = async (changed = {}) => {
    const asked = (await (await fetch(`${url}/auth/nonce`)).json()) as Record<string, string>;
    return createSiweMessage({
      address,
      domain: String(asked.domain),
      uri: String(asked.uri),
      chainId: Number(asked.chain_id),
      nonce: String(asked.nonce),
      statement: String(asked.statement),
      version: '1',
      ...changed,
    });
  };
  const signIn: Person['signIn'] = async (text, headers = {}) => {
    const said = text ?? (await message());
    return fetch(`${url}/auth/siwe`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify({ message: said, signature: await sign(said) }),
    });
  };
  return {
    address,
    sign,
    message,
    signIn,
    session: async () => {
      const answer = await signIn();
      const { csrf } = (await answer.json()) as { csrf: string };
      return { cookie: cookieOf(answer), csrf };
    },
  };
}

export function cookieOf(answer: Response): string {
  return answer.headers.get('set-cookie')?.split(';')[0] ?? '';
}
