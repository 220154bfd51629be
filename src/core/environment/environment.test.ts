import { describe, expect, it } from 'vitest';
import { logLevel, mayColour, readEnvironment } from './environment.ts';

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

  it('takes an empty text for an absent one only where that opens nothing', () => {
    const empty = { BURSAR_WORKFLOW: '', BURSAR_RUN: '', BURSAR_OIDC_CLIENT_SECRET: '' };
    for (const name of Object.keys(empty)) expect(readEnvironment(empty)).toHaveProperty(name, undefined);
    // An empty key is no key, and must not give way to the operator's key of the data directory.
    expect(readEnvironment({ BURSAR_API_KEY: '' }).BURSAR_API_KEY).toBe('');
    // No witness is a choice, in place of the configured ones.
    expect(readEnvironment({ BURSAR_WITNESS_RPC_URLS: '' }).BURSAR_WITNESS_RPC_URLS).toEqual([]);
  });

  it.each([
    ['BURSAR_RPC_URL', 'localhost:8545/s3cret'],
    ['BURSAR_RPC_URL', ''],
    ['BURSAR_URL', 'ftp://s3cret.example'],
    ['BURSAR_PUBLIC_URL', 's3cret'],
    ['BURSAR_SMTP_URL', 'https://s3cret.example'],
    ['BURSAR_WITNESS_RPC_URLS', 'https://a.example,s3cret'],
    ['BURSAR_LOG', 's3cret'],
    ['BURSAR_PASSPHRASE', ''],
    ['BURSAR_DATA_DIR', ''],
    ['BURSAR_MAIL_FROM', ''],
  ])('refuses a malformed %s, and does not repeat it (%j)', (name, value) => {
    const refusal = expect.objectContaining({ code: 'not_configured', message: expect.stringContaining(`${name}: `) });
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
