import { z } from 'zod';

const HostName = z
  .string()
  .regex(/^(\[[0-9a-f:]+\]|[a-z0-9]([a-z0-9.-]*[a-z0-9])?)$/, 'is not a host name without a port');

/** The `mcp` part of `config.json`: who may speak to `/mcp` beside this machine itself. */
export const McpSettings = z.strictObject({
  /** Names by which clients reach this server, where it is not local: the Host header must be one of them. */
  hosts: z.array(HostName).max(50).default([]),
  /** Sites whose pages may speak to it. None by default: MCP clients that are no browsers send no Origin. */
  origins: z.array(HostName).max(50).default([]),
});
export type McpSettings = z.infer<typeof McpSettings>;
