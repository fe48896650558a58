import type { ReadonlyJSONObject, ReadonlyJSONValue } from '@lumino/coreutils';

/** Return the value where it is a JSON object, else an empty one. */
export function asSchema(
  value: ReadonlyJSONValue | undefined
): ReadonlyJSONObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as ReadonlyJSONObject)
    : {};
}
