// Two copies of yjs warn when jest loads both its module formats, and jsdom has
// no clipboard; neither says anything about our code.
const MUTED = [
  /Yjs was already imported/,
  /clipboard/i,
  /yjs#509/,
  /Invalid access: Add/
];

for (const level of ['warn', 'error'] as const) {
  const original = console[level].bind(console);
  console[level] = (...args: unknown[]): void => {
    if (!MUTED.some(pattern => pattern.test(String(args[0])))) {
      original(...args);
    }
  };
}
