import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { root } from '../root.ts';
import { environmentNames, logLevel, mayColour, readEnvironment } from './environment.ts';

describe('the environment', () => {
  it('has defaults, and reads what is set', () => {
    expect(readEnvironment({})).toEqual({ BURSAR_LOG: 'warn', BURSAR_MAIL_FROM: 'bursar@localhost' });
    const set = {
      BURSAR_LOG: 'debug',
      BURSAR_MAIL_FROM: 'pay@example.org',
      BURSAR_PUBLIC_URL: 'https://bursar.example',
      BURSAR_RPC_URL: 'http://127.0.0.1:8545',
      BURSAR_SMTP_URL: 'smtps://user:word@mail.example:465',
      BURSAR_WITNESS_RPC_URLS: 'https://a.example/key, http://b.example,',
    };
    expect(readEnvironment({ ...set, PATH: '/bin' })).toEqual({
      ...set,
      BURSAR_WITNESS_RPC_URLS: ['https://a.example/key', 'http://b.example'],
    });
  });

  it.each([...environmentNames, 'BURSAR_KEY_OWNER'])(
    'refuses an empty %s: no default takes its place unnoticed',
    (name) => {
      for (const value of ['', ' ']) {
        expect(() => readEnvironment({ [name]: value })).toThrow(
          expect.objectContaining({ code: 'environment_invalid', message: `${name} is empty.` }),
        );
      }
    },
  );

  it('names every malformed variable in one refusal', () => {
    expect(() => readEnvironment({ BURSAR_RUN: '', BURSAR_URL: 'here', BURSAR_LOG: 'warn' })).toThrow(
      'BURSAR_URL is not an http or https URL; BURSAR_RUN is empty.',
    );
  });

  it('has each of its variables in docs/environment.md, and no other', () => {
    const page = readFileSync(join(root, 'docs/environment.md'), 'utf8');
    const rows = [...page.matchAll(/^\| `(BURSAR_\w+|DATABASE_URL)`/gm)].map((match) => match[1]);
    expect(rows.sort()).toEqual([...environmentNames].sort());
  });

  it.each([
    ['BURSAR_RPC_URL', 'localhost:8545/s3cret'],
    ['BURSAR_URL', 'ftp://s3cret.example'],
    ['BURSAR_PUBLIC_URL', 's3cret'],
    ['BURSAR_SMTP_URL', 'https://s3cret.example'],
    ['BURSAR_WITNESS_RPC_URLS', 'https://a.example,s3cret'],
    ['BURSAR_WITNESS_RPC_URLS', ' , '],
    ['BURSAR_LOG', 's3cret'],
    ['DATABASE_URL', 'mysql://s3cret.example/bursar'],
  ])('refuses a malformed %s, and does not repeat it (%j)', (name, value) => {
    const refusal = expect.objectContaining({ code: 'environment_invalid', message: expect.stringContaining(name) });
    expect(() => readEnvironment({ [name]: value })).toThrow(refusal);
    expect(() => readEnvironment({ [name]: value })).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining('s3cret') }),
    );
  });

  it('lets NO_COLOR and a dumb terminal turn colours off', () => {
    const asked = [{}, { NO_COLOR: '' }, { NO_COLOR: '1' }, { TERM: 'dumb' }, { TERM: 'xterm' }];
    expect(asked.map((variables) => mayColour(variables))).toEqual([true, true, false, false, true]);
  });

  it('opens the log at its default level where the given one is malformed', () => {
    expect([logLevel({}), logLevel({ BURSAR_LOG: 'info' }), logLevel({ BURSAR_LOG: 'loud' })]).toEqual([
      'warn',
      'info',
      'warn',
    ]);
  });
});
