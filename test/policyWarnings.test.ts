import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { starterWith } from './support/stricterPolicy.ts';
import { startTestServer, type TestServer } from './support/testServer.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
  await server.agent('researcher', '0');
});
afterAll(() => server?.end());

describe('a policy whose data names what nobody has created', () => {
  it('is loaded with a warning for each, and without one for what is there', async () => {
    const overrides = `limit: "50.00"
    overrides:
      - {agent: researcher, limit: "1.00"}
      - {agent: reseacher, limit: "2.00"}
      - {sponsor: Research, limit: "3.00"}
      - {workflow: digest, limit: "4.00"}
      - {label: {team: red}, limit: "5.00"}`;
    const bundle = await starterWith('limit: "50.00"\n    overrides: []', overrides);
    const { digest, warnings } = await server.operator.call('load_policy', { bundle });
    const about = (warnings as string[]).filter((each) => each.startsWith('controls.'));
    expect(about).toEqual([
      'controls.payment_cap.overrides.1.agent: there is no agent "reseacher".',
      'controls.payment_cap.overrides.3.workflow: there is no workflow "digest".',
      'controls.payment_cap.overrides.4.label: no agent has the label team: red.',
    ]);
    expect((await server.operator.call('activate_policy', { digest })).warnings).toEqual(warnings);
  });

  it('names payees in lists, but not addresses', async () => {
    const bundle = await starterWith('blocked: []', `blocked: [nobody, "0x${'11'.repeat(20)}"]`);
    const { warnings } = await server.operator.call('load_policy', { bundle });
    expect(warnings).toContain('controls.payee_allowed.blocked.0: there is no payee "nobody".');
    expect(JSON.stringify(warnings)).not.toContain('0x11');
    expect(warnings).toContain('revenue.rules.0.route.shares.0.payee: there is no payee "OCR author".');
  });

  it('is not loaded where a setting is misspelt, though its digest is right', async () => {
    const bundle = await starterWith('limit: "50.00"', 'limt: "50.00"');
    await expect(server.operator.call('load_policy', { bundle })).rejects.toMatchObject({ code: 'policy_invalid' });
  });
});
