/**
 * The one box of the Logs page: what a person types becomes LogQL.
 *
 * - `timeout` a line filter. All in lower case finds any case, a capital letter asks for exactly that.
 * - `"connection reset"` these characters exactly.
 * - `api OR worker` one of them.
 * - `container:api` a stream matcher where `container` is a stream label, a label filter otherwise.
 * - `status:>=500`, `took:>1.5s`, `path:/api/*`, `path:~^/api/` comparisons, parts, regular expressions.
 * - `-word`, `-field:value` not that.
 * - Text that begins with `{`, or with a function over such a selector, is LogQL already.
 */

/** What is known of the store; everything works with nothing known. */
export interface Known {
  /** Names of stream labels. */
  labels: ReadonlySet<string>;
  /** The parsers that a field in the line needs before it can be filtered by. */
  parsers: ReadonlyMap<string, readonly string[]>;
  /** Chosen where the text names no stream: every stream, or those of the page. */
  base: string;
}

export type Term =
  | { kind: 'word'; not: boolean; any: { text: string; exact: boolean }[] }
  | { kind: 'field'; not: boolean; name: string; op: FieldOp; value: string };

export type FieldOp = '=' | '=~' | '>' | '>=' | '<' | '<=';

/** Words for what the store calls otherwise. */
const ALIAS: Record<string, string> = { level: 'detected_level', lvl: 'detected_level', severity: 'detected_level' };
const FIELD = /^([\p{L}_][\p{L}\p{N}_.-]*):(?!:|\/\/|$)/u;
const METRIC = /^[a-z_]+\s*(\(|by\s*\(|without\s*\()[^]*\{/;

/** A string literal of LogQL. */
export function literal(text: string): string {
  return JSON.stringify(text);
}

/** As a regular expression (RE2), these characters and nothing else. */
export function escaped(text: string): string {
  return text.replace(/[\\.+*?()|[\]{}^$]/g, '\\$&');
}

export function isLogql(text: string): boolean {
  const t = text.trim();
  return t.startsWith('{') || METRIC.test(t);
}

/** Whether the answer is numbers and not lines. */
export function isMetric(logql: string): boolean {
  return !logql.trim().startsWith('{');
}

interface Token {
  text: string;
  quoted: boolean;
  not: boolean;
  /** `name:` before it. */
  field: string | null;
}

/** Words and quoted phrases; a quote that is never closed reaches to the end. */
function tokens(text: string): Token[] {
  const out: Token[] = [];
  let i = 0;
  while (i < text.length) {
    if (/\s/.test(text[i] ?? '')) {
      i += 1;
      continue;
    }
    const not = text[i] === '-' && /[^\s-]/.test(text[i + 1] ?? '');
    if (not) i += 1;
    const name = FIELD.exec(text.slice(i))?.[1] ?? null;
    if (name !== null) i += name.length + 1;
    if (text[i] === '"') {
      const [inner, next] = quotedAt(text, i);
      out.push({ text: inner, quoted: true, not, field: name });
      i = next;
    } else {
      const word = /^\S+/.exec(text.slice(i))?.[0] ?? '';
      if (word !== '') out.push({ text: word, quoted: false, not, field: name });
      i += Math.max(word.length, 1);
    }
  }
  return out;
}

function quotedAt(text: string, at: number): [string, number] {
  let inner = '';
  let i = at + 1;
  for (; i < text.length && text[i] !== '"'; i += 1) {
    const escape = text[i] === '\\' && (text[i + 1] === '"' || text[i + 1] === '\\');
    if (escape) i += 1;
    inner += text[i] ?? '';
  }
  return [inner, i + 1];
}

/** The terms of a text that is no LogQL; all of them must hold. */
export function parse(text: string): Term[] {
  const out: Term[] = [];
  let or = false;
  for (const token of tokens(text)) {
    if (!token.quoted && token.field === null && !token.not && token.text === 'OR') {
      or = true;
      continue;
    }
    if (token.quoted && token.text === '' && token.field === null) continue;
    const term = termOf(token);
    const before = out.at(-1);
    if (or && before?.kind === 'word' && term.kind === 'word' && !before.not && !term.not) before.any.push(...term.any);
    else if (!(token.text === 'AND' && !token.quoted && token.field === null)) out.push(term);
    or = false;
  }
  return out;
}

function termOf({ text, quoted, not, field }: Token): Term {
  if (field === null) return { kind: 'word', not, any: [{ text, exact: quoted || text !== text.toLowerCase() }] };
  const name = field.replace(/[.-]/g, '_');
  if (quoted) return { kind: 'field', not, name, op: '=', value: text };
  const compared = /^(>=|<=|>|<)(.+)$/.exec(text);
  if (compared) return { kind: 'field', not, name, op: compared[1] as FieldOp, value: compared[2] ?? '' };
  if (text.startsWith('~') && text.length > 1) return { kind: 'field', not, name, op: '=~', value: text.slice(1) };
  if (text.includes('*')) {
    const value = text.split('*').map(escaped).join('.*');
    return { kind: 'field', not, name, op: '=~', value };
  }
  return { kind: 'field', not, name, op: '=', value: text };
}

/** Upper case has a meaning of its own only where there is lower case too. */
function hasCase(text: string): boolean {
  return text.toLowerCase() !== text.toUpperCase();
}

function wordFilter({ any, not }: Extract<Term, { kind: 'word' }>): string {
  const loose = any.some((a) => !a.exact && hasCase(a.text));
  const op = loose ? (not ? '!~' : '|~') : not ? '!=' : '|=';
  const needles = any.map((a) => {
    if (!loose) return literal(a.text);
    return literal(a.exact || !hasCase(a.text) ? escaped(a.text) : `(?i)${escaped(a.text)}`);
  });
  return `${op} ${needles.join(' or ')}`;
}

const NUMBER = /^-?\d+(\.\d+)?$/;
const QUANTITY = /^-?\d+(\.\d+)?(ns|us|µs|ms|s|m|h|[KMGTP]?i?B|[kmgtp]i?b)$/;

function fieldFilter(name: string, { op, not, value }: Extract<Term, { kind: 'field' }>): string {
  if (op === '=' || op === '=~') return `| ${name} ${negated(op, not)} ${literal(value)}`;
  const inverse = { '>': '<=', '>=': '<', '<': '>=', '<=': '>' } as const;
  const operand = NUMBER.test(value) || QUANTITY.test(value) ? value : literal(value);
  return `| ${name} ${not ? inverse[op] : op} ${operand}`;
}

function negated(op: '=' | '=~', not: boolean): string {
  return not ? (op === '=' ? '!=' : '!~') : op;
}

/** What stands between the braces. */
function innerOf(selector: string): string {
  return selector.trim().replace(/^\{\s*|\s*,?\s*\}$/g, '');
}

/** `container:a container:b` asks for either: no line has two values of one field. */
function grouped(terms: readonly Term[]): Term[] {
  const out: Term[] = [];
  for (const term of terms) {
    const same = out.find(
      (o) => o.kind === 'field' && term.kind === 'field' && isEither(o) && isEither(term) && o.name === term.name,
    );
    if (same?.kind !== 'field' || term.kind !== 'field') out.push({ ...term });
    else {
      same.value = [same, term].map((f) => (f.op === '=' ? escaped(f.value) : f.value)).join('|');
      same.op = '=~';
    }
  }
  return out;
}

function isEither(term: Extract<Term, { kind: 'field' }>): boolean {
  return !term.not && (term.op === '=' || term.op === '=~');
}

/** The LogQL of what stands in the box. */
export function translate(text: string, known: Known): string {
  if (isLogql(text)) return text.trim();
  const matchers: string[] = [];
  const lines: string[] = [];
  const parsers = new Set<string>();
  const fields: string[] = [];
  for (const term of grouped(parse(text))) {
    if (term.kind === 'word') {
      lines.push(wordFilter(term));
      continue;
    }
    const name = known.labels.has(term.name) ? term.name : (ALIAS[term.name] ?? term.name);
    const value = name === 'detected_level' ? term.value.toLowerCase() : term.value;
    if (known.labels.has(name) && (term.op === '=' || term.op === '=~')) {
      matchers.push(`${name}${negated(term.op, term.not)}${literal(value)}`);
      continue;
    }
    for (const parser of known.parsers.get(name) ?? []) parsers.add(parser);
    fields.push(fieldFilter(name, { ...term, value }));
  }
  const selector = selectorOf(known.base, matchers);
  return [selector, ...lines, ...[...parsers].map((p) => `| ${p}`), ...fields].join(' ');
}

/** A page's own streams stay; "every stream" gives way to a matcher that chooses some. */
function selectorOf(base: string, matchers: readonly string[]): string {
  const chooses = matchers.some((m) => /^\w+=[~"]/.test(m) && !/=~?""$/.test(m) && !/=~"(\.\*)+"$/.test(m));
  const all = /^\{\s*\w+\s*=~\s*"\.\+"\s*\}$/.test(base.trim());
  const kept = chooses && all ? '' : innerOf(base);
  return `{${[kept, ...matchers].filter(Boolean).join(', ')}}`;
}

/** A value as it is typed behind `field:`. */
export function typedValue(value: string): string {
  return /^[^\s"*~<>]+$/.test(value) ? value : `"${value.replace(/[\\"]/g, '\\$&')}"`;
}

/** What LogQL calls a field. */
function labelOf(name: string): string {
  return ALIAS[name] ?? name.replace(/[^\w]/g, '_');
}

/** The short word for a field, as the box takes it. */
function typedName(name: string): string {
  return name === 'detected_level' ? 'level' : name;
}

/** The text with one field more, or without it where it was there; in LogQL as a label filter. */
export function withField(text: string, name: string, value: string, not = false): string {
  if (isLogql(text)) {
    const op = not ? '!=' : '=';
    const filter = `| ${labelOf(name)} ${op} ${literal(value)}`;
    return text.includes(filter) ? text.replace(filter, '').replace(/ {2,}/g, ' ').trim() : `${text.trim()} ${filter}`;
  }
  const term = `${typedName(name)}:${typedValue(value)}`;
  const parts = splitTop(text).filter((p) => p !== term && p !== `-${term}`);
  const was = parts.length !== splitTop(text).length && splitTop(text).includes(not ? `-${term}` : term);
  return (was ? parts : [...parts, not ? `-${term}` : term]).join(' ');
}

/** Whether the text asks for this field value (`true`), against it (`false`), or neither. */
export function fieldState(text: string, name: string, value: string): boolean | null {
  if (isLogql(text)) {
    const label = labelOf(name);
    if (text.includes(`| ${label} = ${literal(value)}`)) return true;
    return text.includes(`| ${label} != ${literal(value)}`) ? false : null;
  }
  const term = `${typedName(name)}:${typedValue(value)}`;
  const parts = splitTop(text);
  if (parts.includes(term)) return true;
  return parts.includes(`-${term}`) ? false : null;
}

/** The text without any word about a field; LogQL stays as it is. */
export function withoutField(text: string, name: string): string {
  if (isLogql(text)) return text;
  const same = (part: string) => {
    const field = FIELD.exec(part.replace(/^-/, ''))?.[1];
    return field !== undefined && (ALIAS[field] ?? field) === (ALIAS[name] ?? name);
  };
  return splitTop(text)
    .filter((part) => !same(part))
    .join(' ');
}

/** The text cut at its blanks, quoted parts whole. */
function splitTop(text: string): string[] {
  return text.match(/(?:[^\s"]|"(?:\\.|[^"\\])*"?)+/g) ?? [];
}

/** The words that rows highlight: what a line must contain. */
export function needles(logql: string): { text: string; loose: boolean }[] {
  const out: { text: string; loose: boolean }[] = [];
  for (const m of logql.matchAll(
    /\|([=~])\s*((?:"(?:\\.|[^"\\])*"|`[^`]*`)(?:\s+or\s+(?:"(?:\\.|[^"\\])*"|`[^`]*`))*)/g,
  )) {
    for (const s of (m[2] ?? '').match(/"(?:\\.|[^"\\])*"|`[^`]*`/g) ?? []) {
      const text = unquoted(s);
      if (text === '') continue;
      if (m[1] === '=') out.push({ text, loose: false });
      else {
        const plain = /^(\(\?i\))?((?:[^\\.+*?()|[\]{}^$]|\\[\\.+*?()|[\]{}^$])+)$/.exec(text);
        if (plain?.[2]) out.push({ text: plain[2].replace(/\\(.)/g, '$1'), loose: plain[1] !== undefined });
      }
    }
  }
  return out;
}

function unquoted(text: string): string {
  if (text.startsWith('`')) return text.slice(1, -1);
  try {
    return JSON.parse(text) as string;
  } catch {
    return text.slice(1, -1);
  }
}

/** The stream label by which every stream can be chosen; where none is known, the one that Loki gives to all. */
export function everyStream(labels: readonly string[]): string {
  const wanted = ['service_name', 'service', 'container', 'job', 'node'];
  const name = wanted.find((w) => labels.includes(w)) ?? labels[0] ?? 'service_name';
  return `{${name}=~".+"}`;
}
