import type { Client } from '../../api/client/client.ts';

export type DemoLine = { step: string; payment: Record<string, unknown> };
export type DemoResult = { ok: boolean; lines: DemoLine[]; problems: string[]; firstSettledMs: number };
export type DemoOptions = {
  operator: Client;
  /** A client for an agent's key. */
  clientFor: (key: string) => Client;
  /** Sends USDC from the treasury to an address on the local chain. */
  fund: (address: string, amount: string) => Promise<void>;
  /** Sells an API by `bursar gateway`, each request for this price. */
  gatewayFor: (payTo: string, upstream: string, price: string) => Promise<{ url: string; stop(): Promise<void> }>;
  sellerFor: (payTo: string) => Promise<{ url: string; host: string; stop(): Promise<void> }>;
  treasury: string;
  approver: { address: string; sign: (typedData: unknown) => Promise<string> };
  say: (line: string) => void;
};

export type DemoWorld = {
  agent: Client;
  agentKey: string;
  vendor: { id: string; wallet: string; client: Client; payee: string };
  workflow: string;
  contractor: string;
  crew: { id: string; addresses: string[] };
  seller: { url: string; host: string };
  /** The contractor has a new address that is not verified. */
  changeAddress(): Promise<void>;
  stop(): Promise<void>;
};
