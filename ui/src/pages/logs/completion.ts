/** What could come next in the box, in plain words and in LogQL. */
import { isLogql, literal, typedValue } from './ask';
import { LEVELS } from './levels';

export interface Option {
  label: string;
  apply: string;
  kind: 'label' | 'field' | 'value' | 'stage' | 'function';
}

/** What stands at the cursor and is to be completed. */
export type Place =
  | { what: 'name'; from: number }
  | { what: 'value'; from: number; name: string; quoted: boolean; selector: string | null }
  | { what: 'label'; from: number }
  | { what: 'stage'; from: number }
  | { what: 'function'; from: number };

const STAGES = [
  'json',
  'logfmt',
  'pattern',
  'regexp',
  'unpack',
  'line_format',
  'label_format',
  'decolorize',
  'drop',
  'keep',
  'unwrap',
];
const FUNCTIONS = [
  'count_over_time',
  'rate',
  'bytes_rate',
  'bytes_over_time',
  'sum_over_time',
  'avg_over_time',
  'max_over_time',
  'min_over_time',
  'quantile_over_time',
  'first_over_time',
  'last_over_time',
  'absent_over_time',
  'sum',
  'avg',
  'max',
  'min',
  'count',
  'topk',
  'bottomk',
  'approx_topk',
  'by',
  'without',
];

export function placeAt(text: string, at: number): Place | null {
  return isLogql(text) || /^\s*\{/.test(text) ? logqlPlace(text.slice(0, at)) : plainPlace(text.slice(0, at));
}

function plainPlace(before: string): Place | null {
  const value = /(?:^|\s)-?([\p{L}_][\p{L}\p{N}_.-]*):("?)([^\s"]*)$/u.exec(before);
  if (value)
    return {
      what: 'value',
      name: value[1] ?? '',
      from: before.length - (value[3] ?? '').length - (value[2] ?? '').length,
      quoted: false,
      selector: null,
    };
  if ((before.match(/"/g)?.length ?? 0) % 2 === 1) return null;
  const word = /(?:^|\s)-?([\p{L}\p{N}_.]*)$/u.exec(before);
  return word ? { what: 'name', from: before.length - (word[1] ?? '').length } : null;
}

/** Looks back from the cursor: inside braces, inside a string, behind a pipe, or at a word. */
function logqlPlace(before: string): Place | null {
  let string = -1;
  let brace = -1;
  for (let i = 0; i < before.length; i += 1) {
    const c = before[i];
    if (string >= 0) {
      if (c === '\\') i += 1;
      else if (c === '"') string = -1;
    } else if (c === '"') string = i;
    else if (c === '{') brace = i;
    else if (c === '}') brace = -1;
  }
  if (brace >= 0) {
    if (string >= 0) {
      const name = /([\w]+)\s*(?:=~|!~|!=|=)\s*$/.exec(before.slice(0, string))?.[1];
      const others = before.slice(brace, string).replace(/,?\s*\w+\s*(?:=~|!~|!=|=)\s*$/, '');
      const selector = others.includes('"') ? `${others}}` : null;
      return name ? { what: 'value', from: string, name, quoted: true, selector } : null;
    }
    const label = /[{,]\s*(\w*)$/.exec(before.slice(brace));
    return label ? { what: 'label', from: before.length - (label[1] ?? '').length } : null;
  }
  if (string >= 0) {
    const name = /\|\s*(\w+)\s*(?:=~|!~|!=|=)\s*$/.exec(before.slice(0, string))?.[1];
    return name ? { what: 'value', from: string, name, quoted: true, selector: null } : null;
  }
  const stage = /\|\s+(\w*)$/.exec(before);
  if (stage) return { what: 'stage', from: before.length - (stage[1] ?? '').length };
  const word = /(?:^|[\s(,])(\w+)$/.exec(before);
  return word ? { what: 'function', from: before.length - (word[1] ?? '').length } : null;
}

export interface Names {
  labels: readonly string[];
  fields: readonly string[];
}

const option = (label: string, apply: string, kind: Option['kind']): Option => ({ label, apply, kind });

/** What is offered at a place that needs no question to the server. */
export function optionsOf(place: Place, { labels, fields }: Names): Option[] {
  const extra = fields.filter((f) => !labels.includes(f));
  switch (place.what) {
    case 'name':
      return [
        ...(labels.includes('level') ? [] : [option('level', 'level:', 'field')]),
        ...labels.map((l) => option(l, `${l}:`, 'label')),
        ...extra.map((f) => option(f, `${f}:`, 'field')),
      ];
    case 'label':
      return labels.map((l) => option(l, `${l}="`, 'label'));
    case 'stage':
      return [
        ...STAGES.map((s) => option(s, s, 'stage')),
        ...[...labels, ...extra].map((f) => option(f, f, labels.includes(f) ? 'label' : 'field')),
      ];
    case 'function':
      return FUNCTIONS.map((f) => option(f, f, 'function'));
    case 'value':
      return [];
  }
}

/** Values as they are written at the place. */
export function valueOptions(place: Extract<Place, { what: 'value' }>, values: readonly string[]): Option[] {
  return values.map((v) => option(v, place.quoted ? literal(v) : typedValue(v), 'value'));
}

/** Levels are known without asking. */
export function isLevel(name: string): boolean {
  return name === 'level' || name === 'detected_level';
}

export const LEVEL_VALUES: readonly string[] = LEVELS.filter((l) => l !== 'unknown');
