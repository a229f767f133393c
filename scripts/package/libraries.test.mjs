import { expect, test } from 'vitest'
import { librariesIn } from './libraries.mjs'

const LDD = `	linux-vdso.so.1 (0x00007fcfd02ed000)
	libgomp.so.1 => /lib/x86_64-linux-gnu/libgomp.so.1 (0x00007fcfd0294000)
	libdnnl.so.2 => /lib/x86_64-linux-gnu/libdnnl.so.2 (0x00007fcfcd000000)
	libstdc++.so.6 => /lib/x86_64-linux-gnu/libstdc++.so.6 (0x00007fcfccc00000)
	libm.so.6 => /lib/x86_64-linux-gnu/libm.so.6 (0x00007fcfccf20000)
	libgcc_s.so.1 => /lib/x86_64-linux-gnu/libgcc_s.so.1 (0x00007fcfd0274000)
	libc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007fcfcca1e000)
	/lib64/ld-linux-x86-64.so.2 (0x00007fcfd02ef000)
`

test('the libraries to pack are those that not every system has', () => {
  expect(librariesIn(LDD)).toEqual([
    { name: 'libgomp.so.1', path: '/lib/x86_64-linux-gnu/libgomp.so.1' },
    { name: 'libdnnl.so.2', path: '/lib/x86_64-linux-gnu/libdnnl.so.2' },
  ])
  expect(librariesIn('	statically linked\n')).toEqual([])
})

test('a library that is missing is named', () => {
  expect(() => librariesIn('	libdnnl.so.3 => not found\n')).toThrow('The sidecar needs libdnnl.so.3')
})
