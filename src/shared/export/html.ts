import { DARK, LIGHT, type Palette } from '../charts/palette.ts'
import { escaped } from '../charts/scene.ts'

/** A text that is HTML already: all others are escaped on their way into one. */
export type Html = { html: string }
type Part = Html | string | number | readonly Html[] | undefined

/** A template whose values cannot become mark-up unless they are Html themselves. */
export function html(strings: TemplateStringsArray, ...values: Part[]): Html {
  return { html: strings.reduce((text, string, index) => text + partText(values[index - 1]) + string) }
}

/** Of our own making: a drawing, or a style sheet. */
export function trusted(text: string): Html {
  return { html: text }
}

function partText(part: Part): string {
  if (part === undefined) return ''
  if (typeof part === 'string' || typeof part === 'number') return escaped(String(part))
  return 'html' in part ? part.html : part.map(({ html: text }) => text).join('')
}

const variables = (palette: Palette) =>
  Object.entries(palette)
    .map(([name, value]) => `${name}:${value}`)
    .join(';')

const STYLE = `
:root{color-scheme:light dark;${variables(LIGHT)};--ground:#f7f8f9}
@media (prefers-color-scheme:dark){:root{${variables(DARK)};--ground:#0f1216}}
*{box-sizing:border-box}
body{margin:0 auto;padding:2rem 1.5rem 4rem;max-width:66rem;background:var(--ground);color:var(--mantine-color-text);
font:0.875rem/1.5 'Inter Variable',Inter,system-ui,sans-serif;font-variant-numeric:tabular-nums}
h1{font-size:1.5rem;margin:0}h2{font-size:1.0625rem;margin:2.5rem 0 0.5rem}p{margin:0.25rem 0 0.75rem;max-width:46rem}
.quiet{color:var(--mantine-color-dimmed)}
.panel{background:var(--panel);border:1px solid var(--line);border-radius:10px;padding:1rem;overflow-x:auto}
svg{display:block;max-width:100%;height:auto}
dl{display:grid;grid-template-columns:max-content 1fr;gap:0.375rem 1.25rem;margin:0}
dt{color:var(--mantine-color-dimmed)}dd{margin:0;overflow-wrap:anywhere}
table{border-collapse:collapse;width:100%}
th,td{padding:0.3rem 0.6rem;text-align:right;white-space:nowrap;border-bottom:1px solid var(--line)}
th{color:var(--mantine-color-dimmed);font-weight:400;vertical-align:bottom}
th:last-child,td:last-child{text-align:left}
pre{margin:0.5rem 0 0;white-space:pre-wrap;overflow-wrap:anywhere;font-size:0.75rem}
summary{cursor:pointer}
@media print{body{max-width:none;padding:0}.panel{break-inside:avoid}}
`

/** A page that stands alone: no script, nothing from elsewhere, light or dark as the reader's system is. */
export function documentText(title: string, body: Html): string {
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width" />
        <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'" />
        <title>${title}</title>
        <style>
          ${trusted(STYLE)}
        </style>
      </head>
      <body>
        ${body}
      </body>
    </html> `
  return page.html
}

export function factList(facts: readonly (readonly [name: string, value: string | undefined])[]): Html {
  const known = facts.filter(([, value]) => value !== undefined)
  return html`<dl>
    ${known.map(
      ([name, value]) =>
        html`<dt>${name}</dt>
          <dd>${value}</dd>`,
    )}
  </dl>`
}
