import { z } from 'zod';

const HostName = z
  .string()
  .regex(/^(\[[0-9a-f:]+\]|[a-z0-9]([a-z0-9.-]*[a-z0-9])?)$/, 'is not a host name without a port');

/** The `mcp` part of `config.json`: clients of `/mcp` other than this machine itself. */
export const McpSettings = z.strictObject({
  /** Names by which remote clients reach this server: the Host header must be one of them. */
  hosts: z.array(HostName).max(50).default([]),
  /** Sites whose pages may call it. None by default: MCP clients that are not browsers send no Origin. */
  origins: z.array(HostName).max(50).default([]),
});
export type McpSettings = z.infer<typeof McpSettings>;
