import { Fragment } from 'react';
import { useTranslation } from 'react-i18next';
import { format } from '../../format/units';
import type { PageRange } from '../../time/useRange';
import listing from '../../widgets/listing.module.css';
import facets from './Facets.module.css';
import { FacetValues } from './FacetValues';
import logs from './Logs.module.css';
import type { Store } from './useLogs';

interface Props {
  logql: string;
  text: string;
  store: Store;
  range: PageRange;
  open: string | undefined;
  onOpen: (name: string | undefined) => void;
  onField: (name: string, value: string, not: boolean) => void;
}

/** Every field found in the lines: its type, how many values it has, who found it; open one for its top values. */
export function Fields({ logql, text, store, range, open, onOpen, onField }: Props) {
  const { t } = useTranslation();
  if (store.fields.length === 0)
    return <div className={`panel ${logs.main} ${logs.blank}`}>{t('logs.field.none')}</div>;
  return (
    <div className={`panel ${logs.main} ${logs.table}`}>
      <table className={listing.table}>
        <thead>
          <tr>
            <th>{t('logs.field.name')}</th>
            <th>{t('logs.field.type')}</th>
            <th className="num">{t('logs.field.values')}</th>
            <th>{t('logs.field.parser')}</th>
          </tr>
        </thead>
        <tbody>
          {store.fields.map((f) => (
            <Fragment key={f.label}>
              <tr>
                <td>
                  <button
                    type="button"
                    className={facets.name}
                    aria-expanded={open === f.label}
                    onClick={() => onOpen(open === f.label ? undefined : f.label)}
                  >
                    <span className={facets.chevron} aria-hidden="true">
                      {open === f.label ? '▾' : '▸'}
                    </span>
                    {f.label}
                  </button>
                </td>
                <td>{f.type}</td>
                <td className="num">{format(f.cardinality, 'count')}</td>
                <td>{f.parsers && f.parsers.length > 0 ? f.parsers.join(', ') : t('logs.field.detected')}</td>
              </tr>
              {open === f.label && (
                <tr>
                  <td colSpan={4}>
                    <span className="muted">{t('logs.field.top')}</span>
                    <FacetValues
                      name={f.label}
                      logql={logql}
                      text={text}
                      parsers={f.parsers ?? []}
                      range={range}
                      top={20}
                      onField={onField}
                    />
                  </td>
                </tr>
              )}
            </Fragment>
          ))}
        </tbody>
      </table>
    </div>
  );
}
