/** A browser without a screen: cookies per origin, and redirects one at a time. */
export type Visitor = {
  /** Of one origin, by name. */
  cookies(origin: string): Map<string, string>;
  get(url: string, headers?: Record<string, string>): Promise<Response>;
  /** Follows redirects until an answer is none, or `until` says that the next place is not to be visited yet: then that place. */
  follow(url: string, until?: (next: URL) => boolean): Promise<{ answer: Response; next: URL | null }>;
};

export function visitor(): Visitor {
  const jars = new Map<string, Map<string, string>>();
  const cookies: Visitor['cookies'] = (origin) => {
    const jar = jars.get(origin) ?? new Map<string, string>();
    jars.set(origin, jar);
    return jar;
  };
  const get: Visitor['get'] = async (url, headers = {}) => {
    const jar = cookies(new URL(url).origin);
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ');
    const answer = await fetch(url, {
      redirect: 'manual',
      headers: { accept: 'text/html', ...(cookie ? { cookie } : {}), ...headers },
    });
    for (const line of answer.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      if (value === '' || /max-age=0\b/i.test(line)) jar.delete(name);
      else jar.set(name, value);
    }
    return answer;
  };
  return {
    cookies,
    get,
    follow: async (url, until = () => false) => {
      let here = url;
      for (let i = 0; i < 20; i += 1) {
        const answer = await get(here);
        const location = answer.headers.get('location');
        if (location === null) return { answer, next: null };
        const next = new URL(location, here);
        if (until(next)) return { answer, next };
        await answer.arrayBuffer();
        here = next.href;
      }
      throw new Error('Too many redirects.');
    },
  };
}
