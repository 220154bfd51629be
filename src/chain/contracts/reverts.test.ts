import { encodeAbiParameters, encodeErrorResult, type Hex, parseAbi } from 'viem';
import { describe, expect, it } from 'vitest';
import { agentWalletAbi } from './contracts.generated.ts';
import { revertText } from './reverts.ts';

const abi = parseAbi(['error Error(string)', 'error Panic(uint256)', 'error Foreign(address)']);
const said = (text: string): Hex => encodeErrorResult({ abi, errorName: 'Error', args: [text] });

describe('a revert reason', () => {
  it.each<[string, string, string]>([
    ['words of the token', said('Pausable: paused'), 'Pausable: paused'],
    ['empty words', said(''), 'The contract reverted without a reason'],
    ['a panic', encodeErrorResult({ abi, errorName: 'Panic', args: [17n] }), 'Panic (code arithmetic overflow)'],
    ['a panic without a name', encodeErrorResult({ abi, errorName: 'Panic', args: [153n] }), 'Panic (code 153)'],
    [
      'an error of ours, with its figures',
      encodeErrorResult({ abi: agentWalletAbi, errorName: 'PerPaymentCeilingExceeded', args: [5n, 3n] }),
      'PerPaymentCeilingExceeded (amount 5, ceiling 3)',
    ],
    ['no data', '0x', 'The contract reverted without a reason'],
    ['data that is cut', '0x08c3', 'The contract reverted without a reason'],
    ["the node's words", 'execution reverted', 'execution reverted'],
  ])('is shown decoded: %s', (_, detail, text) => {
    expect(revertText(detail)).toBe(text);
  });

  it('of a contract that nobody here knows names its selector, never the data', () => {
    const zero = '0x0000000000000000000000000000000000000000';
    const foreign = encodeErrorResult({ abi, errorName: 'Foreign', args: [zero] });
    expect(revertText(foreign)).toContain(foreign.slice(0, 10));
    expect(revertText(foreign)).not.toContain(foreign);
    const broken = `0x08c379a0${encodeAbiParameters([{ type: 'uint256' }], [64n]).slice(2)}`;
    expect(revertText(broken)).not.toContain(broken);
  });
});
