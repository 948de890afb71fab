import { useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import type { PageRange } from '../../time/useRange';
import { translate, withoutField } from './ask';
import classes from './Facets.module.css';
import { FacetValues } from './FacetValues';
import type { Store } from './useLogs';

interface Props {
  text: string;
  store: Store;
  range: PageRange;
  height: string;
  /** Names of the open ones, as they stand in the URL; `undefined`: the first ones. */
  open: string | undefined;
  onOpen: (open: string) => void;
  onField: (name: string, value: string, not: boolean) => void;
}

/** What one looks for first. */
const FIRST = [
  'detected_level',
  'level',
  'container',
  'compose_project',
  'compose_service',
  'namespace',
  'pod',
  'service_name',
  'service',
  'job',
  'node',
  'stream',
];
const TOP = 8;
/** More facets than this nobody reads. */
const MOST = 40;

function rank(name: string): number {
  const at = FIRST.indexOf(name);
  return at < 0 ? FIRST.length : at;
}

/** Stream labels, then fields of the lines, each group in the order in which one asks. */
export function facetNames(labels: readonly string[], fields: readonly string[]) {
  const sorted = (list: readonly string[]) =>
    [...list].sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1)).slice(0, MOST);
  return {
    streams: sorted(labels.filter((l) => !l.startsWith('__'))),
    fields: sorted(fields.filter((f) => !labels.includes(f))),
  };
}

/** The fields of the lines beside them: open one to see its values and how many lines have each. */
export function Facets({ text, store, range, height, open, onOpen, onField }: Props) {
  const { t } = useTranslation();
  const names = useMemo(
    () =>
      facetNames(
        store.names,
        store.fields.map((f) => f.label),
      ),
    [store.names, store.fields],
  );
  const first = names.streams.filter((n) => ['container', 'compose_service', 'service_name'].includes(n)).slice(0, 1);
  const opened = new Set(open === undefined ? first : open.split(',').filter(Boolean));
  const toggle = (name: string) => {
    const next = new Set(opened);
    if (next.has(name)) next.delete(name);
    else next.add(name);
    // Nothing open is a choice too, other than the first ones.
    onOpen([...next].join(',') || ',');
  };
  const group = (title: string, list: readonly string[]) =>
    list.length > 0 && (
      <section>
        <h3 className={classes.title}>{title}</h3>
        {list.map((name) => (
          <div key={name}>
            <button
              type="button"
              className={`${classes.name} cut`}
              aria-expanded={opened.has(name)}
              onClick={() => toggle(name)}
            >
              <span className={classes.chevron} aria-hidden="true">
                {opened.has(name) ? '▾' : '▸'}
              </span>
              {name}
            </button>
            {opened.has(name) && (
              <FacetValues
                name={name}
                logql={translate(withoutField(text, name), store)}
                text={text}
                parsers={store.parsers.get(name) ?? []}
                range={range}
                top={TOP}
                onField={onField}
              />
            )}
          </div>
        ))}
      </section>
    );
  return (
    <nav className={`panel ${classes.facets}`} style={{ height }} aria-label={t('logs.facet.title')}>
      {group(t('logs.facet.streams'), names.streams)}
      {group(t('logs.facet.fields'), names.fields)}
    </nav>
  );
}
