import { isAddressEqual, zeroAddress } from 'viem';
import { BursarError } from '../../core/errors/base.ts';
import { flatMapInOrder } from '../../core/inOrder.ts';
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
): (tx: ReadTx, lines: readonly NamedLine[]) => Promise<LineError[]> {
  const known = new Map<string, Fault | null>();
  const once = async (key: string, look: () => Promise<Fault | null>): Promise<Fault | null> => {
    const before = known.get(key);
    if (before !== undefined) return before;
    const found = await look();
    known.set(key, found);
    return found;
  };
  const forbidden = [zeroAddress, chain.token, ...(wallet ? [wallet.address, wallet.purse] : [])];

  return (tx, lines) =>
    flatMapInOrder(lines, async (line) => {
      const { payee, address, workflow } = line;
      const faults = [
        payee === null ? null : await once(`payee ${payee}`, () => payeeFault(tx, payee)),
        payee === null || address !== null ? null : await once(`pays ${payee}`, () => addressFault(tx, payee)),
        address !== null && forbidden.some((each) => isAddressEqual(each, address))
          ? { column: 'address', code: 'forbidden_address', message: 'Money may not be sent to that address.' }
          : null,
        workflow === null ? null : await once(`workflow ${workflow}`, () => workflowFault(tx, workflow)),
      ];
      return faults.flatMap((fault) => (fault ? [{ line: line.line, ...fault }] : []));
    });
}

async function payeeFault(tx: ReadTx, payee: string): Promise<Fault | null> {
  return absence('payee', `There is no payee "${payee}".`, () => getPayee(tx, payee));
}

async function addressFault(tx: ReadTx, payee: string): Promise<Fault | null> {
  // A payee that does not exist is reported by `payeeFault`.
  if ((await payeeFault(tx, payee)) || currentAddress(await getPayee(tx, payee))) return null;
  return { column: 'payee', code: 'payee_address_missing', message: `The payee "${payee}" has no address.` };
}

async function workflowFault(tx: ReadTx, workflow: string): Promise<Fault | null> {
  return absence('workflow', `There is no workflow "${workflow}".`, () => getWorkflow(tx, workflow));
}

async function absence(column: string, message: string, look: () => unknown): Promise<Fault | null> {
  try {
    await look();
    return null;
  } catch (error) {
    if (!(error instanceof BursarError)) throw error;
    return { column, code: error.code, message };
  }
}
