import type { Address } from 'viem';
import type { Call } from '../../chain/contracts/agentWallet.ts';
import { methodOf } from './action.ts';

/**
 * A batch file for Safe's Transaction Builder (version 1.0), which the owners of a multisig upload, read and sign. It has data and
 * method: the builder sends the data, people read the method.
 */
export function safeFile(
  calls: readonly Call[],
  about: { chainId: number; safe: Address; name: string; description: string; atMs: number },
) {
  return {
    version: '1.0',
    chainId: String(about.chainId),
    createdAt: about.atMs,
    meta: {
      name: about.name,
      description: about.description,
      txBuilderVersion: '1.16.5',
      createdFromSafeAddress: about.safe,
      createdFromOwnerAddress: '',
    },
    transactions: calls.map((call) => {
      const { name, inputs, values } = methodOf(call);
      return {
        to: call.to,
        value: '0',
        data: call.data,
        contractMethod: { inputs, name, payable: false },
        contractInputsValues: values,
      };
    }),
  };
}
