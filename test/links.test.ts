import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { catalogue } from '../src/core/errors/catalogue.ts';

/** Links between the pages of this repository, and from its code to them: each file and each heading that they name exists. */
const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const tracked = execFileSync('git', ['ls-files', '-z'], { cwd: root, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 })
  .split('\0')
  .filter((path) => path !== '' && existsSync(join(root, path)));
const textOf = (path: string): string => readFileSync(join(root, path), 'utf8');
const pages = tracked.filter((path) => path.endsWith('.md'));
const withoutFences = (text: string): string => text.replace(/^(`{3,})[\s\S]*?^\1/gm, '');
const withoutCode = (text: string): string => withoutFences(text).replace(/`[^`\n]*`/g, '');

/** The anchors of a page, by GitHub's rules: lower case, punctuation dropped, spaces to hyphens, a number for a repeated one. */
function anchorsOf(text: string): Set<string> {
  const anchors = new Set<string>();
  const seen = new Map<string, number>();
  for (const [, heading = ''] of withoutFences(text).matchAll(/^#{1,6} +(.+?) *#*$/gm)) {
    const plain = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').replace(/[`*]/g, '');
    const slug = plain
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\p{M}_\- ]/gu, '')
      .replaceAll(' ', '-');
    const count = seen.get(slug) ?? 0;
    seen.set(slug, count + 1);
    anchors.add(count === 0 ? slug : `${slug}-${count}`);
  }
  for (const [, id = ''] of text.matchAll(/<a (?:id|name)="([^"]+)"/g)) anchors.add(id);
  return anchors;
}
const anchors = new Map(pages.map((page) => [page, anchorsOf(textOf(page))]));

/** What is wrong with a link of a page, or null. */
function fault(page: string, link: string): string | null {
  const [path = '', anchor] = decodeURIComponent(link).split('#', 2);
  const target = path === '' ? page : posix.normalize(posix.join(posix.dirname(page), path));
  if (!existsSync(join(root, target))) return `${page}: ${link}: no such file`;
  if (target.startsWith('..')) return `${page}: ${link}: outside the repository`;
  if (anchor === undefined || !target.endsWith('.md')) return null;
  return anchors.get(target)?.has(anchor) ? null : `${page}: ${link}: no such heading`;
}

/** `[text](target)`, with or without a title, `[name]: target`, and `src` or `href` of HTML. */
function linksOf(text: string): string[] {
  const plain = withoutCode(text);
  const found = [
    ...plain.matchAll(/\]\(<?([^)\s>]+)>?(?:\s+"[^"]*")?\)/g),
    ...plain.matchAll(/^\[[^\]]+\]:\s*<?([^\s>]+)>?/gm),
    ...plain.matchAll(/\b(?:src|href)="([^"]+)"/g),
  ].map((match) => match[1] ?? '');
  return found.filter((target) => !/^[a-z][a-z0-9+.-]*:/i.test(target));
}

describe('anchors', () => {
  it('are those that GitHub makes of headings', () => {
    const page = [
      '# The `/v1/fetch` page',
      '## Which answers are believed?',
      '## See [this](x.md#y), **now**',
      '## See this, now',
      '```',
      '# no heading',
      '```',
      '<a id="own"></a>',
    ].join('\n');
    expect([...anchorsOf(page)]).toEqual([
      'the-v1fetch-page',
      'which-answers-are-believed',
      'see-this-now',
      'see-this-now-1',
      'own',
    ]);
  });
});

describe('links', () => {
  it('between pages name files and headings that exist', () => {
    const all = pages.flatMap((page) => linksOf(textOf(page)).map((link) => ({ page, link })));
    expect(all.length).toBeGreaterThan(100);
    expect(all.map(({ page, link }) => fault(page, link)).filter((found) => found !== null)).toEqual([]);
  });

  it('to a missing file or heading are found', () => {
    const missing = [
      'nothing.md',
      '#nothing',
      'docs/errors.md#nothing',
      '../outside.md',
      'docs/errors.md#not_configured',
    ];
    expect(missing.map((link) => fault('README.md', link) === null)).toEqual([false, false, false, false, true]);
  });

  it('are never absolute paths, which break in every other place than the web root', () => {
    const absolute = pages.flatMap((page) =>
      linksOf(textOf(page))
        .filter((link) => link.startsWith('/'))
        .map((link) => `${page}: ${link}`),
    );
    expect(absolute).toEqual([]);
  });

  it('from code and configuration to a page of docs name one that exists', () => {
    const isJudged = (path: string): boolean =>
      /\.(ts|tsx|mjs|cjs|sol|rego|ya?ml)$/.test(path) && path !== 'test/links.test.ts';
    const broken = tracked.filter(isJudged).flatMap((path) =>
      [...textOf(path).matchAll(/\bdocs\/[\w./-]+\.md(?:#([\w-]+))?/g)].flatMap((match) => {
        const [page = '', anchor] = match[0].split('#', 2);
        const isThere =
          existsSync(join(root, page)) && (anchor === undefined || anchors.get(page)?.has(anchor) === true);
        return isThere ? [] : [`${path}: ${match[0]}`];
      }),
    );
    expect(broken).toEqual([]);
  });

  it('of the table of error codes lead to each code', () => {
    const codes = anchors.get('docs/errors.md');
    expect(Object.keys(catalogue).filter((code) => !codes?.has(code))).toEqual([]);
  });
});
