import { expect, test } from 'vitest'
import { ascii, box, ebmlHeader, fileType, join, picture, uint32 } from '../test/samples.ts'
import { sniff } from './index.ts'

test.each(['png', 'jpeg', 'webp', 'avif', 'gif'] as const)('knows a %s', async format => {
  expect(sniff(await picture(format, 20, 10))).toBe(`image/${format}`)
})

test('knows MP4 and WebM, and AVIF behind a brand that says nothing', () => {
  expect(sniff(fileType)).toBe('video/mp4')
  expect(sniff(ebmlHeader('webm'))).toBe('video/webm')
  expect(sniff(box('ftyp', ascii('mif1'), uint32(0), ascii('mif1miafavif')))).toBe('image/avif')
})

test.each([
  ['nothing', ''],
  ['SVG', '<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'],
  ['SVG behind an XML head', '<?xml version="1.0"?><svg/>'],
  ['HTML', '<!doctype html><script>alert(1)</script>'],
  ['HTML behind white space', '\n\n  <html>'],
  ['a PDF', '%PDF-1.7'],
  ['a script', '#!/bin/sh'],
  ['a ZIP', 'PK\u0003\u0004'],
  ['a WAVE, which is RIFF too', 'RIFF\u0001\u0002\u0003\u0004WAVEfmt '],
  ['half a PNG signature', '\u0089PNG'],
  ['GIF of a version that never was', 'GIF90a'],
])('refuses %s', (_, text) => {
  expect(sniff(Buffer.from(text, 'latin1'))).toBeNull()
})

test('refuses relatives of what it knows: HEIC, QuickTime, sound, Matroska', () => {
  expect(sniff(box('ftyp', ascii('heic'), uint32(0), ascii('mif1heic')))).toBeNull()
  expect(sniff(box('ftyp', ascii('mif1'), uint32(0), ascii('mif1heic')))).toBeNull()
  expect(sniff(box('ftyp', ascii('qt  '), uint32(0), ascii('qt  ')))).toBeNull()
  expect(sniff(box('ftyp', ascii('M4A '), uint32(0), ascii('M4A mp42isom')))).toBeNull()
  expect(sniff(ebmlHeader('matroska'))).toBeNull()
})

test('a picture behind something else is not a picture', async () => {
  expect(sniff(join(ascii('<script>'), await picture('png', 4, 4)))).toBeNull()
})
