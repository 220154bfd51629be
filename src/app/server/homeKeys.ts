import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Hex, hashTypedData } from 'viem';
import { type LocalAccount, toAccount } from 'viem/accounts';
import { environmentKeys, type KeyProvider, LOG_ROLE, layeredKeys } from '../../chain/keys/keys.ts';
import { createKeystore, openKeystore } from '../../chain/keys/keystore.ts';
import { BursarError } from '../../core/errors/base.ts';
import type { Home } from './config.ts';

/** The roles a new data folder gets keys for; `approver` is the first approver, `treasury` funds agents on a local chain. */
const HOME_ROLES = ['owner', 'guardian', 'executor', 'approver', 'treasury', 'anchorer', LOG_ROLE] as const;

/** Makes the encrypted keystore of a home that has none. Does nothing where there is one: keys are never overwritten. */
export async function makeHomeKeys(home: Home, roles: readonly string[] = HOME_ROLES): Promise<void> {
  if (existsSync(home.keystore)) return;
  await createKeystore(home.keystore, process.env.BURSAR_PASSPHRASE ?? makePassphrase(home), roles);
}

/** Keys from the environment first (`BURSAR_KEY_<ROLE>`), then from the keystore. Throws `not_configured`, `keystore_locked`. */
export async function openHomeKeys(home: Home): Promise<KeyProvider> {
  const environment = environmentKeys(process.env);
  if (!existsSync(home.keystore) && (await environment.roles()).length > 0) return environment;
  return layeredKeys(environment, await openKeystore(home.keystore, process.env.BURSAR_PASSPHRASE ?? passphrase(home)));
}

const passphraseFile = (home: Home): string => join(home.dir, 'passphrase');

/** Without BURSAR_PASSPHRASE it lies beside the keystore: fit for a laptop's test money, as the docs say. */
function makePassphrase(home: Home): string {
  if (!existsSync(passphraseFile(home))) {
    writeFileSync(passphraseFile(home), randomBytes(32).toString('base64url'), { mode: 0o600, flag: 'wx' });
  }
  return passphrase(home);
}

function passphrase(home: Home): string {
  if (!existsSync(home.keystore) && !existsSync(passphraseFile(home))) {
    throw new BursarError('not_configured', { message: `There is no keystore in ${home.dir}. Run \`bursar init\`.` });
  }
  if (!existsSync(passphraseFile(home))) {
    throw new BursarError('keystore_locked', { message: 'Set BURSAR_PASSPHRASE to open the keystore.' });
  }
  return readFileSync(passphraseFile(home), 'utf8').trim();
}

/** The provider's key as a viem account, for setting up and funding a local chain. */
export async function accountOf(keys: KeyProvider, role: string): Promise<LocalAccount> {
  return toAccount({
    address: await keys.address(role),
    signMessage: () => Promise.reject(new BursarError('not_configured', { message: 'This key signs no messages.' })),
    signTransaction: (transaction) => {
      const { type = 'eip1559' } = transaction;
      if (type !== 'eip1559') throw new BursarError('not_configured', { message: 'Only EIP-1559 transactions.' });
      return keys.signTransaction(role, { ...transaction, type: 'eip1559' } as Parameters<
        KeyProvider['signTransaction']
      >[1]);
    },
    signTypedData: (typedData) =>
      keys.signDigest(role, hashTypedData(typedData as Parameters<typeof hashTypedData>[0])) as Promise<Hex>,
  });
}
