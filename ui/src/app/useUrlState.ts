import { useNavigate, useSearch } from '@tanstack/react-router';
import { useCallback } from 'react';
import type { Search } from './search';

export type Patch = (patch: Search, options?: { push?: boolean }) => void;

/** The page's own parameters. Typing replaces the entry of the history, choices add one. */
export function useUrlState(): [Search, Patch] {
  const search: Search = useSearch({ strict: false });
  const navigate = useNavigate();
  const patch = useCallback<Patch>(
    (next, { push = false } = {}) => {
      void navigate({
        to: '.',
        search: (s: Search) => ({ ...s, ...next }),
        replace: !push,
        resetScroll: false,
      });
    },
    [navigate],
  );
  return [search, patch];
}
