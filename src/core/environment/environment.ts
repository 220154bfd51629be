import { z } from 'zod';
import { BursarError } from '../errors/base.ts';

const HttpUrl = z.url({ protocol: /^https?$/, error: 'is not an http or https URL' });
const LogLevel = z.enum(['silent', 'fatal', 'error', 'warn', 'info', 'debug', 'trace']);

/** Every setting from the environment except `BURSAR_KEY_<ROLE>`, whose names follow the roles. docs/environment.md describes them. */
const Environment = z.object({
  BURSAR_API_KEY: z.string().optional(),
  BURSAR_DATA_DIR: z.string().optional(),
  BURSAR_LOG: LogLevel.default('warn'),
  BURSAR_MAIL_FROM: z.string().default('bursar@localhost'),
  BURSAR_OIDC_CLIENT_SECRET: z.string().optional(),
  BURSAR_PASSPHRASE: z.string().optional(),
  BURSAR_PUBLIC_URL: HttpUrl.optional(),
  BURSAR_RPC_URL: HttpUrl.optional(),
  BURSAR_RUN: z.string().optional(),
  BURSAR_SMTP_URL: z.url({ protocol: /^smtps?$/, error: 'is not an smtp or smtps URL' }).optional(),
  BURSAR_URL: HttpUrl.optional(),
  /** Separated by commas. */
  BURSAR_WITNESS_RPC_URLS: z
    .string()
    .transform((text) => text.split(',').flatMap((url) => url.trim() || []))
    .pipe(z.array(HttpUrl).min(1, 'names no URL'))
    .optional(),
  BURSAR_WORKFLOW: z.string().optional(),
  DATABASE_URL: z.url({ protocol: /^postgres(ql)?$/, error: 'is not a postgres URL' }).optional(),
});
export type Environment = z.infer<typeof Environment>;
export const environmentNames = Object.keys(Environment.shape);

/**
 * Returns the checked settings. Throws `environment_invalid` with the name of each malformed or empty variable, never with its value:
 * a URL may carry a password. An empty one is often a mistake in a script, and the default would then be used unnoticed.
 */
export function readEnvironment(variables: NodeJS.ProcessEnv = process.env): Environment {
  const empty = Object.keys(variables).filter(
    (name) => /^(BURSAR_.|DATABASE_URL$)/.test(name) && variables[name]?.trim() === '',
  );
  const read = Environment.safeParse(variables);
  if (read.success && empty.length === 0) return read.data;
  const problems = new Map<string, string>();
  for (const { path, message } of read.error?.issues ?? []) problems.set(String(path[0]), message);
  for (const name of empty) problems.set(name, 'is empty');
  const sentence = [...problems].map(([name, problem]) => `${name} ${problem}`).join('; ');
  throw new BursarError('environment_invalid', { message: `${sentence}.` });
}

/** Returns the level of the log. The log is opened before anything else, so a malformed level is refused later. */
export function logLevel(variables: NodeJS.ProcessEnv = process.env): string {
  return LogLevel.catch('warn').parse(variables.BURSAR_LOG);
}

/** Tells whether the terminal may show colours. Never throws, because the CLI prints errors through it. */
export function mayColour({ NO_COLOR, TERM }: NodeJS.ProcessEnv = process.env): boolean {
  return !NO_COLOR && TERM !== 'dumb';
}

/** Returns all variables unchecked: for child processes, and for keys by role. */
export function allVariables(): NodeJS.ProcessEnv {
  return process.env;
}
