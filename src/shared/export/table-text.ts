export type Value = string | number | boolean | null | undefined
/** A line of a table, by the names of its columns. Names carry the unit: "size_bytes". */
export type TableRecord = Record<string, Value>

/** A column of an exported table. */
export type ExportColumn<T> = { name: string; of: (row: T) => Value }

export function recordsOf<T>(rows: readonly T[], columns: readonly ExportColumn<T>[]): TableRecord[] {
  return rows.map((row) => Object.fromEntries(columns.map(({ name, of }) => [name, of(row)])))
}

/** As RFC 4180 has it: commas, CRLF, quotes doubled within quotes. Numbers keep all their digits. */
export function toCsv(records: readonly TableRecord[], names = Object.keys(records[0] ?? {})): string {
  const lines = [names, ...records.map((record) => names.map((name) => record[name]))]
  return lines.map((cells) => cells.map(cellText).join(',') + '\r\n').join('')
}

/** The same table as a list of objects; what is not known is left out. */
export function toJson(records: readonly TableRecord[]): string {
  return `${JSON.stringify(records, undefined, 2)}\n`
}

function cellText(value: Value): string {
  if (value === undefined || value === null) return ''
  if (typeof value !== 'string') return String(value)
  // A spreadsheet takes a text that begins so for a formula, and runs it.
  const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value
  return /[",\r\n]/.test(text) || text !== text.trim() ? `"${text.replaceAll('"', '""')}"` : text
}
