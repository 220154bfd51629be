#!/usr/bin/env node
// The command line as an installation runs it: built where its sources have changed, then run.
import { ensureProgram, entry } from './build.mjs';

await ensureProgram();
await import(entry);
