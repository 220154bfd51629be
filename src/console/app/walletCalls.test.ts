import { encodeAbiParameters, encodeErrorResult, encodeFunctionData, type Hex } from 'viem';
import { describe, expect, it } from 'vitest';
import { agentWalletAbi } from '../../chain/contracts/contracts.generated.ts';
import type { Provider } from './wallet.ts';
import { mined, refusalIn, rolesFor, send, sender } from './walletCalls.ts';

const [contract, owner, guardian] = [1, 2, 3].map((n) => `0x${String(n).padStart(40, '0')}` as const) as [
  Hex,
  Hex,
  Hex,
];
const frozen = encodeErrorResult({ abi: agentWalletAbi, errorName: 'WalletFrozen' });
const selector = (functionName: 'owner' | 'guardian') => encodeFunctionData({ abi: agentWalletAbi, functionName });
const call = { to: contract, data: selector('owner') };

/** A wallet on chain 1 with the owner's account, save for what is said otherwise. */
function provider(answers: Record<string, (params: unknown[]) => unknown>, asked: string[] = []): Provider {
  const asksGuardian = ([asked]: unknown[]) => JSON.stringify(asked).includes(selector('guardian'));
  const usual: typeof answers = {
    eth_requestAccounts: () => [owner],
    eth_chainId: () => '0x1',
    eth_call: (params) => word(asksGuardian(params) ? guardian : owner),
  };
  return {
    request: async ({ method, params = [] }) => {
      asked.push(method);
      const answer = answers[method] ?? usual[method];
      if (!answer) throw new Error(`${method} was not expected.`);
      return answer(params);
    },
  };
}
const word = (address: Hex) => encodeAbiParameters([{ type: 'address' }], [address]);
const fail = (error: unknown) => () => {
  throw error;
};

describe('who may send', () => {
  it('is who the chain says, in that role', async () => {
    const at = (action: string) => ({ to: contract, action, chainId: 1 });
    await expect(sender(provider({}), at('unfreeze'))).resolves.toBe(owner);
    const asGuardian = provider({ eth_requestAccounts: () => [guardian] });
    await expect(sender(asGuardian, at('freeze'))).resolves.toBe(guardian);
    await expect(sender(asGuardian, at('unfreeze'))).rejects.toThrow(`only its owner ${owner} may`);
    expect(rolesFor('accept_registry')).toEqual(['pendingOwner']);
  });

  it('is nobody where there is no contract, and on another chain', async () => {
    const at = { to: contract, action: 'unfreeze', chainId: 1 };
    await expect(sender(provider({ eth_call: () => '0x' }), at)).rejects.toThrow('finds no contract');
    const elsewhere = provider({ eth_chainId: () => '0x2', wallet_switchEthereumChain: () => null });
    await expect(sender(elsewhere, at)).rejects.toThrow('Your wallet is on chain 2');
  });
});

describe('sending', () => {
  it('does not ask the wallet to send what the contract refuses', async () => {
    const asked: string[] = [];
    const refusing = provider({ eth_call: fail({ code: 3, message: 'execution reverted', data: frozen }) }, asked);
    await expect(send(refusing, owner, call)).rejects.toThrow(
      'The contract refuses it: WalletFrozen. Nothing was sent.',
    );
    expect(asked).toEqual(['eth_call']);
  });

  it('an outage of the node is no refusal', async () => {
    const outage = provider({ eth_call: fail(new Error('the node is down')) });
    await expect(send(outage, owner, call)).rejects.toThrow('the node is down');
  });

  it('ends when the page is left, and tells why a mined call reverted', async () => {
    const leave = new AbortController();
    leave.abort();
    const sent = { from: owner, call, hash: '0x01' } as const;
    await expect(mined(provider({}), sent, leave.signal)).rejects.toThrow('aborted');
    const reverted = provider({
      eth_getTransactionReceipt: () => ({ status: '0x0', blockNumber: '0x10' }),
      eth_call: ([, block]) => fail(block === '0xf' ? { data: { data: frozen } } : new Error('wrong block'))(),
    });
    const waiting = mined(reverted, sent, new AbortController().signal);
    await expect(waiting).rejects.toThrow('It was mined in block 16 and reverted: WalletFrozen.');
  });
});

describe('the reason in an error', () => {
  it.each<[string, unknown]>([
    ['in data', { data: frozen }],
    ['in data.data', { data: { data: frozen } }],
    ['in data.originalError', { data: { originalError: { data: frozen } } }],
    ['in a cause', new Error('x', { cause: { data: frozen } })],
  ])('is found %s', (_, error) => expect(refusalIn(error)).toBe('WalletFrozen'));

  it('is told with its figures, and is none of an error that is no revert', () => {
    const args = [owner] as const;
    expect(refusalIn({ data: encodeErrorResult({ abi: agentWalletAbi, errorName: 'NotGuardianOrOwner', args }) })).toBe(
      `NotGuardianOrOwner, caller ${owner}`,
    );
    expect(refusalIn({ data: '0x12345678' })).toBe(
      'The contract reverted with an error unknown here (selector 0x12345678)',
    );
    expect(refusalIn({ code: 4001, message: 'no' })).toBeNull();
    expect(refusalIn(null)).toBeNull();
  });
});
