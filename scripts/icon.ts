#!/usr/bin/env node
/** Draws resources/icon.png, from which the packages' icons are made, from the page's own icon. usage: icon.ts */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { chromium } from 'playwright-core'
import { chromiumOptions } from '../test/e2e/support/chromium.ts'
import { root } from '../test/e2e/support/studio.ts'

/** macOS wants this many pixels; the other systems take less. */
const SIZE = 1024

const svg = readFileSync(join(root, 'src', 'renderer', 'public', 'icon.svg'), 'utf8')
const browser = await chromium.launch(chromiumOptions)
const page = await browser.newPage({ viewport: { width: SIZE, height: SIZE } })
await page.setContent(`<style>* { margin: 0 } svg { display: block; width: 100vw; height: 100vh }</style>${svg}`)
await page.screenshot({ path: join(root, 'resources', 'icon.png'), omitBackground: true })
await browser.close()
