/**
 * /docs: the routes and the errors on one page that needs nothing else. It runs no script, and its policy allows none.
 */
import { type ErrorCode, errorMeaning, errors } from '../../../protocol/errors.ts'
import type { ApiRoute } from './api.ts'

export const DOCS_POLICY =
  "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

const STYLE = `
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222;background:#fff}
h2{margin-top:2.5rem;border-bottom:1px solid #ccc}h3{margin:2rem 0 .25rem}code,pre{font:14px/1.5 ui-monospace,monospace}
pre{background:#f5f5f5;padding:.75rem;overflow:auto}table{border-collapse:collapse;width:100%}
td,th{text-align:left;vertical-align:top;padding:.25rem .75rem .25rem 0;border-bottom:1px solid #eee}
@media(prefers-color-scheme:dark){body{color:#ddd;background:#181818}pre{background:#222}td,th{border-color:#333}}`

export function docsPage(routes: readonly ApiRoute[]): string {
  const tags = [...new Set(routes.map((route) => route.tag))]
  const sections = tags.map(
    (tag) =>
      `<h2 id="${tag}">${title(tag)}</h2>${routes
        .filter((route) => route.tag === tag)
        .map(section)
        .join('')}`,
  )
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Kvorum HTTP API</title>
<meta name="viewport" content="width=device-width"><style>${STYLE}</style></head><body>
<h1>Kvorum HTTP API</h1>
<p>Every node answers every request. The same as a machine reads it: <a href="/openapi.json">/openapi.json</a>.</p>
${sections.join('\n')}
<h2 id="errors">Errors</h2>
<p>As <code>application/problem+json</code> (RFC 9457). <em>Effect</em> says whether the request took effect.</p>
<table><tr><th>Code</th><th>Status</th><th>Effect</th><th>Retry</th><th>Meaning</th></tr>${errorRows()}</table>
</body></html>`
}

function section(route: ApiRoute): string {
  const rows = route.parameters.map(
    (row) =>
      `<tr><td><code>${escaped(row.name)}</code></td><td>${row.in}</td><td>${escaped(row.description)}</td></tr>`,
  )
  const body =
    route.body === null ? '' : `<p>Body (${media(route.body.media)}): ${escaped(route.body.description)}</p>`
  const example =
    route.body?.example === undefined
      ? ''
      : `<pre>${escaped(JSON.stringify(route.body.example, null, 2))}</pre>`
  const replies = Object.entries(route.replies).map(
    ([status, reply]) =>
      `<tr><td>${status}</td><td>${media(reply.media)}</td><td>${escaped(reply.description)}</td></tr>`,
  )
  return `<h3 id="${route.id}"><code>${route.method} ${escaped(route.path)}</code></h3>
<p>${escaped(route.summary)}. ${escaped(route.description)}</p>
${rows.length === 0 ? '' : `<table><tr><th>Parameter</th><th>In</th><th></th></tr>${rows.join('')}</table>`}
${body}${example}<table><tr><th>Status</th><th>Type</th><th></th></tr>${replies.join('')}</table>
<p>Refuses with ${refusals(route)}.</p>`
}

function refusals({ problems }: ApiRoute): string {
  return problems.map((code) => `<a href="#${code}">${code}</a>`).join(', ') || 'nothing of its own'
}

function errorRows(): string {
  return (Object.keys(errors) as ErrorCode[])
    .map((code) => {
      const { http, effect, retryable } = errors[code]
      const meaning = escaped(errorMeaning(code))
      return `<tr id="${code}"><td><code>${code}</code></td><td>${http}</td><td>${effect}</td><td>${
        retryable ? 'yes' : 'no'
      }</td><td>${meaning}</td></tr>`
    })
    .join('')
}

function media(types: Readonly<Record<string, unknown>>): string {
  return Object.keys(types)
    .map((type) => `<code>${escaped(type)}</code>`)
    .join(', ')
}

function title(tag: string): string {
  return tag.charAt(0).toUpperCase() + tag.slice(1)
}

function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`)
}
