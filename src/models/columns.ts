/**
 * Return where an editor has a diagnostic's place in its line: from 0, in
 * UTF-16 units, of which characters such as emoji take two.
 */
export function editorColumn(
  source: string,
  line: number,
  column: number
): number {
  const text = source.split('\n')[line - 1] ?? '';
  const before = [...text].slice(0, column - 1);
  return column - 1 + before.filter(({ length }) => length > 1).length;
}
