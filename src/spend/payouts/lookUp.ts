import { isAddressEqual, zeroAddress } from 'viem';
import { BursarError } from '../../core/errors/base.ts';
import type { Agent } from '../../decide/identity/identity.ts';
import { currentAddress } from '../../decide/identity/identity.ts';
import { getPayee } from '../../decide/identity/payees.ts';
import { getWorkflow } from '../../decide/identity/workflows.ts';
import type { ChainFacts } from '../../decide/payments/request.ts';
import type { ReadTx } from '../../store/store.ts';
import type { LineError, NamedLine } from './line.ts';

type Fault = Pick<LineError, 'column' | 'code' | 'message'>;

/** Checks whether the payees and workflows of the lines exist and may be paid at all. Each is looked up once. */
export function lookUpLines(
  chain: ChainFacts,
  { wallet }: Agent,
): (tx: ReadTx, lines: readonly NamedLine[]) => LineError[] {
  const known = new Map<string, Fault | null>();
  const once = (key: string, look: () => Fault | null): Fault | null => {
    const before = known.get(key);
    if (before !== undefined) return before;
    const found = look();
    known.set(key, found);
    return found;
  };
  const forbidden = [zeroAddress, chain.token, ...(wallet ? [wallet.address, wallet.purse] : [])];

  return (tx, lines) =>
    lines.flatMap((line) => {
      const { payee, address, workflow } = line;
      const faults = [
        payee === null ? null : once(`payee ${payee}`, () => payeeFault(tx, payee)),
        payee === null || address !== null ? null : once(`pays ${payee}`, () => addressFault(tx, payee)),
        address !== null && forbidden.some((each) => isAddressEqual(each, address))
          ? { column: 'address', code: 'forbidden_address', message: 'Money may not be sent to that address.' }
          : null,
        workflow === null ? null : once(`workflow ${workflow}`, () => workflowFault(tx, workflow)),
      ];
      return faults.flatMap((fault) => (fault ? [{ line: line.line, ...fault }] : []));
    });
}

function payeeFault(tx: ReadTx, payee: string): Fault | null {
  return absence('payee', `There is no payee "${payee}".`, () => getPayee(tx, payee));
}

function addressFault(tx: ReadTx, payee: string): Fault | null {
  // A payee that does not exist is reported by `payeeFault`.
  if (payeeFault(tx, payee) || currentAddress(getPayee(tx, payee))) return null;
  return { column: 'payee', code: 'payee_address_missing', message: `The payee "${payee}" has no address.` };
}

function workflowFault(tx: ReadTx, workflow: string): Fault | null {
  return absence('workflow', `There is no workflow "${workflow}".`, () => getWorkflow(tx, workflow));
}

function absence(column: string, message: string, look: () => unknown): Fault | null {
  try {
    look();
    return null;
  } catch (error) {
    if (!(error instanceof BursarError)) throw error;
    return { column, code: error.code, message };
  }
}
