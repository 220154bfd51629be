import type { z } from 'zod';
import type { Json } from './backend.ts';

/** A tool's answer: our own text and values, and separately the text of others. */
export type ToolAnswer = { fields: Json & { next: string }; untrusted: Json | null };

/** One tool: an operation in the form for models. Its texts come only from this repository. */
export type Tool = {
  name: string;
  /** The name in the registry. A tool without its operation is not offered. */
  operation: string;
  title: string;
  description: string;
  /** Changes nothing (`reads`), requests or sells without paying (`asks`), moves money (`pays`). */
  effect: 'reads' | 'asks' | 'pays';
  /** Fields of the operation's input that are hidden from models. */
  hidden?: readonly string[];
  /** Defaults of fields that the model leaves out. */
  defaults?: Json;
  /** The description of a field, if the operation's own is not suited for models. */
  meanings?: Record<string, string>;
  /** The permitted values of a field, if models get fewer. */
  narrowed?: Record<string, readonly string[]>;
  /** Fields with a fixed value, which models do not set. */
  fixed?: Json;
  output: z.ZodObject;
  /** `base`: the server's own URL. */
  answer: (answer: Json, args: Json, base: string) => ToolAnswer;
};
