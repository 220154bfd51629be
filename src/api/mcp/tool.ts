import type { z } from 'zod';
import type { Json } from './backend.ts';

/** What a tool answers: our own words and figures, and apart from them what others wrote. */
export type ToolAnswer = { fields: Json & { next: string }; untrusted: Json | null };

/** One tool: an operation as a model sees it. Nothing in here comes from outside this repository. */
export type Tool = {
  name: string;
  /** In the registry. A tool whose operation is not there is not offered. */
  operation: string;
  title: string;
  description: string;
  /** Changes nothing (`reads`), asks or sells without paying (`asks`), moves money (`pays`). */
  effect: 'reads' | 'asks' | 'pays';
  /** Fields of the operation's input that are not for models. */
  hidden?: readonly string[];
  /** What stands for a field that the model leaves out. */
  defaults?: Json;
  /** What a field is for, where the operation's own words are not for models. */
  meanings?: Record<string, string>;
  /** The words that a field may have, where models get fewer. */
  narrowed?: Record<string, readonly string[]>;
  /** Fields that are always this, so no model fills them. */
  fixed?: Json;
  output: z.ZodObject;
  /** `base`: the server's own URL. */
  answer: (answer: Json, args: Json, base: string) => ToolAnswer;
};
