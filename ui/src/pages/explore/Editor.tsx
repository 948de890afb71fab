import { PromQLExtension } from '@prometheus-io/codemirror-promql';
import { BASE } from '../../api/base';
import { storedToken } from '../../api/client';
import { CodeEditor, type Language } from '../../editor/CodeEditor';
import type { Spot } from '../../editor/position';

interface Props {
  value: string;
  label: string;
  hint: string;
  error: { message: string; spot: Spot } | null;
  onChange: (text: string) => void;
  onRun: () => void;
}

/** The PromQL editor: completion from the store. */
export function Editor(props: Props) {
  return <CodeEditor {...props} language={promql} />;
}

function promql(): Language {
  const mode = new PromQLExtension();
  mode.activateLinter(false).setComplete({
    remote: {
      url: BASE,
      fetchFn: (input, init) => {
        const headers = new Headers(init?.headers);
        const token = storedToken();
        if (token) headers.set('Authorization', `Bearer ${token}`);
        return fetch(input, { ...init, headers });
      },
    },
  });
  return { extension: mode.asExtension(), destroy: () => mode.destroy() };
}
