import { getAddress, type Log, parseAbi, parseEventLogs } from 'viem';
import { paymentIdOnChain } from '../../../core/ids/paymentIdOnChain.ts';
import type { Payment } from '../../../decide/payments/payment.ts';
import type { ReadTx } from '../../../store/store.ts';
import { signedTerms, walletAddressOn } from './queries.ts';

const events = parseAbi([
  'event PaymentExecuted(bytes32 indexed paymentId, address indexed payee, bytes32 indexed policyDigest, uint256 amount, bytes32 decisionHash)',
  'event AuthorizationUsed(address indexed authorizer, bytes32 indexed nonce)',
]);

/**
 * Assigns an event of a transaction to one of the payments that it settled: by the log in the books, by the id that the agent's own
 * wallet names, or by the nonce that the agent's purse signed. The same values from another contract assign nothing.
 */
export async function paymentsOfLogs(
  tx: ReadTx,
  token: string,
  settled: readonly Payment[],
): Promise<(log: Log) => string | null> {
  const byPosition = new Map(settled.map(({ id, settlement }) => [settlement?.logIndex, id]));
  const byName = new Map<string, string>();
  const byNonce = new Map<string, string>();
  for (const { id, agentId, chainId, rail } of settled) {
    if (rail === 'wallet') {
      const wallet = await tx.get(walletAddressOn, { agent: agentId, chain: chainId });
      byName.set(`${wallet?.address} ${paymentIdOnChain(id)}`, id);
      continue;
    }
    const signed = await tx.get(signedTerms, { payment: id });
    if (signed) byNonce.set(`${signed.purse} ${signed.nonce}`, id);
  }
  return (log) => {
    const known = byPosition.get(log.logIndex ?? -1);
    if (known !== undefined) return known;
    const [event] = parseEventLogs({ abi: events, logs: [log] });
    const from = getAddress(log.address);
    if (event?.eventName === 'PaymentExecuted') return byName.get(`${from} ${event.args.paymentId}`) ?? null;
    if (event?.eventName !== 'AuthorizationUsed' || from !== token) return null;
    return byNonce.get(`${getAddress(event.args.authorizer)} ${event.args.nonce}`) ?? null;
  };
}
