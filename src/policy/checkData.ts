import { LineCounter, parseDocument } from 'yaml';
import { DATA_FILE, parseData } from './bundle.ts';
import { controlsInUse, PolicyData } from './data.ts';
import { failure, type PolicySources } from './sources.ts';

/**
 * Reads and checks data.yaml: its form, and that what it requires exists and has its settings. Throws
 * `policy_compile_failed` with the line.
 */
export function checkData(sources: PolicySources): Record<string, unknown> {
  const lines = new LineCounter();
  const document = parseDocument(sources[DATA_FILE] ?? '', { lineCounter: lines, uniqueKeys: true });
  const [broken] = document.errors;
  if (broken)
    throw failure(broken.message.split('\n')[0] ?? 'is not YAML', DATA_FILE, lines.linePos(broken.pos[0]).line);
  const lineOf = (path: PropertyKey[]): number => {
    for (let length = path.length; length > 0; length -= 1) {
      const node: unknown = document.getIn(path.slice(0, length), true);
      const range = typeof node === 'object' && node !== null && 'range' in node ? node.range : null;
      if (Array.isArray(range) && typeof range[0] === 'number') return lines.linePos(range[0]).line;
    }
    return 1;
  };

  const data = parseData(sources[DATA_FILE] ?? '');
  if (data === null) throw failure('is not a mapping, or uses aliases', DATA_FILE);
  const parsed = PolicyData.safeParse(data);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const path = issue?.path ?? [];
    throw failure(`${path.join('.') || 'the file'}: ${issue?.message ?? 'is not valid'}`, DATA_FILE, lineOf(path));
  }
  for (const name of controlsInUse(parsed.data)) {
    const path = `controls/${name}/${name}.rego`;
    if (sources[path] === undefined) throw failure(`requires the control ${name}, but there is no ${path}`, DATA_FILE);
    // agent_active has no settings; what else reads data.controls.<name> needs them, or each of its payments is refused.
    const reads = sources[path].includes(`data.controls.${name}`);
    if (reads && parsed.data.controls[name as keyof typeof parsed.data.controls] === undefined) {
      throw failure(`requires the control ${name}, but has no settings for it under controls.${name}`, DATA_FILE);
    }
  }
  return data;
}
