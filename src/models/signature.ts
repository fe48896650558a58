import type { ReadonlyJSONObject, ReadonlyJSONValue } from '@lumino/coreutils';

import type { IEndpoint } from '../documents';
import { asSchema } from './json-schema';

const NAMES: Readonly<Record<string, string>> = {
  integer: 'int',
  number: 'float',
  string: 'str',
  boolean: 'bool',
  null: 'None',
  object: 'dict'
};

/** Write an endpoint as Python would: `decide(applicant: Applicant) -> Decision`. */
export function signatureOf(endpoint: IEndpoint): string {
  const schema = asSchema(endpoint.parameters);
  const properties = asSchema(schema['properties']);
  const parameters = Object.entries(properties).map(([name, value]) =>
    parameterOf(name, asSchema(value))
  );
  const call = `${endpoint.name}(${parameters.join(', ')})`;
  const result = endpoint.result ? typeOf(asSchema(endpoint.result)) : '';
  return result ? `${call} -> ${result}` : call;
}

function parameterOf(name: string, schema: ReadonlyJSONObject): string {
  const type = typeOf(schema);
  const typed = type ? `${name}: ${type}` : name;
  return 'default' in schema
    ? `${typed} = ${literal(schema['default'] ?? null)}`
    : typed;
}

/** Return the Python name of a schema's type, or an empty text for anything. */
function typeOf(schema: ReadonlyJSONObject): string {
  if (typeof schema['$ref'] === 'string') {
    return schema['$ref'].split('/').pop() ?? '';
  }
  const choices = schema['anyOf'] ?? schema['oneOf'];
  if (Array.isArray(choices)) {
    return choices.map(choice => typeOf(asSchema(choice))).join(' | ');
  }
  if (Array.isArray(schema['enum'])) {
    return `Literal[${schema['enum'].map(literal).join(', ')}]`;
  }
  return structureOf(schema);
}

function structureOf(schema: ReadonlyJSONObject): string {
  const type = schema['type'];
  if (type === 'array') {
    const item = typeOf(asSchema(schema['items']));
    return item ? `list[${item}]` : 'list';
  }
  // Classes carry their name as title; for a plain value it repeats the argument's.
  if (type === 'object' && typeof schema['title'] === 'string') {
    return schema['title'];
  }
  return typeof type === 'string' ? (NAMES[type] ?? type) : '';
}

function literal(value: ReadonlyJSONValue): string {
  const words: Record<string, string> = {
    true: 'True',
    false: 'False',
    null: 'None'
  };
  const text = JSON.stringify(value);
  return words[text] ?? text;
}
