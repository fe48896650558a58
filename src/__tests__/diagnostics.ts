import type { IDiagnostic } from '../documents';

/** A diagnostic as the server would answer it. */
export function diagnosticOf(changes: Partial<IDiagnostic> = {}): IDiagnostic {
  return {
    code: 'NBD201',
    severity: 'error',
    cell: 'cell-0',
    line: 1,
    column: 1,
    message: 'x is not defined in the notebook.',
    fix: null,
    ...changes
  };
}
