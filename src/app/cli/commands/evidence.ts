import { writeFileSync } from 'node:fs';
import { Command } from 'commander';
import { examples } from '../operationCommand.ts';
import { sessionOf } from '../session.ts';
import { at } from '../values.ts';
import { publishSourceCommand } from './publishSource.ts';
import { verifyCommand } from './verify.ts';

export function evidenceCommands(): Command[] {
  return [receiptCommand(), verifyCommand(), publishSourceCommand()];
}

function receiptCommand(): Command {
  const command = new Command('receipt')
    .description('The evidence of a settled payment: chain, transaction, policy, and the documents it was decided on.')
    .argument('<payment>')
    .option('-o, --out <file>', 'Write it here; without it, and with --json, it goes to stdout')
    .addHelpText(
      'after',
      examples([
        'bursar receipt pay_01k3x7gq5nf8b9c2v4m6t0w1yz --out receipt.json',
        'bursar verify receipt.json --rpc https://rpc.example',
      ]),
    )
    .action(async (id: string, { out }: { out?: string }) => {
      const session = sessionOf(command);
      const receipt = await session.client().call('get_receipt', { id });
      if (out === undefined) {
        session.screen.document(receipt);
        session.screen.line(JSON.stringify(receipt, null, 2));
        return;
      }
      writeFileSync(out, `${JSON.stringify(receipt, null, 2)}\n`);
      session.screen.document({ out, payment: id, tx_hash: at(receipt, 'settlement.tx_hash') });
      session.screen.line(`The receipt of ${id} is in ${out}. Check it anywhere: bursar verify ${out} --rpc <url>`);
    });
  return command;
}
