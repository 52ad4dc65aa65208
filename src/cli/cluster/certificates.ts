/** The certificates of a local cluster with TLS: made once, in DIR/tls, for this machine only. */
import { existsSync } from 'node:fs'
import { pathsOf } from '../cert/paths.ts'
import { type ClusterLayout, HOST, type LocalNode, tlsFolder } from './layout.ts'

const DAYS = 3_650

/** Makes what is missing; nothing for a cluster without TLS. */
export async function makeCertificates(layout: ClusterLayout): Promise<void> {
  if (layout.nodes.every((node) => node.caFile === undefined)) return
  const { makeAuthority, makeCertificate } = await import('../cert/files.ts')
  const folder = tlsFolder(layout.folder)
  for (const node of layout.nodes) {
    if (node.caFile === undefined) continue
    if (!existsSync(node.caFile)) makeAuthority(folder, DAYS)
    if (existsSync(pathsOf(folder, node.name).cert)) continue
    const hosts = [node.name, 'localhost', HOST, '::1']
    makeCertificate({ use: 'node', name: node.name, hosts, days: DAYS, folder, renew: false })
  }
}

/** Further flags of `kvorum start` for a node with a certificate. */
export function certificateFlags(layout: ClusterLayout, node: LocalNode): string[] {
  if (node.caFile === undefined) return []
  const { cert, key } = pathsOf(tlsFolder(layout.folder), node.name)
  return [`--tls-cert=${cert}`, `--tls-key=${key}`, `--tls-ca=${node.caFile}`]
}
