// The only way by which this page makes elements: text goes in as text. Nothing here or elsewhere takes markup, and the
// page's content policy (require-trusted-types-for) refuses it.

type Attributes = Record<string, string | number | boolean | null | undefined>;

export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: (Node | string | null)[]
): HTMLElementTagNameMap[K] {
  const out = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith('on')) throw new Error('listeners are added, not written');
    out.setAttribute(name, value === true ? '' : String(value));
  }
  for (const child of children) if (child !== null) out.append(child);
  return out;
}

export function byId<T extends HTMLElement = HTMLElement>(id: string): T {
  const found = document.getElementById(id);
  if (!found) throw new Error(`no #${id}`);
  return found as T;
}

const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const some = new Intl.NumberFormat('en', { maximumSignificantDigits: 4 });

export function figure(value: number): string {
  if (!Number.isFinite(value)) return 'not known';
  return Number.isInteger(value) ? whole.format(value) : some.format(value);
}

export function plural(n: number, one: string, many = `${one}s`): string {
  return `${whole.format(n)} ${n === 1 ? one : many}`;
}

/** Settings that outlive the page; a browser that keeps none of files is no reason to fail. */
export const settings = {
  get(name: string): string | null {
    try {
      return localStorage.getItem(`loci.${name}`);
    } catch {
      return null;
    }
  },
  set(name: string, value: string): void {
    try {
      localStorage.setItem(`loci.${name}`, value);
    } catch {
      // not kept
    }
  },
};
