import { Command } from 'commander';
import { type Client, createClient } from '../../../api/client/client.ts';
import type { Backend, Problem } from '../../../api/mcp/backend.ts';
import { readEnvironment } from '../../../core/environment/environment.ts';
import { BursarError } from '../../../core/errors/base.ts';
import { failureOf } from '../exit.ts';
import { examples } from '../operationCommand.ts';
import { sessionOf } from '../session.ts';
import { version } from '../version.ts';

/** `bursar mcp`: MCP over stdio, for a host that starts it. It calls the server over HTTP and has no signing key. */
export function mcpCommand(): Command {
  const command = new Command('mcp')
    .description("Serve MCP over stdin and stdout to an agent's host. Needs BURSAR_URL and an agent's BURSAR_API_KEY.")
    .option('--workflow <name>', 'The workflow of calls that name none (BURSAR_WORKFLOW)')
    .option('--run <id>', 'The run of that workflow (BURSAR_RUN)')
    .addHelpText(
      'after',
      `${examples(['BURSAR_URL=http://127.0.0.1:8402 BURSAR_API_KEY=bursar_ag_... bursar mcp'])}\n\nOver HTTP the server has the same tools at /mcp. See docs/mcp.md for what to put into a host's configuration.`,
    )
    .action(async (flags: { workflow?: string; run?: string }) => {
      const { key } = command.optsWithGlobals<{ key?: string }>();
      const environment = readEnvironment();
      const client = createClient(sessionOf(command).url(), agentKey(key ?? environment.BURSAR_API_KEY));
      const defaults = {
        workflow: flags.workflow ?? environment.BURSAR_WORKFLOW,
        run: flags.run ?? environment.BURSAR_RUN,
      };
      const { serveStdio } = await import('@modelcontextprotocol/server/stdio');
      const { createMcpServer } = await import('../../../api/mcp/server.ts');
      const backend = httpBackend(client);
      // Stdout belongs to the protocol; the process ends when the host closes stdin.
      serveStdio(() => createMcpServer(backend, { version, defaults }), {
        maxSubscriptions: 8,
        onerror: (error) => process.stderr.write(`bursar mcp: ${error.message}\n`),
      });
    });
  return command;
}

/** Never the operator's key of the data directory: a model must not be able to change its own limits. */
function agentKey(key: string | undefined): string {
  if (key?.startsWith('bursar_ag_')) return key;
  throw new BursarError('unauthenticated', {
    message:
      key === undefined
        ? "No agent's key: set BURSAR_API_KEY."
        : "BURSAR_API_KEY is no agent's key (bursar_ag_…). A model gets no other one.",
  });
}

/** Calls the server's operations over HTTP. An unreachable server is an answer too: the host stays up and tries again. */
function httpBackend(client: Client): Backend {
  return {
    base: client.url,
    async call(operation, input, idempotencyKey) {
      try {
        const answer = await client.call(operation.name, input, idempotencyKey === null ? {} : { idempotencyKey });
        return { ok: true, answer };
      } catch (error) {
        return { ok: false, problem: failureOf(error).problem as Problem };
      }
    },
  };
}
