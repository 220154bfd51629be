import { z } from 'zod';
import { BursarError } from '../errors/base.ts';

const HttpUrl = z.url({ protocol: /^https?$/, error: 'is not an http or https URL' });
const LogLevel = z.enum(['silent', 'fatal', 'error', 'warn', 'info', 'debug', 'trace']);
/** Set to nothing is as if it were not set. */
const optionalText = z
  .string()
  .transform((text) => text || undefined)
  .optional();

/** Every setting from the environment, but for `BURSAR_KEY_<ROLE>`, whose names follow the roles. Other variables are not read. */
const Environment = z.object({
  BURSAR_API_KEY: z.string().optional(),
  BURSAR_DATA_DIR: z.string().min(1, 'is empty').optional(),
  BURSAR_LOG: LogLevel.default('warn'),
  BURSAR_MAIL_FROM: z.string().min(1, 'is empty').default('bursar@localhost'),
  BURSAR_OIDC_CLIENT_SECRET: optionalText,
  BURSAR_PASSPHRASE: z.string().min(1, 'is empty').optional(),
  BURSAR_PUBLIC_URL: HttpUrl.optional(),
  BURSAR_RPC_URL: HttpUrl.optional(),
  BURSAR_RUN: optionalText,
  BURSAR_SMTP_URL: z.url({ protocol: /^smtps?$/, error: 'is not an smtp or smtps URL' }).optional(),
  BURSAR_URL: HttpUrl.optional(),
  /** Separated by commas. */
  BURSAR_WITNESS_RPC_URLS: z
    .string()
    .transform((text) => text.split(',').flatMap((url) => url.trim() || []))
    .pipe(z.array(HttpUrl))
    .optional(),
  BURSAR_WORKFLOW: optionalText,
});
export type Environment = z.infer<typeof Environment>;

/** The checked settings. Throws `not_configured` with the names of malformed variables, never with their values. */
export function readEnvironment(variables: NodeJS.ProcessEnv = process.env): Environment {
  const read = Environment.safeParse(variables);
  if (read.success) return read.data;
  // A URL may carry a password: the message says what a value should be, not what it was.
  const problems = read.error.issues.map(({ path, message }) => `${String(path[0])}: ${message}`);
  throw new BursarError('not_configured', {
    message: `The environment is malformed: set right or unset ${[...new Set(problems)].join('; ')}.`,
  });
}

/** The level of the log, which is opened before anything can refuse a malformed one. */
export function logLevel(variables: NodeJS.ProcessEnv = process.env): string {
  return LogLevel.catch('warn').parse(variables.BURSAR_LOG);
}

/** Whether a terminal may be written to in colour. Never refuses: refusals are shown by it. */
export function mayColour({ NO_COLOR, TERM }: NodeJS.ProcessEnv = process.env): boolean {
  return !NO_COLOR && TERM !== 'dumb';
}

/** All variables as they are: for programs that are started, and for keys by role. */
export function allVariables(): NodeJS.ProcessEnv {
  return process.env;
}
