import type { Finding } from '../../chain/receipt/finding.ts';
import { isOutage } from '../../chain/receipt/node.ts';
import { BursarError } from '../../core/errors/base.ts';
import type { Session } from './session.ts';
import { visible } from './table.ts';

export function lineOf({ screen }: Session, { ok, check, detail }: Finding): string {
  return `  ${ok ? screen.paint('ok  ', 'green') : screen.paint('FAIL', 'red')}  ${visible(check)}: ${visible(detail)}`;
}

/** Throws `chain_unavailable` if the RPC does not answer as one; other errors are rethrown. */
export function throwOutage(error: unknown, rpcUrl: string): void {
  if (isOutage(error)) {
    throw new BursarError('chain_unavailable', {
      message: `The RPC at ${new URL(rpcUrl).host} does not answer as one.`,
      cause: error,
    });
  }
  if (!(error instanceof Error)) throw error;
}
