import { type HDAccount, mnemonicToAccount } from 'viem/accounts';

/** The published mnemonic of anvil and hardhat. Its accounts hold coins on local chains only; never use them elsewhere. */
const DEV_MNEMONIC = 'test test test test test test test test test test test junk';

type Ten<T> = readonly [T, T, T, T, T, T, T, T, T, T];
const account = (addressIndex: number): HDAccount => mnemonicToAccount(DEV_MNEMONIC, { addressIndex });

/** The ten accounts that anvil funds with 10,000 coins each. */
export const devAccounts: Ten<HDAccount> = [
  account(0),
  account(1),
  account(2),
  account(3),
  account(4),
  account(5),
  account(6),
  account(7),
  account(8),
  account(9),
];
