/**
 * Keeps addresses that strangers hand us away from what is private: literal addresses, names that resolve to one, and
 * connections that ended at one. `lookup` alone would not do: it is not called for literal addresses.
 */
import { lookup } from 'node:dns/promises'
import { isIP, type LookupFunction } from 'node:net'
import { callbackify } from 'node:util'
import ipaddr from 'ipaddr.js'
import type { buildConnector } from 'undici'

/** All addresses of a name. */
export type Resolve = (hostname: string) => Promise<readonly { address: string; family: number }[]>

interface Guard {
  /** Origins that the operator named: these are not checked. */
  allowed: ReadonlySet<string>
  timeoutSeconds: number
  resolve?: Resolve
}

const PORTS = new Set(['', '80', '443'])

/** Throws where no output may come from, before anything is looked up. */
export async function checkUrl(url: URL, allowed: ReadonlySet<string>): Promise<void> {
  if (url.username || url.password) throw refusal('an address with a password in it')
  if (allowed.has(url.origin)) return
  if (url.protocol !== 'https:') throw refusal('no https')
  if (!PORTS.has(url.port)) throw refusal(`port ${url.port}`)
  checkLiteral(url.hostname)
}

/** Opens a connection for undici, to public addresses only. */
export function guardedConnector(
  build: typeof buildConnector,
  { allowed, timeoutSeconds, resolve = systemResolve }: Guard,
): buildConnector.connector {
  const settings = { timeout: timeoutSeconds * 1000, allowH2: false } as const
  const open = build(settings)
  const openGuarded = build({ ...settings, lookup: guardedLookup(resolve) })
  return (target, callback) => {
    if (allowed.has(originOf(target))) return open(target, callback)
    try {
      checkLiteral(target.hostname)
    } catch (error) {
      return callback(error as Error, null)
    }
    openGuarded(target, (error, socket) => {
      if (error) return callback(error, null)
      if (isPublic(socket.remoteAddress ?? '')) return callback(null, socket)
      socket.destroy()
      callback(refusal('a connection that ended at a private address'), null)
    })
  }
}

function originOf({ protocol, host, hostname, port }: buildConnector.Options): string {
  return new URL(`${protocol}//${host ?? `${hostname}:${port}`}`).origin
}

/** One bad address among several is enough to refuse a name: which of them is taken is not ours to say. */
function guardedLookup(resolve: Resolve): LookupFunction {
  const find = callbackify(async (hostname: string) => {
    const addresses = await resolve(hostname)
    const isGood = addresses.length > 0 && addresses.every(({ address }) => isPublic(address))
    if (!isGood) throw refusal('a name of a private address')
    return addresses.map(({ address }) => ({ address, family: isIP(address) }))
  })
  return (hostname, { all }, callback) =>
    find(hostname, (error, addresses) => {
      const [first] = addresses ?? []
      if (error || !first) callback(error, [])
      else if (all) callback(null, addresses)
      else callback(null, first.address, first.family)
    })
}

const systemResolve: Resolve = hostname => lookup(hostname, { all: true })

function checkLiteral(hostname: string): void {
  const address = hostname.replace(/^\[|\]$/g, '')
  if (isIP(address) !== 0 && !isPublic(address)) throw refusal('a private address')
}

/** Ordinary unicast and nothing else: no loopback, private, shared, link-local, reserved, multicast or translated range. */
export function isPublic(text: string): boolean {
  if (!ipaddr.isValid(text)) return false
  const address = ipaddr.process(text)
  if (address.range() !== 'unicast') return false
  // All that is given out of IPv6 begins with the bits 001; `::/96` held IPv4 addresses once.
  return address.kind() === 'ipv4' || (address as ipaddr.IPv6).parts[0]! >> 13 === 1
}

function refusal(what: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`Outputs are not fetched from ${what}`), { code: 'ERR_ADDRESS_REFUSED' })
}
