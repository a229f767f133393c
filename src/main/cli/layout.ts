import { stripVTControlCharacters, styleText } from 'node:util'

/** Styles that vanish when stdout is no terminal or NO_COLOR is set. */
export const strong = (text: string): string => styleText('bold', text, { stream: process.stdout })
export const quiet = (text: string): string => styleText('dim', text, { stream: process.stdout })

export type Align = 'left' | 'right'

/** Columns two spaces apart; the first row is the head. */
export function table(rows: string[][], align: Align[] = []): string {
  const [head = [], ...body] = rows
  return columns([head.map(quiet), ...body], align)
}

/** "Name  value" lines. Entries without a value are left out. */
export function facts(entries: [name: string, value: string | undefined][]): string {
  const known = entries.filter((entry): entry is [string, string] => entry[1] !== undefined)
  return columns(known.map(([name, value]) => [quiet(name), value]))
}

function columns(rows: string[][], align: Align[] = []): string {
  const widths: number[] = []
  for (const row of rows) for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, width(cell))
  return rows
    .map((row) => `  ${row.map((cell, i) => pad(cell, widths[i] ?? 0, align[i] ?? 'left')).join('  ')}`.trimEnd())
    .join('\n')
}

function pad(cell: string, to: number, align: Align): string {
  const space = ' '.repeat(Math.max(0, to - width(cell)))
  return align === 'left' ? cell + space : space + cell
}

function width(cell: string): number {
  return stripVTControlCharacters(cell).length
}
