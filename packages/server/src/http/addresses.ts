/** Which address a request is counted under. Only what trusted proxies wrote is believed, read from the right. */
import { BlockList, isIP } from 'node:net'

type Trust = { hops: number } | { isTrusted(address: string): boolean }

const NAMED: Record<string, readonly string[]> = {
  loopback: ['127.0.0.0/8', '::1/128'],
  private: [
    '10.0.0.0/8',
    '172.16.0.0/12',
    '192.168.0.0/16',
    '100.64.0.0/10',
    '169.254.0.0/16',
    'fc00::/7',
    'fe80::/10',
  ],
}
const MAX_HOPS = 16

/** Null where a part of the text is neither an address, a range, `loopback`, `private` nor, alone, a number of hops. */
export function parseTrustedProxies(text: string): Trust | null {
  if (/^\d{1,2}$/.test(text.trim())) {
    const hops = Number(text)
    return hops >= 1 && hops <= MAX_HOPS ? { hops } : null
  }
  const trusted = new BlockList()
  for (const part of text.split(',').map(word => word.trim())) {
    const ranges = Object.hasOwn(NAMED, part) ? NAMED[part]! : [part]
    if (!ranges.every(range => addRange(trusted, range))) return null
  }
  return { isTrusted: address => trusted.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4') }
}

function addRange(list: BlockList, range: string): boolean {
  const [address = '', prefix, ...rest] = range.split('/')
  const version = isIP(address)
  const widest = version === 6 ? 128 : 32
  if (version === 0 || rest.length > 0 || (prefix !== undefined && !/^\d{1,3}$/.test(prefix))) return false
  const bits = prefix === undefined ? widest : Number(prefix)
  if (bits > widest) return false
  list.addSubnet(address, bits, version === 6 ? 'ipv6' : 'ipv4')
  return true
}

/** The client behind the proxies, null where the connection has no address. Without trust that is the peer. */
export function clientAddress(
  peer: string | null,
  forwardedFor: string | undefined,
  trust: Trust | null,
): string | null {
  const nearest = peer === null ? null : plainAddress(peer)
  if (nearest === null || trust === null) return nearest
  const fromTheRight = (forwardedFor ?? '').split(',').toReversed()
  let client = nearest
  for (const [index, entry] of fromTheRight.entries()) {
    const isProxy = 'hops' in trust ? index < trust.hops : trust.isTrusted(client)
    const next = isProxy ? plainAddress(entry) : null
    if (next === null) break
    client = next
  }
  return client
}

/** Without port, brackets or zone; IPv4 in its own form; null for anything else. */
function plainAddress(written: string): string | null {
  const text = written.trim()
  const bare = /^\[([^\]]+)\](:\d+)?$/.exec(text)?.[1] ?? /^([\d.]+):\d+$/.exec(text)?.[1] ?? text
  const address = bare.replace(/%.*$/, '')
  if (isIP(address) === 4) return address
  if (isIP(address) !== 6) return null
  const groups = groupsOf(address)
  const isMapped = groups.slice(0, 5).every(group => group === 0) && groups[5] === 0xffff
  if (!isMapped) return groups.map(group => group.toString(16)).join(':')
  const [high = 0, low = 0] = groups.slice(6)
  return [high >> 8, high & 255, low >> 8, low & 255].join('.')
}

/** What counts together: an IPv4 address, or all of an IPv6 /64, which is one customer. */
export function addressGroup(address: string): string {
  return isIP(address) === 6 ? `${address.split(':').slice(0, 4).join(':')}::/64` : address
}

function groupsOf(ipv6: string): number[] {
  const normal = new URL(`http://[${ipv6}]`).hostname.slice(1, -1)
  const [head = '', tail] = normal.split('::')
  const parse = (part: string) => (part === '' ? [] : part.split(':').map(group => Number.parseInt(group, 16)))
  const [left, right] = [parse(head), parse(tail ?? '')]
  return [...left, ...Array.from({ length: 8 - left.length - right.length }, () => 0), ...right]
}
