/** A column of an exported table. Names carry the unit: "generation_tokens_per_second". */
export type ExportColumn<T> = { name: string; of: (row: T) => string | number | undefined }

/** As RFC 4180 has it: commas, CRLF, quotes doubled within quotes. Numbers keep all their digits. */
export function toCsv<T>(rows: readonly T[], columns: readonly ExportColumn<T>[]): string {
  const lines = [columns.map(({ name }) => name), ...rows.map((row) => columns.map(({ of }) => of(row)))]
  return lines.map((cells) => cells.map(cellText).join(',') + '\r\n').join('')
}

/** The same table as a list of objects; what is not known is left out. */
export function toJson<T>(rows: readonly T[], columns: readonly ExportColumn<T>[]): string {
  const objects = rows.map((row) => Object.fromEntries(columns.map(({ name, of }) => [name, of(row)])))
  return `${JSON.stringify(objects, undefined, 2)}\n`
}

function cellText(value: string | number | undefined): string {
  if (value === undefined) return ''
  if (typeof value === 'number') return String(value)
  // A spreadsheet takes a text that begins so for a formula, and runs it.
  const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value
  return /[",\r\n]/.test(text) || text !== text.trim() ? `"${text.replaceAll('"', '""')}"` : text
}
