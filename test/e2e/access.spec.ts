import { expect, startServer, squeeze, test } from './support/studio.ts'

test('the key leaves the address, and the tab stays known', async ({ page, served, context }) => {
  await page.goto(`${served.url}#/`)
  await expect(page.getByText('Squeeze a first checkpoint')).toBeVisible()
  expect(page.url()).toBe(`http://127.0.0.1:${served.port}/#/`)
  const [cookie] = await context.cookies()
  expect(cookie).toMatchObject({ httpOnly: true, sameSite: 'Strict', expires: -1 })
  await page.reload()
  await expect(page.getByText('Squeeze a first checkpoint')).toBeVisible()
})

test('who comes without the key is told how to get in', async ({ page, served }) => {
  const response = await page.goto(`http://127.0.0.1:${served.port}/`)
  expect(response?.status()).toBe(401)
  await expect(page.getByText('This studio needs its key')).toBeVisible()
})

test('another site can neither read nor connect, though the browser knows the studio', async ({ page, served }) => {
  await page.goto(served.url)
  await page.route('http://elsewhere.test/', (route) =>
    route.fulfill({ contentType: 'text/html', body: '<p>elsewhere</p>' }),
  )
  await page.goto('http://elsewhere.test/')
  const outcome = await page.evaluate(async (port) => {
    const read = await fetch(`http://127.0.0.1:${port}/session`, { credentials: 'include' }).then(
      () => 'read',
      () => 'refused',
    )
    const socket = new WebSocket(`ws://127.0.0.1:${port}/wire`)
    const connected = await new Promise((resolve) => {
      socket.onopen = () => resolve('connected')
      socket.onerror = () => resolve('refused')
    })
    return { read, connected }
  }, served.port)
  expect(outcome).toEqual({ read: 'refused', connected: 'refused' })
})

test('a tab says so when the studio is gone, and when it was started anew', async ({ page, home }) => {
  const first = await startServer(home, '--port', '0')
  await page.goto(first.url)
  await expect(page.getByText('Squeeze a first checkpoint')).toBeVisible()
  expect(await first.stop()).toBe(0)
  await expect(page.getByText('The studio does not answer.')).toBeVisible()
  await expect(page.getByText('Squeeze a first checkpoint')).toBeVisible()
  const second = await startServer(home, '--port', String(first.port))
  await expect(page.getByText('no longer knows this tab')).toBeVisible({ timeout: 15_000 })
  await page.goto(second.url)
  await expect(page.getByText('Squeeze a first checkpoint')).toBeVisible()
  await second.stop()
})

test('a port that is taken is an error with a way out; without one asked for, another is found', async ({
  served,
  home,
}) => {
  const taken = await squeeze('serve', '--home', home, '--port', String(served.port))
  expect(taken.status).not.toBe(0)
  expect(taken.errors).toContain(`Port ${served.port} on 127.0.0.1 is taken`)
  const [first, second] = [await startServer(home), await startServer(home)]
  expect(second.port).not.toBe(first.port)
  await Promise.all([first.stop(), second.stop()])
})
