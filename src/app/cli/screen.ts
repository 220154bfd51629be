import { mayColour } from '../../core/environment/environment.ts';
import { type Column, table, visible } from './table.ts';
import { details } from './values.ts';

export type Colour = 'bold' | 'dim' | 'red' | 'green' | 'yellow';
const codes = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
} as const satisfies Record<Colour, readonly [number, number]>;
const ESCAPE = String.fromCodePoint(27);

/** The output of a command. With `--json`, stdout has only JSON: one document, or one line per event. */
export type Screen = {
  readonly json: boolean;
  /** For people; prints nothing with `--json`. */
  line(text?: string): void;
  table<R>(columns: readonly Column<R>[], rows: readonly R[]): void;
  details(document: Record<string, unknown>): void;
  /** The document of `--json`; prints nothing otherwise. */
  document(value: unknown): void;
  /** One line of `--json`. */
  jsonLine(value: unknown): void;
  /** On stderr, separate from the output. */
  note(text: string): void;
  paint(text: string, ...colours: Colour[]): string;
};

export function openScreen(json: boolean): Screen {
  const colourful = process.stdout.isTTY === true && mayColour();
  const paint = (text: string, ...colours: Colour[]): string =>
    colourful
      ? colours.reduce((all, colour) => `${ESCAPE}[${codes[colour][0]}m${all}${ESCAPE}[${codes[colour][1]}m`, text)
      : text;
  const out = (text: string): void => {
    process.stdout.write(`${text}\n`);
  };
  const line = (text = ''): void => {
    if (!json) out(text);
  };
  return {
    json,
    line,
    paint,
    table(columns, rows) {
      if (json) return;
      if (rows.length === 0) return line(paint('none', 'dim'));
      for (const text of table(columns, rows, (title) => paint(title, 'bold'))) line(text);
    },
    details(document) {
      const pairs = details(document);
      const width = Math.max(0, ...pairs.map(([name]) => name.length));
      for (const [name, value] of pairs) line(`${paint(name.padEnd(width), 'dim')}  ${visible(value)}`);
    },
    document(value) {
      if (json) out(JSON.stringify(value, null, 2));
    },
    jsonLine(value) {
      if (json) out(JSON.stringify(value));
    },
    note(text) {
      process.stderr.write(`${text}\n`);
    },
  };
}

const stateColours: Record<string, Colour> = {
  settled: 'green',
  final: 'green',
  active: 'green',
  allow: 'green',
  ok: 'green',
  in_review: 'yellow',
  review: 'yellow',
  frozen: 'yellow',
  denied: 'red',
  deny: 'red',
  rejected: 'red',
  failed: 'red',
  revoked: 'red',
  blocked: 'red',
  FAIL: 'red',
};
/** Successful states are green, waiting ones yellow, refusals red. */
export function paintState(screen: Screen, state: string): string {
  const colour = stateColours[state];
  return colour ? screen.paint(state, colour) : state;
}
