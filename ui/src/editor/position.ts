/**
 * Where a parse error stands. The server says `1:17: parse error: ...` of PromQL and `parse error at line 1, col 17: ...`
 * of LogQL; line and column from 1, columns in characters.
 */
export interface Spot {
  from: number;
  to: number;
}

export interface ParsedError {
  message: string;
  spot: Spot | null;
}

export function readError(text: string, query: string): ParsedError {
  const m = /^(?:invalid parameter "?query"?: )?(\d+):(\d+)(?:-(?:(\d+):)?(\d+))?:\s*(.*)$/s.exec(text);
  const loki = m ? null : /\bat line (\d+), col (\d+):\s*(.*)$/s.exec(text);
  if (loki) {
    const from = offsetOf(query, Number(loki[1]), Number(loki[2]));
    return { message: loki[3] ?? text, spot: { from, to: Math.max(wordEnd(query, from), from + 1) } };
  }
  if (!m) return { message: text, spot: null };
  const from = offsetOf(query, Number(m[1]), Number(m[2]));
  const to = m[4] ? offsetOf(query, Number(m[3] ?? m[1]), Number(m[4])) : wordEnd(query, from);
  return { message: m[5] ?? text, spot: { from, to: Math.max(to, from + 1) } };
}

function offsetOf(query: string, line: number, column: number): number {
  let offset = 0;
  const lines = query.split('\n');
  for (let i = 0; i < line - 1 && i < lines.length; i += 1) offset += (lines[i]?.length ?? 0) + 1;
  return Math.min(offset + Math.max(0, column - 1), query.length);
}

/** To the end of the word that begins here, so that there is something to underline. */
function wordEnd(query: string, from: number): number {
  const m = /^[\p{L}\p{N}_:]+/u.exec(query.slice(from));
  return from + (m?.[0].length ?? 1);
}
