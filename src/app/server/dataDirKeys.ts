import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Hex, hashTypedData } from 'viem';
import { type LocalAccount, toAccount } from 'viem/accounts';
import { environmentKeys, type KeyProvider, LOG_ROLE, layeredKeys } from '../../chain/keys/keys.ts';
import { createKeystore, openKeystore } from '../../chain/keys/keystore.ts';
import { allVariables, readEnvironment } from '../../core/environment/environment.ts';
import { BursarError } from '../../core/errors/base.ts';
import type { DataDir } from './config.ts';

/**
 * The roles for which a new data directory gets keys; `approver` is the first approver, `treasury` funds agents on a local chain.
 */
const SERVER_ROLES = ['owner', 'guardian', 'executor', 'approver', 'treasury', 'anchorer', LOG_ROLE] as const;

/** Makes the encrypted keystore of a data directory without one. Existing keys are never overwritten. */
export async function makeDataDirKeys(dataDir: DataDir, roles: readonly string[] = SERVER_ROLES): Promise<void> {
  if (existsSync(dataDir.keystore)) return;
  await createKeystore(dataDir.keystore, readEnvironment().BURSAR_PASSPHRASE ?? makePassphrase(dataDir), roles);
}

/** Keys from the environment first (`BURSAR_KEY_<ROLE>`), then from the keystore. Throws `not_configured`, `keystore_locked`. */
export async function openDataDirKeys(dataDir: DataDir): Promise<KeyProvider> {
  const environment = environmentKeys(allVariables());
  if (!existsSync(dataDir.keystore) && (await environment.roles()).length > 0) return environment;
  return layeredKeys(
    environment,
    await openKeystore(dataDir.keystore, readEnvironment().BURSAR_PASSPHRASE ?? passphrase(dataDir)),
  );
}

const passphraseFile = (dataDir: DataDir): string => join(dataDir.dir, 'passphrase');

/** Without BURSAR_PASSPHRASE it is stored beside the keystore: acceptable for test money on a laptop, as the docs say. */
function makePassphrase(dataDir: DataDir): string {
  if (!existsSync(passphraseFile(dataDir))) {
    writeFileSync(passphraseFile(dataDir), randomBytes(32).toString('base64url'), { mode: 0o600, flag: 'wx' });
  }
  return passphrase(dataDir);
}

function passphrase(dataDir: DataDir): string {
  if (!existsSync(dataDir.keystore) && !existsSync(passphraseFile(dataDir))) {
    throw new BursarError('not_configured', {
      message: `There is no keystore in ${dataDir.dir}. Run \`bursar init\`.`,
    });
  }
  if (!existsSync(passphraseFile(dataDir))) {
    throw new BursarError('keystore_locked', { message: 'Set BURSAR_PASSPHRASE to open the keystore.' });
  }
  return readFileSync(passphraseFile(dataDir), 'utf8').trim();
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
