/**
 * Debian's Prometheus with the configuration of deploy/prometheus, its targets and intervals replaced, in a folder of
 * the test's own.
 */
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { freePorts } from '../free-ports.ts'
import { BackgroundProgram } from '../processes/programs.ts'
import { until } from '../processes/wait.ts'

export const DEPLOY_FOLDER = fileURLToPath(new URL('../../../deploy/', import.meta.url))
const FOLDER = join(DEPLOY_FOLDER, 'prometheus')

/** One series of an instant query. */
export interface QuerySample {
  readonly metric: Readonly<Record<string, string>>
  readonly value: number
}

interface Target {
  readonly health: string
  readonly lastError: string
}

interface Rule {
  readonly name: string
  readonly health: string
  readonly lastError?: string
  readonly state: string
}

export class Prometheus {
  readonly #url: string

  constructor(url: string) {
    this.#url = url
  }

  /** Scrapes `targets` ('host:port') as the job of the shipped configuration, five times a second. */
  static async with<T>(targets: readonly string[], use: (prometheus: Prometheus) => Promise<T>): Promise<T> {
    const folder = await mkdtemp(join(tmpdir(), 'kvorum-prometheus-'))
    const port = await freePorts(1)
    const shipped = await readFile(join(FOLDER, 'prometheus.yml'), 'utf8')
    await copyFile(join(FOLDER, 'alerts.yml'), join(folder, 'alerts.yml'))
    await writeFile(join(folder, 'prometheus.yml'), configFor(shipped, targets))
    const program = new BackgroundProgram('prometheus', [
      `--config.file=${join(folder, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--log.level=warn',
    ])
    const prometheus = new Prometheus(`http://127.0.0.1:${port}`)
    try {
      return await use(prometheus)
    } catch (error) {
      process.stderr.write(`--- prometheus\n${program.output}\n`)
      throw error
    } finally {
      await program.stop()
      await rm(folder, { recursive: true, force: true })
    }
  }

  /** What went wrong with the last scrape of each target; '' = it went well. */
  async scrapeErrors(): Promise<string[]> {
    const { activeTargets } = await this.#get<{ activeTargets: Target[] }>('targets')
    return activeTargets.map(({ health, lastError }) => (health === 'up' ? '' : lastError || health))
  }

  /** Waits until every target was scraped well. */
  async scraped(): Promise<void> {
    await until('Prometheus to have scraped all targets', async () => {
      const errors = await this.scrapeErrors()
      return errors.length > 0 && errors.every((error) => error === '')
    })
  }

  async query(expression: string): Promise<QuerySample[]> {
    const path = `query?query=${encodeURIComponent(expression)}`
    const { result } = await this.#get<{
      result: { metric: Record<string, string>; value: [number, string] }[]
    }>(path)
    return result.map(({ metric, value }) => ({ metric, value: Number(value[1]) }))
  }

  /** The value of an expression that gives one series, or null when it gives none. */
  async value(expression: string): Promise<number | null> {
    return (await this.query(expression))[0]?.value ?? null
  }

  async rules(): Promise<Rule[]> {
    const { groups } = await this.#get<{ groups: { rules: Rule[] }[] }>('rules')
    return groups.flatMap((group) => group.rules)
  }

  async #get<T>(path: string): Promise<T> {
    const response = await fetch(`${this.#url}/api/v1/${path}`, { signal: AbortSignal.timeout(10_000) })
    const body = (await response.json()) as { status: string; error?: string; data: T }
    if (body.status !== 'success') throw new Error(`Prometheus refused ${path}: ${body.error}`)
    return body.data
  }
}

function configFor(shipped: string, targets: readonly string[]): string {
  const list = targets.map((target) => `'${target}'`).join(', ')
  const config = shipped
    .replace(/targets: \[.*\]/, `targets: [${list}]`)
    .replaceAll(/_interval: 15s/g, '_interval: 200ms')
  if (!config.includes(list) || config.includes('15s'))
    throw new Error('The shipped configuration has another form')
  return config
}
