import type { ISignal } from '@lumino/signaling';
import * as React from 'react';

/** Draw the component again whenever `signal` is emitted. */
export function useSignal<T, U>(signal: ISignal<T, U> | null): void {
  const [, draw] = React.useReducer((count: number) => count + 1, 0);
  React.useEffect(() => {
    if (!signal) {
      return undefined;
    }
    const slot = (): void => draw();
    signal.connect(slot);
    // Something may have happened between the first drawing and this effect.
    draw();
    return () => {
      signal.disconnect(slot);
    };
  }, [signal]);
}
