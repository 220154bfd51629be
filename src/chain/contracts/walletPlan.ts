import type { Address } from 'viem';
import type { WalletPlan } from '../../decide/identity/identity.ts';
import { predictAddresses, saltOf, type WalletConfig, walletConfigToJson } from './walletConfig.ts';

/** The record of a wallet with that configuration, before the factory has made it. */
export function walletPlan(chainId: number, factory: Address, config: WalletConfig): WalletPlan {
  const { wallet, purse } = predictAddresses(factory, config);
  return {
    chainId,
    address: wallet,
    purse,
    salt: saltOf(config),
    configJson: walletConfigToJson(config),
    ceilings: {
      perPayment: config.perPayment.toString(),
      perPeriod: config.perPeriod.toString(),
      periodSeconds: config.periodSeconds,
      threshold: config.threshold,
      approvers: [...config.approvers],
      allowList: config.allowListOn ? [...config.allowList] : null,
    },
  };
}
