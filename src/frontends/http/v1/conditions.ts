/**
 * If-Match and If-None-Match (RFC 9110, 13.1). An entity tag is the quoted revision of the key's last change;
 * other tags are well formed and never equal to one.
 */
import type { IncomingHttpHeaders } from 'node:http'
import { badRequest, ProblemError } from '../problem.ts'

/** `any`: '*'. Else the revisions of the tags that can be equal to ours. */
export interface TagList {
  readonly any: boolean
  readonly revisions: readonly number[]
}

export interface Conditions {
  readonly ifMatch: TagList | null
  readonly ifNoneMatch: TagList | null
}

const NONE: Conditions = { ifMatch: null, ifNoneMatch: null }
const TAG = /^(W\/)?"([\x21\x23-\x7e\x80-\xff]*)"$/
const REVISION = /^[1-9]\d{0,15}$/
/** Tags in one list; a longer one is no list that somebody needs. */
const MAX_TAGS = 100

export function etagOf(revision: number): string {
  return `"${revision}"`
}

export function conditionsOf(headers: IncomingHttpHeaders): Conditions {
  const match = headers['if-match']
  const noneMatch = headers['if-none-match']
  const since = headers['if-unmodified-since']
  // Ignoring it would overwrite what its client protects; a second is too coarse to judge it (RFC 9110, 13.1.4).
  if (since !== undefined && match === undefined) {
    throw badRequest('If-Unmodified-Since', since, 'If-Match instead, with the ETag')
  }
  if (match === undefined && noneMatch === undefined) return NONE
  return {
    // Strong comparison: a weak tag is never equal.
    ifMatch: match === undefined ? null : parseTags('If-Match', match, false),
    ifNoneMatch: noneMatch === undefined ? null : parseTags('If-None-Match', noneMatch, true),
  }
}

function parseTags(header: string, text: string, isWeakEqual: boolean): TagList {
  if (text.trim() === '*') return { any: true, revisions: [] }
  const tags = text
    .split(',')
    .map((tag) => tag.trim())
    .filter((tag) => tag !== '')
  if (tags.length === 0) throw badRequest(header, text, '* or entity tags in quotes')
  if (tags.length > MAX_TAGS)
    throw new ProblemError('BAD_REQUEST', `${header} has more than ${MAX_TAGS} tags`)
  const revisions: number[] = []
  for (const tag of tags) {
    const match = TAG.exec(tag)
    if (match === null) throw badRequest(header, tag, 'an entity tag in quotes, such as "42"')
    const isStrong = match[1] === undefined
    const word = match[2] ?? ''
    if ((isStrong || isWeakEqual) && REVISION.test(word)) revisions.push(Number(word))
  }
  return { any: false, revisions }
}

/** Is the key, whose last change is `revision` (0: there is none), what If-Match asks for? */
export function isMatch(list: TagList | null, revision: number): boolean {
  if (list === null) return true
  return list.any ? revision > 0 : list.revisions.includes(revision)
}

/** Is it what If-None-Match wants it not to be? */
export function isNoneMatchHit(list: TagList | null, revision: number): boolean {
  if (list === null) return false
  return list.any ? revision > 0 : list.revisions.includes(revision)
}
