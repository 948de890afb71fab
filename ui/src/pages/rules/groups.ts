/** What the rules page shows of all groups. */
import type { GroupItem } from '../alerts/model';

/** How many rules there are, and how many failed the last time. */
export function ruleCount(groups: readonly GroupItem[]): { all: number; failing: number } {
  const rules = groups.flatMap((g) => g.rules);
  return { all: rules.length, failing: rules.filter((r) => r.health === 'err').length };
}

/** Groups with the rules that have every word of the filter in their name, labels or expression; those without are left out. */
export function chosenGroups(groups: readonly GroupItem[], filter: string, failing: boolean): GroupItem[] {
  const wanted = filter.toLowerCase().split(/\s+/).filter(Boolean);
  return groups.flatMap((g) => {
    const rules = g.rules.filter((r) => {
      if (failing && r.health !== 'err') return false;
      const labels = Object.entries(r.labels ?? {}).map(([k, v]) => `${k}="${v}" ${k}=${v}`);
      const text = [g.name, g.file, r.name, r.query, ...labels].join('\n').toLowerCase();
      return wanted.every((w) => text.includes(w));
    });
    return rules.length > 0 ? [{ ...g, rules }] : [];
  });
}
