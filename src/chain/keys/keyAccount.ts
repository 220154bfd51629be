import type { LocalAccount, TransactionSerializable, TransactionSerializableEIP1559, TypedDataDefinition } from 'viem';
import { toAccount } from 'viem/accounts';
import { BursarError } from '../../core/errors/base.ts';
import type { KeyProvider, KeyRole } from './keys.ts';

/** Makes a viem account over a key provider, for set-up and libraries that need one. Only EIP-1559 transactions with a chain id. */
export async function keyAccount(keys: KeyProvider, role: KeyRole): Promise<LocalAccount> {
  return toAccount({
    address: await keys.address(role),
    sign: ({ hash }) => keys.signDigest(role, hash),
    signMessage: async () => {
      throw new BursarError('not_configured', { message: 'This key signs transactions and typed data only.' });
    },
    signTypedData: (typedData) => keys.signTypedData(role, typedData as TypedDataDefinition),
    signTransaction: async (transaction) => {
      if (!isEip1559(transaction)) {
        throw new BursarError('invalid_request', {
          message: 'Only EIP-1559 transactions that name a chain are signed.',
        });
      }
      return keys.signTransaction(role, transaction);
    },
  });
}

function isEip1559(transaction: TransactionSerializable): transaction is TransactionSerializableEIP1559 {
  return (
    transaction.chainId !== undefined && (transaction.type === 'eip1559' || transaction.maxFeePerGas !== undefined)
  );
}
