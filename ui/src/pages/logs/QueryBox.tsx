import { Button } from '@mantine/core';
import { useEffect, useRef, useState, type Ref } from 'react';
import { useTranslation } from 'react-i18next';
import { labelValues, queryVector } from '../../api/loki';
import { CodeEditor, type EditorHandle } from '../../editor/CodeEditor';
import type { Spot } from '../../editor/position';
import type { PageRange } from '../../time/useRange';
import { logLanguage, type Source } from './language';
import classes from './Logs.module.css';
import { topQuery, type Store } from './useLogs';

interface Props {
  text: string;
  store: Store;
  range: PageRange;
  error: { message: string; spot: Spot } | null;
  busy: boolean;
  autoFocus: boolean;
  handle: Ref<EditorHandle>;
  onRun: (text: string) => void;
}

/** The one box: words, `field:value` or LogQL, with completion from the store. */
export function QueryBox({ text, store, range, error, busy, autoFocus, handle, onRun }: Props) {
  const { t } = useTranslation();
  const [draft, setDraft] = useState(text);
  useEffect(() => setDraft(text), [text]);
  const latest = useRef({ store, range, draft });
  latest.current = { store, range, draft };
  const source = useRef<Source>({
    names: () => ({
      labels: latest.current.store.names,
      fields: latest.current.store.fields.map((f) => f.label),
    }),
    values: (name, selector) => valuesOf(name, selector, latest.current.store, latest.current.range),
  }).current;
  const run = () => onRun(latest.current.draft.trim());
  return (
    <div className={classes.ask}>
      <CodeEditor
        value={draft}
        label={t('logs.box')}
        hint={t('logs.hint')}
        error={draft === text ? error : null}
        language={() => logLanguage(source, latest.current.draft)}
        autoFocus={autoFocus}
        onChange={setDraft}
        onRun={run}
        handle={handle}
      />
      <Button onClick={run} h={38} loading={busy}>
        {t('logs.run')}
      </Button>
    </div>
  );
}

/** Values to complete with: all that a stream label has, the most frequent ones of other fields. */
async function valuesOf(
  name: string,
  selector: string | null,
  store: Store,
  range: PageRange,
): Promise<readonly string[]> {
  const now = range.now();
  try {
    if (store.labels.has(name)) return (await labelValues(name, now, selector ?? undefined)).slice(0, 500);
    if (!/^\w+$/.test(name)) return [];
    const query = topQuery(store.base, name, now.end - now.start, 50, store.parsers.get(name) ?? []);
    return (await queryVector(query, now.end)).flatMap((v) => v.metric[name] ?? []);
  } catch {
    // Without values there is nothing to offer; running the query says what is wrong.
    return [];
  }
}
